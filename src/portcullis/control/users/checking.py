"""Checking passwords for workers: locks first, then what is known already, then a hash.

Attempts from one address, and those for one user, are judged one after the other, so that of many that come at once no
more are judged than of many that come in a row: each finds the count that the one before has left. Users at addresses
where they are known wait for nobody but themselves, and there is always a place for some of them. Hashes are computed
by two threads of a low priority; who would have to wait too long is told so at once.

That a name is no user's is found out after the same work as that a password is wrong.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import threading
import time
from collections import Counter, OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from typing import Final

from portcullis.control.users.addresses import Pair, UserAddresses
from portcullis.control.users.passwords import PasswordHasher, normalised
from portcullis.control.users.turns import TooManyWaitError, Turns
from portcullis.engine.authentication.lockout import Lockout
from portcullis.engine.authentication.user_messages import (
    PasswordAnswer,
    PasswordQuestion,
    Result,
    decode_question,
    encode,
)
from portcullis.engine.backoff import Backoff
from portcullis.engine.ports import Clock, Counters
from portcullis.stores.database.connection import DatabaseError
from portcullis.stores.database.users import StoredUser, UserStore

HASHES_AT_A_TIME: Final = 2
MAX_WAITING: Final = 64
"""Attempts that are judged or wait for it; a hash takes a tenth of a second and more."""
FOR_KNOWN: Final = 16
"""How many of these are kept for users at addresses where they are known."""
PATIENCE_SECONDS: Final = 4.0
"""Who has waited longer is no longer listened to by the worker that asked."""
REMEMBERED_SECONDS: Final = 3600.0
MAX_REMEMBERED: Final = 65_536
_NICENESS: Final = 5

_log = logging.getLogger(__name__)


class PasswordChecks:
    """Answers workers' questions. Methods are called in one event loop.

    ``results``: how often there was which answer; ``hashes``: how many hashes were computed for them.
    """

    def __init__(self, store: UserStore, hasher: PasswordHasher, counters: Counters, clock: Clock) -> None:
        self.results: Counter[Result] = Counter()
        self.hashes = 0
        self.waiting = 0
        self._store = store
        self._hasher = hasher
        self._counters = counters
        self._clock = clock
        self._turns = Turns()
        self._addresses = UserAddresses()
        self._right = _RightPasswords()
        self._threads = ThreadPoolExecutor(HASHES_AT_A_TIME, "passwords", _go_easy)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def answer(self, message: bytes) -> bytes:
        """The answer to a worker's question. Raises ``ValueError``, ``DatabaseError`` and ``CounterStoreError``."""
        question = decode_question(message)
        locks = _Locks(question, self._addresses, self._counters, self._clock)
        if self.waiting >= MAX_WAITING - (0 if locks.is_known else FOR_KNOWN):
            answer = PasswordAnswer("busy")
        else:
            self.waiting += 1
            try:
                answer = await self._in_turn(question, locks, time.monotonic() + PATIENCE_SECONDS)
            except (TooManyWaitError, TimeoutError):
                answer = PasswordAnswer("busy")
            finally:
                self.waiting -= 1
        self.results[answer.result] += 1
        return encode(answer)

    async def _in_turn(self, question: PasswordQuestion, locks: _Locks, give_up: float) -> PasswordAnswer:
        if locks.is_known:
            async with self._turns.of(f"{question.user} at {question.address}"):
                return await self._judge(question, locks, give_up)
        # Always in this order, so that nobody waits for somebody who waits for him.
        async with self._turns.of(f"from {question.address}"), self._turns.of(f"for {question.user}"):
            return await self._judge(question, locks, give_up)

    async def _judge(self, question: PasswordQuestion, locks: _Locks, give_up: float) -> PasswordAnswer:
        if seconds := locks.address_locked_for():
            return PasswordAnswer("address_locked", seconds=seconds)
        revision, user = await asyncio.to_thread(self._store.find, question.user)
        known = user is not None
        if seconds := locks.user_locked_for():
            return PasswordAnswer("user_locked", revision, known, seconds)
        right = await self._is_right(user, question.password, give_up)
        if user is None or not right or user.disabled_at is not None:
            self._tell(question, known, *locks.failed())
            result: Result = "unknown" if user is None else "disabled" if right else "wrong"
            return PasswordAnswer(result, revision, known)
        locks.proven()
        consumer = user.consumer
        return PasswordAnswer("proven", revision, known, 0, consumer.plan, consumer.roles, user.scopes)

    async def _is_right(self, user: StoredUser | None, password: str, give_up: float) -> bool:
        # Of a disabled user it must not be found out by the time it takes whether the password is right.
        may_know = user is not None and user.disabled_at is None
        if may_know and user is not None and self._right.has(user.password, password, self._clock.now_ns()):
            return True
        loop = asyncio.get_running_loop()
        hashed = None if user is None else user.password
        right = await loop.run_in_executor(self._threads, self._verify, hashed, password, give_up)
        if right and user is not None:
            kept = await self._renewed(user, password)
            self._right.note(kept, password, self._clock.now_ns())
        return right

    def _verify(self, hashed: str | None, password: str, give_up: float) -> bool:
        """In one of the threads. Raises ``TimeoutError`` where it is too late for the answer."""
        if time.monotonic() > give_up:
            raise TimeoutError
        self.hashes += 1
        return self._hasher.verify(hashed, password)

    async def _renewed(self, user: StoredUser, password: str) -> str:
        """The hash of ``user``, made anew with the parameters of today if it was made with others."""
        if not self._hasher.is_outdated(user.password):
            return user.password
        loop = asyncio.get_running_loop()
        renewed = await loop.run_in_executor(self._threads, self._hasher.hash, password)
        try:
            await asyncio.to_thread(self._store.renew_hash, user.name, user.password, renewed)
        except DatabaseError as error:
            _log.warning("portcullis: the hash of user %s can't be renewed: %s", user.name, error)
            return user.password
        return renewed

    def _tell(self, question: PasswordQuestion, known: bool, user_seconds: int, address_seconds: int) -> None:
        """Log locks that have begun. A name that is no user's may be a password, typed where the name belongs."""
        if user_seconds:
            who = question.user if known else "a name that is no user's"
            _log.warning("portcullis: %s: user %s is locked for %d s", question.identity, who, user_seconds)
        if address_seconds:
            where = question.address
            _log.warning("portcullis: %s: address %s is locked out for %d s", question.identity, where, address_seconds)


