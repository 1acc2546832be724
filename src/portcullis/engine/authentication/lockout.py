"""Lock-outs: who fails to prove himself too often is not listened to for a while.

Failures are counted by the caller's address (IPv6 by /64, :mod:`portcullis.engine.client_address`), whatever the
credentials were: many users tried from one address with one password or with leaked pairs (spraying, stuffing) lock it
as surely as one user tried with many. A locked address gets 429 for every credential, right or wrong, so that nothing
is learned meanwhile, and before anything dear (a password hash, a question) is done for it. That is no oracle: what
counts is what the address itself did.

Counts are exact over all workers. Where they can't be kept the caller is refused (503): an attacker must not get rid of
his lock by filling the store. A success does not lessen an address's count: who owns one credential could try others
for ever by using it in between.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Coroutine
from functools import lru_cache
from hashlib import blake2b
from typing import Annotated, Final, Self

import msgspec
from pydantic import Field, model_validator

from portcullis.engine.authentication.proof import UNAVAILABLE, Authenticator, Outcome, Proof, Proven
from portcullis.engine.backoff import MIN_FAILURES, Backoff
from portcullis.engine.client_address import counted_as
from portcullis.engine.codes import Code
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Duration
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Identity
from portcullis.engine.ports import Clock, Counters, CounterStoreError, Ports
from portcullis.engine.request import RequestView

LOCKED_OUT: Final = Code("authenticate.locked_out", 429, "There were too many failed attempts from this address")

_REMEMBERED: Final = 4096
"""Subjects whose counters a worker finds without looking for them: its busiest callers."""
_ATTEMPTS: Final = 16
"""How often a count is tried again that another process has changed meanwhile."""
_SECOND: Final = 1_000_000_000
_LONGEST: Final = 30 * 86_400.0
Pause = Annotated[Duration, Field(ge=1.0, le=_LONGEST)]


class Attempts(Section):
    """How many attempts may fail, and for how long none is accepted then."""

    failures: int = Field(5, ge=MIN_FAILURES, le=1_000)
    """Failures that lock."""
    within: Pause = 900.0
    """In how much time; they are forgotten evenly, one in each ``within / failures``."""
    for_: Pause = Field(60.0, alias="for")
    """How long the first lock lasts; each further one twice as long."""
    up_to: Pause = 3600.0
    """How long a lock lasts at most."""

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.for_ > self.up_to:
            raise ValueError("up_to, which locks grow to, is not below the first one: for")
        return self

    @property
    def backoff(self) -> Backoff:
        """The same in nanoseconds."""
        within, first, longest = (round(seconds * _SECOND) for seconds in (self.within, self.for_, self.up_to))
        return Backoff(self.failures, within, first, longest)


class AddressAttempts(Attempts):
    """How many attempts from one address may fail, and for how long none is accepted then."""

    failures: int = Field(20, ge=MIN_FAILURES, le=1_000)
    """Failures that lock: more than for a user, since many may share an address."""


class AddressLockout(Section):
    """Lock-out by address."""

    per_address: AddressAttempts
    """Failures from one address, whatever the credentials are."""


class Lockout:
    """Failures of one kind of subject (``users``, ``addresses``) at the identity ``name``, and its locks."""

    __slots__ = ("_backoff", "_clock", "_counters", "_key")

    def __init__(self, name: str, kind: str, backoff: Backoff, counters: Counters, clock: Clock) -> None:
        self._backoff = backoff
        self._counters = counters
        self._clock = clock
        prefix = b"lock/%b/%b/%b/" % (name.encode(), kind.encode(), backoff.name)

        @lru_cache(maxsize=_REMEMBERED)
        def key(subject: str) -> bytes:
            # Names that callers make up may be of any length, and need not be kept in memory as they are.
            return prefix + blake2b(subject.encode(errors="surrogatepass"), digest_size=16).digest()

        self._key = key

    def locked_for(self, subject: str) -> int:
        """Whole seconds, rounded up, until ``subject`` may try again; 0: now. Raises ``CounterStoreError``."""
        now = self._clock.now_ns()
        word = self._counters.recall(self._key(subject), now)
        return -(-self._backoff.locked_for(word, now) // _SECOND) if word else 0

    def failed(self, subject: str) -> int:
        """Count a failure: for how many seconds ``subject`` is locked now. Raises ``CounterStoreError``."""
        now = self._clock.now_ns()
        word = self._change(subject, now, lambda word: self._backoff.failed(word, now))
        return -(-self._backoff.locked_for(word, now) // _SECOND)

    def forgive(self, subject: str, debt_ns: int) -> None:
        """Take back failures of ``subject`` that weigh ``debt_ns``. Raises ``CounterStoreError``."""
        now = self._clock.now_ns()
        self._change(subject, now, lambda word: self._backoff.forgiven(word, debt_ns, now))

    def _change(self, subject: str, now: int, rule: Callable[[int], int]) -> int:
        """Apply ``rule`` to the word of ``subject``, exactly once; the word then."""
        key = self._key(subject)
        for _ in range(_ATTEMPTS):
            before = self._counters.recall(key, now)
            after = rule(before)
            if after == before or self._counters.replace(key, before, after, now):
                return after
        raise CounterStoreError("a count is changed by others all the time")


def locked_out(client: str, seconds: int, source: str) -> Refuse:
    """The refusal of an address that is locked for ``seconds`` more."""
    return Refuse(
        LOCKED_OUT,
        f"Try again in {seconds} second{'s' * (seconds != 1)}.",
        Finding("/client", f"{shorten(client, 60)}, locked for {seconds} s", "an address without a lock", source),
        ((b"retry-after", b"%d" % seconds),),
    )


def uncounted(error: CounterStoreError, source: str) -> Refuse:
    """The refusal where it can't be found out whether an address is locked."""
    return Refuse(UNAVAILABLE, finding=Finding("/client", shorten(str(error)), "", source))


