"""The steps by which fields are hidden in answers, and kept from being set in requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from portcullis.engine.codes import Code
from portcullis.engine.decision import Finding, Modify, Refuse, shorten
from portcullis.engine.facts import UNREAD, Facts
from portcullis.engine.objects import codes
from portcullis.engine.objects.explaining import pointer_of
from portcullis.engine.objects.hiding import Hider, Mark, Marks, Node, outermost, present, take_out
from portcullis.engine.objects.json_text import edited
from portcullis.engine.objects.owning import is_json
from portcullis.engine.objects.selecting import Way
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView
from portcullis.engine.strict_json import MalformedJsonError

MOST_STRIPPED: Final = 10_000
"""Fields that are taken out of one body, some 20 ms; one with more is refused."""
_ASKED_WITHOUT: Final = frozenset({b"accept-encoding", b"range", b"if-range"})
_COMPARED: Final = frozenset({b"if-match", b"if-none-match"})
_READ_WITHOUT: Final = _ASKED_WITHOUT | _COMPARED
_TELLING: Final = frozenset({b"etag", b"content-digest", b"content-md5", b"digest", b"repr-digest"})
"""What many services make of a whole body: by it the value of a hidden field could be found by trying all there are."""
_AS_WHOLE: Final = Modify(remove_fields=_ASKED_WITHOUT)
_READ_AS_WHOLE: Final = Modify(remove_fields=_READ_WITHOUT)
_UNTOLD: Final = Modify(remove_fields=_TELLING | {b"content-length"})
_READS: Final = frozenset({"GET", "HEAD", "QUERY"})
_PROBLEM: Final = b"application/problem+json"
_PATCH: Final = b"application/json-patch+json"


def _concerning(trees: Sequence[Marks], facts: Facts) -> list[Node]:
    """What of ``trees`` concerns the caller."""
    roles = facts.identity.roles
    return [node for tree in trees if (node := tree.for_roles(roles)) is not None]


# Answers


def ask_step(trees: Sequence[Marks]) -> Callable[[RequestView, Facts], Modify | None]:
    """Asks for answers that can be read, for callers from whom something is hidden."""

    def ask(request: RequestView, facts: Facts) -> Modify | None:
        # What is written under a condition stays under it: to guess by writing changes what is guessed.
        reads = request.method in _READS
        without = _READ_WITHOUT if reads else _ASKED_WITHOUT
        if without.isdisjoint(request.headers) or not _concerning(trees, facts):
            return None
        return _READ_AS_WHOLE if reads else _AS_WHOLE

    return ask


def answer_head_step(trees: Sequence[Marks]) -> Callable[[ResponseView, Facts], Refuse | Modify | None]:
    """Refuses answers in which fields would have to be hidden and can't be; takes out what tells of hidden ones."""

    def check_head(response: ResponseView, facts: Facts) -> Refuse | Modify | None:
        is_readable = response.status >= 400 or not response.has_body or _holds_json(response)
        tells = not _TELLING.isdisjoint(response.headers) or _tells_length(response)
        if (is_readable and not tells) or not _concerning(trees, facts):
            return None
        if is_readable:
            return _UNTOLD
        field = response.headers.get(b"content-type")
        shown = "none" if field is None else shorten(field.decode("latin-1"))
        return _unreadable(response, Finding("/response/header/content-type", shown, "JSON"))

    return check_head


def _tells_length(response: ResponseView) -> bool:
    """Whether an answer without a body says how long the body would be, hidden fields included."""
    return response.request.method == "HEAD" and b"content-length" in response.headers


def wants_answer(response: ResponseView) -> bool:
    """Fields are hidden in JSON, but not in the problem documents of errors, which are about the call and no object."""
    if not _holds_json(response):
        return False
    kind: bytes = response.headers[b"content-type"].partition(b";")[0].strip()
    return response.status < 400 or kind != _PROBLEM


def answer_step(trees: Sequence[Marks], hider: Hider) -> Callable[[ResponseView, Facts], Refuse | Modify | None]:
    """Hides what the caller does not see."""

    def hide(response: ResponseView, facts: Facts) -> Refuse | Modify | None:
        nodes = _concerning(trees, facts) if wants_answer(response) else ()
        if not nodes or not response.body:
            return None
        try:
            response.value()
        except MalformedJsonError as error:
            return _unreadable(response, Finding("/response/body", shorten(str(error)), "JSON that reads one way only"))
        body, count = response.body, 0
        first: Mark | None = None
        for node in nodes:
            found = hider.hide(body, node)
            if found is not None:
                body, hidden = found
                count += hidden.count
                first = first or hidden.first
        if first is None:
            return None
        finding = Finding(f"/response/body{first.pointer}", _fields(count), _allowed(first), first.source)
        return Modify(body=body, code=codes.FIELD_HIDDEN, finding=finding)

    return hide


def _holds_json(response: ResponseView) -> bool:
    field = response.headers.get(b"content-type")
    return field is not None and is_json(field)


def _unreadable(response: ResponseView, finding: Finding) -> Refuse:
    """Refuse the answer; a status of an error stays."""
    return Refuse(codes.FIELDS_UNREADABLE, finding=finding, status=response.status if response.status >= 400 else 0)


# Requests


def body_step(trees: Sequence[Marks]) -> Callable[[RequestView, Facts], Refuse | Modify | None]:
    """Refuses bodies with fields that the caller may not set, or takes these out."""

    def check(request: RequestView, facts: Facts) -> Refuse | Modify | None:
        nodes = _concerning(trees, facts)
        if not nodes or not request.body:
            return None
        document = facts.document
        if document is UNREAD or _lists_changes(request):
            found = "nothing that could be read" if document is UNREAD else "a JSON Patch"
            return Refuse(codes.BODY_UNREADABLE, finding=Finding("/body", found, "a body whose fields can be told"))
        stripped: dict[Way, Mark] = {}
        for node in nodes:
            for way, mark in present(document, node):
                # Of a body that is marked itself nothing would be left.
                if mark.action == "refuse" or not way or len(stripped) == MOST_STRIPPED:
                    return _refuse(codes.FIELD_REFUSED, way, mark)
                stripped[way] = mark
        return _without(request.body, document, stripped) if stripped else None

    return check


def _lists_changes(request: RequestView) -> bool:
    """Whether the body is a JSON Patch (RFC 6902): what it sets is named by its values, and not by its fields."""
    field = request.headers.get(b"content-type", b"")
    return field.partition(b";")[0].strip().lower() == _PATCH


def _refuse(code: Code, way: Way, mark: Mark) -> Refuse:
    pointer = pointer_of("", way)
    detail = f"The field {pointer} is not yours to set."
    return Refuse(code, detail, Finding(pointer_of("/body", way), "", _allowed(mark), mark.source))


def _without(body: bytes, document: Any, stripped: dict[Way, Mark]) -> Modify:
    """The body without what is ``stripped``; whoever looks at what it says finds that gone, too."""
    ways = outermost(stripped)
    way, mark = next(iter(stripped.items()))
    finding = Finding(pointer_of("/body", way), _fields(len(ways)), _allowed(mark), mark.source)
    return Modify(body=edited(body, take_out(document, ways)), code=codes.FIELD_REFUSED, finding=finding)


def _allowed(mark: Mark) -> str:
    return shorten(" or ".join(sorted(mark.roles or ())) or "nobody")


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"