class _Locks:
    """The locks that concern one attempt."""

    def __init__(self, question: PasswordQuestion, addresses: UserAddresses, counters: Counters, clock: Clock) -> None:
        self._pair: Pair = (question.identity, question.user, question.address)
        self._pairs = addresses
        self._clock = clock
        self._rule = question.per_user
        lockout = partial(_lockout, question.identity, counters, clock)
        self._address = lockout("addresses", question.per_address)
        self._user = lockout("users", question.per_user)
        self.is_known = addresses.is_known(self._pair, clock.now_ns())

    def address_locked_for(self) -> int:
        """Whole seconds, rounded up."""
        return 0 if self._address is None else self._address.locked_for(self._pair[2])

    def user_locked_for(self) -> int:
        """Whole seconds, rounded up: of the user at this address where he is known there, else of the user."""
        if self._user is None or self._rule is None:
            return 0
        if not self.is_known:
            return self._user.locked_for(self._pair[1])
        now = self._clock.now_ns()
        return _seconds(self._rule.locked_for(self._pairs.failures(self._pair, now), now))

    def failed(self) -> tuple[int, int]:
        """Count a failure: for how many seconds user and address are locked by it."""
        of_user = 0
        if self._user is not None and self._rule is not None:
            now = self._clock.now_ns()
            of_pair = self._rule.locked_for(self._pairs.failed(self._pair, self._rule, now), now)
            of_user = _seconds(of_pair) if self.is_known else self._user.failed(self._pair[1])
        return of_user, 0 if self._address is None else self._address.failed(self._pair[2])

    def proven(self) -> None:
        """Take back what the user has mistyped at this address, and know him there."""
        now = self._clock.now_ns()
        word = self._pairs.proven(self._pair, now)
        if self._user is not None and self._rule is not None and word and not self.is_known:
            self._user.forgive(self._pair[1], self._rule.debt(word, now))


class _RightPasswords:
    """Passwords that were right for a hash, by a keyed digest of both: a generation of workers that begins knows none.

    The key is random and never leaves the process. A hash that changes is another one, so nothing has to be forgotten.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._until: OrderedDict[bytes, int] = OrderedDict()

    def has(self, hashed: str, password: str, now_ns: int) -> bool:
        """Whether that was found right not too long ago."""
        return self._until.get(self._digest(hashed, password), 0) > now_ns

    def note(self, hashed: str, password: str, now_ns: int) -> None:
        """It was found right."""
        while len(self._until) >= MAX_REMEMBERED:
            self._until.popitem(last=False)
        self._until[self._digest(hashed, password)] = now_ns + round(REMEMBERED_SECONDS * 1e9)

    def _digest(self, hashed: str, password: str) -> bytes:
        text = f"{hashed}\0{normalised(password)}".encode()
        return blake2b(text, digest_size=32, key=self._key).digest()


def _lockout(identity: str, counters: Counters, clock: Clock, kind: str, rule: Backoff | None) -> Lockout | None:
    return None if rule is None else Lockout(identity, kind, rule, counters, clock)


def _seconds(nanoseconds: int) -> int:
    return -(-nanoseconds // 1_000_000_000)


def _go_easy() -> None:
    """Requests come before hashes."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
