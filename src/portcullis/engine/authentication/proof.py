"""What proves who calls: the contract between the phase ``authenticate`` and its kinds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final, Literal

import msgspec

from portcullis.engine.codes import Code
from portcullis.engine.decision import Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Identity
from portcullis.engine.policy import Step
from portcullis.engine.request import RequestView

FAILED: Final = Code("authenticate.failed", 401, "The caller could not be authenticated")
MISSING: Final = Code("authenticate.missing", 401, "No credential was presented", FAILED)
DUPLICATE_CREDENTIAL: Final = Code(
    "authenticate.duplicate_credential", 401, "More than one credential was presented", FAILED
)
UNAVAILABLE: Final = Code("authenticate.unavailable", 503, "The caller can't be authenticated right now")

Absent = Literal["absent"]
ABSENT: Final[Absent] = "absent"


class NotMine(msgspec.Struct, frozen=True):
    """There is a credential, of the right method but for another identity, such as a token of another issuer.

    ``refusal``: what to say of it if no other identity takes it.
    """

    refusal: Refuse


Proven = Identity | Refuse
Outcome = Proven | NotMine | Absent | Awaitable[Proven]
Proof = Callable[[RequestView, Facts], Outcome]
"""Looks for a credential; see :class:`Authenticator`."""

Standing = Callable[[RequestView, int, float], Refuse | Awaitable[Refuse | None] | None]
"""Looks again whether a caller still is who was let in: by the request, what proved it (:attr:`Facts.proven_by`), and
how many seconds ago somebody was last asked for it, since nobody is asked too often."""

Look = Callable[[RequestView, float], Outcome]
"""Looks again, the given number of seconds after it was last looked for somebody who had to be asked, or let in."""


class Later:
    """An answer that is looked for once somebody waits for it, so that it costs nothing if nobody does."""

    __slots__ = ("_begin",)

    def __init__(self, begin: Callable[[], Awaitable[Proven]]) -> None:
        self._begin = begin

    def __await__(self) -> Generator[Any, Any, Proven]:
        return self._begin().__await__()


class Authenticator(msgspec.Struct, frozen=True):
    """One identity, compiled.

    ``prove``: looks for the credential and says at once :data:`ABSENT` where there is none, or :class:`NotMine`;
    otherwise it gives the identity that is proven, or a refusal, or an awaitable of either. A refusal that has no
    header fields gets the challenges of all accepted identities. ``challenge``: its ``WWW-Authenticate`` value (RFC
    9110 11.6.1), empty where there is none for it. Where its credentials are: ``fields``, header fields (lower-case);
    ``query``, a query parameter; ``cookie``, a cookie. ``forward``: the service behind gets them too. ``steps``: what
    has to be looked at once the head has passed, for whoever it proved; their refusals are told like its own.
    ``repeats``: the same request can be looked at again, to see whether its credential still holds; by ``looks``
    instead of ``prove``, if there is such a function; whoever has to be asked for that is asked after ``recheck``
    seconds.
    """

    policy: str
    prove: Proof
    challenge: bytes = b""
    fields: tuple[bytes, ...] = ()
    query: str | None = None
    cookie: str | None = None
    forward: bool = False
    companions: tuple[str, ...] = ()

    @property
    def cookies(self) -> tuple[str, ...]:
        """All cookies that are for the gateway."""
        return self.companions if self.cookie is None else (self.cookie, *self.companions)

    steps: tuple[Step, ...] = ()
    repeats: bool = False
    looks: Look | None = None
    recheck: float = 0.0