def guarded(prove: Proof, addresses: Lockout, source: str, innocent: Collection[Code] = ()) -> Proof:
    """``prove`` behind a lock by address.

    Every refusal with 401 counts as a failure, but for the codes that are ``innocent``: credentials that were good once
    are no guesses. ``source``: where the lock is in the file.
    """

    def locked(request: RequestView) -> Refuse | None:
        try:
            seconds = addresses.locked_for(counted_as(request.client))
        except CounterStoreError as error:
            return uncounted(error, source)
        return locked_out(request.client, seconds, source) if seconds else None

    def counted(request: RequestView, outcome: Proven) -> Proven:
        if isinstance(outcome, Refuse) and outcome.status == 401 and outcome.code not in innocent:
            try:
                addresses.failed(counted_as(request.client))
            except CounterStoreError as error:
                return uncounted(error, source)
        return outcome

    async def settle(request: RequestView, pending: Awaitable[Proven]) -> Proven:
        refusal = locked(request)
        if refusal is None:
            return counted(request, await pending)
        if isinstance(pending, Coroutine):
            pending.close()
        return refusal

    def guard(request: RequestView, facts: Facts) -> Outcome:
        outcome = prove(request, facts)
        if isinstance(outcome, Identity | Refuse):
            return locked(request) or counted(request, outcome)
        if isinstance(outcome, Awaitable):
            return settle(request, outcome)
        return outcome

    return guard


def behind_lockout(
    authenticator: Authenticator,
    place: str,
    name: str,
    config: AddressLockout | None,
    ports: Ports,
    innocent: Collection[Code] = (),
) -> Authenticator:
    """``authenticator`` of the identity ``name`` with the lock of its ``config``, if it has one; see :func:`guarded`.

    ``place``: of the identity's settings in the file.
    """
    if config is None:
        return authenticator
    lockout = Lockout(name, "addresses", config.per_address.backoff, ports.counters, ports.clock)
    prove = guarded(authenticator.prove, lockout, f"{place}/lockout/per_address", innocent)
    return msgspec.structs.replace(authenticator, prove=prove)
