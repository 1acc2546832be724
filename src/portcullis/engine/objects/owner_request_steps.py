"""The steps by which a rule is enforced on the request: by its head what can be, by its body what has to be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from portcullis.engine.decision import Finding, Modify, Refuse
from portcullis.engine.facts import UNREAD, Facts
from portcullis.engine.objects import codes
from portcullis.engine.objects.explaining import pointer_of
from portcullis.engine.objects.given import Given
from portcullis.engine.objects.owning import Ownership, Part, decided, refuse_first
from portcullis.engine.objects.selecting import judge
from portcullis.engine.ports import CounterStoreError
from portcullis.engine.request import RequestView

OfRequest: TypeAlias = Refuse | Modify | None

# With these a service could answer in a way that can't be checked, or that tells whether an object is there.
_ASKED_WITHOUT: Final = frozenset(
    {
        *(b"accept-encoding", b"range", b"if-range"),
        *(b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"),
    }
)
_PLAIN_ACCEPTS: Final = frozenset({b"*/*", b"application/json"})
_AS_WHOLE: Final = Modify(remove_fields=_ASKED_WITHOUT)


def head_step(
    owned: Ownership, part: Part | None, accept: bytes | None
) -> Callable[[RequestView, Facts], OfRequest | Awaitable[OfRequest]]:
    """Decides what the request's head is enough for. ``accept``: what the service is asked for, where that matters."""

    def decide(given: Given) -> OfRequest:
        if owned.enumeration.locks and (locked := _locked(owned, given.facts)) is not None:
            return locked
        if part is not None:
            truth = part.decider.check(given, None)
            if truth is not True:
                return owned.refuse(given, part.decider, None, (), truth)
        return None if accept is None else _asked_as_whole(given.request, accept)

    def step(request: RequestView, facts: Facts) -> OfRequest | Awaitable[OfRequest]:
        return None if owned.spares(facts) else decided(owned, decide, Given(request, facts))

    return step


def body_step(
    owned: Ownership, parts: Sequence[Part]
) -> Callable[[RequestView, Facts], OfRequest | Awaitable[OfRequest]]:
    """Decides what the request's body is needed for. Of a list in it each item has to pass."""

    def decide(given: Given) -> OfRequest:
        given.whole = given.facts.document
        if given.whole is UNREAD:
            return owned.unreadable("/body", "nothing that could be read", "a body")
        for part in parts:
            refusal = _of_body(owned, part, given)
            if refusal is not None:
                return refusal
        return None

    def step(request: RequestView, facts: Facts) -> OfRequest | Awaitable[OfRequest]:
        return None if owned.spares(facts) else decided(owned, decide, Given(request, facts))

    return step


def _of_body(owned: Ownership, part: Part, given: Given) -> Refuse | None:
    decider = part.decider
    if part.at is None:
        truth = decider.check(given, None)
        return None if truth is True else owned.refuse(given, decider, None, (), truth)
    judged = judge(given.whole, part.at, decider.bind(given), strict=True)
    given.must_know()
    if judged.missing is not None:
        return owned.unreadable(pointer_of("/body", judged.missing), "no list", "a list")
    return None if judged.first is None else refuse_first(owned, part, given, judged.first)


def _locked(owned: Ownership, facts: Facts) -> Refuse | None:
    try:
        taken = owned.enumeration.is_locked(facts)
    except CounterStoreError as error:
        return owned.unavailable(error)
    if taken is None:
        return None
    seconds = -(-taken.retry_after_ns // 10**9)
    allowed = f"fewer than {owned.enumeration.after} refused objects in {owned.enumeration.per} s"
    fields = ((b"retry-after", b"%d" % seconds),)
    return Refuse(codes.LOCKED, finding=Finding("/identity", "", allowed, owned.source), fields=fields)


def _asked_as_whole(request: RequestView, accept: bytes) -> Modify | None:
    """Ask the service for an answer that can be read, whatever the client asks for."""
    headers = request.headers
    asked = headers.get(b"accept")
    if asked is not None and asked not in _PLAIN_ACCEPTS and asked != accept:
        return Modify(remove_fields=_ASKED_WITHOUT, set_fields=((b"accept", accept),))
    return None if _ASKED_WITHOUT.isdisjoint(headers) else _AS_WHOLE
