"""Who created it owns it: tuples kept from what the service answers to those who create.

Three steps. Before the service is asked it must be clear that a tuple could be kept, since an object that belongs to
nobody helps no one: the caller must be somebody, and whoever keeps relations must answer. Then the answer must be one
that names the object. Last the tuple is kept, and only then the client is answered: its next request finds it,
whichever worker it meets.

What somebody else is related to already was not created just now (an id that the client chose, a service that answers a
repeated request with what there is), so nothing is kept then and the answer is not the caller's to see.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from portcullis.engine.authentication.callers import CallerTypes
from portcullis.engine.codes import Code
from portcullis.engine.decision import Finding, Modify, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.objects import codes
from portcullis.engine.objects.owning import is_json
from portcullis.engine.objects.surroundings import reader
from portcullis.engine.objects.syntax import Path
from portcullis.engine.ports import Questions, Unanswered
from portcullis.engine.relations.keeping import KEEP, decode_kept, encode_tuples
from portcullis.engine.relations.object_names import ObjectName, as_part
from portcullis.engine.relations.tuples import RelationTuple, is_id
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView
from portcullis.engine.strict_json import MalformedJsonError

NOT_KEPT: Final = Code("objects.not_kept", 502, "The object may have been created, but not for the caller")
TAKEN: Final = Code("objects.taken", 502, "What was created is related to somebody else already", NOT_KEPT)
NOBODY: Final = Code("objects.nobody", 403, "Nothing can be created for the caller", codes.FORBIDDEN)

MOST_TOGETHER: Final = 1000
"""Objects that one answer may say were created."""
_CODED: Final = frozenset({b"accept-encoding"})

OfAnswer: TypeAlias = Refuse | Modify | None


class Creation(msgspec.Struct, frozen=True):
    """What is kept at one operation.

    ``relation``: with its type, ``order#owner``; ``statuses``: those by which the service says that it has created;
    ``accept``: the media types that it is asked for; ``source``: where that is said.
    """

    name: ObjectName
    relation: str
    callers: CallerTypes
    questions: Questions
    statuses: range
    accept: bytes
    source: str

    def subject(self, facts: Facts) -> tuple[str, str] | None:
        """Type and id of the caller; ``None`` if no tuple can name it."""
        type_, id_ = self.callers.of(facts), facts.identity.subject
        return (type_, id_) if type_ is not None and is_id(id_) else None

    def refuse(self, code: Code, pointer: str, found: str, allowed: str) -> Refuse:
        """A refusal, with the reason for the record."""
        return Refuse(code, finding=Finding(pointer, shorten(found), allowed, self.source))


def preparing(creation: Creation) -> Callable[[RequestView, Facts], Refuse | Awaitable[Refuse | Modify | None]]:
    """The step for the request's head: whether what will be created could be kept, and how the service is asked."""
    nothing = encode_tuples(())

    async def prepare(request: RequestView) -> Refuse | Modify | None:
        try:
            await creation.questions.ask(KEEP, nothing)
        except Unanswered as error:
            return creation.refuse(codes.UNAVAILABLE, "/identity", str(error), "somebody who keeps relations")
        return _asked_readably(request, creation.accept)

    def step(request: RequestView, facts: Facts) -> Refuse | Awaitable[Refuse | Modify | None]:
        if creation.subject(facts) is None:
            return creation.refuse(NOBODY, "/identity", "nobody in particular", "a caller with a plain name")
        return prepare(request)

    return step


def _asked_readably(request: RequestView, accept: bytes) -> Modify | None:
    """Ask the service for JSON without a coding, whatever the client asks for."""
    asked = request.headers.get(b"accept", b"*/*")
    fields = () if asked in (b"*/*", b"application/json", accept) else ((b"accept", accept),)
    removed = _CODED if b"accept-encoding" in request.headers else frozenset()
    return Modify(remove_fields=removed, set_fields=fields) if fields or removed else None


def heading(creation: Creation) -> Callable[[ResponseView, Facts], Refuse | None]:
    """The step for the answer's head: one that says that something was created must be able to say what."""

    def step(response: ResponseView, _facts: Facts) -> Refuse | None:
        if response.status not in creation.statuses:
            return None
        if not response.has_body:
            return creation.refuse(NOT_KEPT, "/response/body", "no body", "the object")
        field = response.headers.get(b"content-type", b"")
        if not is_json(field):
            return creation.refuse(NOT_KEPT, "/response/header/content-type", field.decode("latin-1"), "JSON")
        return None

    return step


def keeping(creation: Creation) -> Callable[[ResponseView, Facts], OfAnswer | Awaitable[OfAnswer]]:
    """The step for the answer's body: keeps the tuple for each object in it."""
    ids_in = _ids_reader(creation.name)

    async def keep(tuples: list[RelationTuple]) -> Refuse | None:
        said = ", ".join(map(str, tuples))
        try:
            kept = decode_kept(await creation.questions.ask(KEEP, encode_tuples(tuples)))
        except Unanswered as error:
            return creation.refuse(NOT_KEPT, "/response/body", said, f"what could be kept: {error}")
        if kept == [True] * len(tuples):
            return None
        taken = next((each for each, is_kept in zip(tuples, kept, strict=False) if not is_kept), said)
        return creation.refuse(TAKEN, "/response/body", str(taken), "an object that nobody is related to")

    def step(response: ResponseView, facts: Facts) -> OfAnswer | Awaitable[OfAnswer]:
        if response.status not in creation.statuses:
            return None
        subject = creation.subject(facts)
        try:
            ids = list(ids_in(response.value()))
        except MalformedJsonError as error:
            return creation.refuse(NOT_KEPT, "/response/body", str(error), "JSON that reads one way only")
        if subject is None or None in ids or len(ids) > MOST_TOGETHER:
            wanted = " and ".join(map(str, creation.name.paths))
            return creation.refuse(NOT_KEPT, "/response/body", "no id", f"{wanted} of at most {MOST_TOGETHER} objects")
        type_, name = subject
        tuples = [RelationTuple(creation.relation, id_, type_, name) for id_ in ids if id_ is not None]
        return keep(tuples) if tuples else None

    return step


def _ids_reader(name: ObjectName) -> Callable[[Any], Iterator[str | None]]:
    """Reads the ids of the objects in an answer; ``None`` for one that has none."""
    listed = next((path.list_steps for path in name.paths if path.list_steps is not None), None)
    reads: Mapping[Path, Callable[[Any], Any]] = {path: reader(path.item_steps) for path in name.paths}
    list_of = None if listed is None else reader(tuple(map(str, listed)))

    def id_of(item: Any, whole: Any) -> str | None:
        parts = []
        for part in name.parts:
            if isinstance(part, Path):
                read = as_part(reads[part](whole if part.list_steps is None else item))
                if read is None:
                    return None
                parts.append(read)
            else:
                parts.append(part)
        id_ = "".join(parts)
        return id_ if is_id(id_) else None

    def ids_in(document: Any) -> Iterator[str | None]:
        if list_of is None:
            yield id_of(document, document)
            return
        items = list_of(document)
        if items.__class__ is not list:
            yield None
            return
        for item in items:
            yield id_of(item, document)

    return ids_in
