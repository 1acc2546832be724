from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import argon2
import pytest
from rows import rows

from portcullis.control.users import checking
from portcullis.control.users.checking import FOR_KNOWN, MAX_WAITING, PasswordChecks
from portcullis.control.users.orders import NewPassword, NewUser
from portcullis.control.users.passwords import PasswordHasher
from portcullis.control.users.service import UserService
from portcullis.engine.authentication.user_messages import (
    PasswordAnswer,
    PasswordQuestion,
    decode_answer,
    encode,
)
from portcullis.engine.backoff import Backoff
from portcullis.engine.ports import CounterStoreError
from portcullis.stores.database.connection import DatabaseError
from portcullis.stores.database.users import UserStore
from portcullis.testing import FakeClock, FakeCounters

MINUTE = 60_000_000_000
PER_USER = Backoff(3, 15 * MINUTE, MINUTE, 8 * MINUTE)
PER_ADDRESS = Backoff(6, 15 * MINUTE, MINUTE, 8 * MINUTE)
RIGHT, WRONG = "correct horse battery", "wrong horse battery"


class Gateway:
    """Users, and the questions of workers about them."""

    def __init__(self, users: UserService, store: UserStore, hasher: PasswordHasher) -> None:
        self.users, self.store = users, store
        self.clock, self.counters = FakeClock(), FakeCounters()
        self.checks = PasswordChecks(store, hasher, self.counters, self.clock)

    async def ask(
        self,
        password: str,
        user: str = "alice",
        address: str = "192.0.2.7",
        per_user: Backoff | None = PER_USER,
        per_address: Backoff | None = PER_ADDRESS,
    ) -> PasswordAnswer:
        question = PasswordQuestion("staff", user, password, address, per_user, per_address)
        return decode_answer(await self.checks.answer(encode(question)))

    async def results(self, *passwords: str, **where: str) -> list[str]:
        return [(await self.ask(password, **where)).result for password in passwords]  # type: ignore[arg-type]


@pytest.fixture
async def gateway(users: UserService, store: UserStore, hasher: PasswordHasher) -> AsyncIterator[Gateway]:
    users.add(NewUser("alice", RIGHT, "gold", ("clerk",), ("orders:read",)))
    users.add(NewUser("bob", RIGHT))
    gateway = Gateway(users, store, hasher)
    yield gateway
    gateway.checks.close()


async def test_a_user_with_the_right_password_is_proven_with_all_that_is_his(gateway: Gateway) -> None:
    answer = await gateway.ask(RIGHT)
    assert answer == PasswordAnswer("proven", 2, True, 0, "gold", ("clerk",), ("orders:read",))


@rows(
    ("user", "password", "result", "known"),
    [("alice", WRONG, "wrong", True), ("nobody", RIGHT, "unknown", False), ("", RIGHT, "unknown", False)],
)
async def test_what_does_not_belong_together_proves_nobody(
    gateway: Gateway, user: str, password: str, result: str, known: bool
) -> None:
    before = gateway.checks.hashes
    assert await gateway.ask(password, user) == PasswordAnswer(result, 2, known)  # type: ignore[arg-type]
    assert gateway.checks.hashes == before + 1


async def test_a_disabled_user_is_refused_after_the_same_work(gateway: Gateway) -> None:
    await gateway.ask(RIGHT)
    gateway.users.set_disabled("alice", disabled=True)
    assert await gateway.results(RIGHT, WRONG) == ["disabled", "wrong"]
    assert gateway.checks.hashes == 3


async def test_a_password_that_was_right_costs_no_hash_for_a_while_until_it_is_changed(gateway: Gateway) -> None:
    assert await gateway.results(RIGHT, RIGHT) == ["proven", "proven"]
    assert (await gateway.ask(RIGHT, address="198.51.100.9")).result == "proven"
    assert gateway.checks.hashes == 1
    gateway.clock.advance(checking.REMEMBERED_SECONDS)
    assert await gateway.results(RIGHT) == ["proven"]
    assert gateway.checks.hashes == 2
    gateway.users.set_password("alice", NewPassword("another horse battery"))
    assert await gateway.results(RIGHT, "another horse battery") == ["wrong", "proven"]


async def test_hashes_of_other_parameters_are_renewed(gateway: Gateway, store: UserStore) -> None:
    old = argon2.PasswordHasher(1, 16, 1).hash(RIGHT)
    [alice, _] = store.listing()
    store.renew_hash("alice", alice.password, old)
    assert await gateway.results(WRONG, RIGHT, RIGHT) == ["wrong", "proven", "proven"]
    kept = store.listing()[0]
    assert kept.password != old
    assert "m=8," in kept.password
    assert kept.revision == alice.revision
    assert gateway.checks.hashes == 2


async def test_a_hash_that_can_not_be_renewed_serves_on(
    gateway: Gateway, store: UserStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise DatabaseError("read only")

    store.renew_hash("alice", store.listing()[0].password, argon2.PasswordHasher(1, 16, 1).hash(RIGHT))
    monkeypatch.setattr(store, "renew_hash", fail)
    assert await gateway.results(RIGHT, RIGHT) == ["proven", "proven"]
    assert "the hash of user alice can't be renewed: read only" in caplog.text


async def test_a_user_is_locked_for_strangers_and_the_right_password_does_not_help(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert await gateway.results(*[WRONG] * 3) == ["wrong"] * 3
    assert "staff: user alice is locked for 60 s" in caplog.text
    locked = await gateway.ask(RIGHT, address="198.51.100.9")
    assert (locked.result, locked.known, locked.seconds) == ("user_locked", True, 60)
    assert gateway.checks.hashes == 3
    assert (await gateway.ask(RIGHT, "bob")).result == "proven"
    gateway.clock.advance(60)
    assert await gateway.results(WRONG, RIGHT) == ["wrong", "user_locked"]
    assert (await gateway.ask(RIGHT)).seconds == 120


async def test_a_name_that_is_no_users_is_locked_alike_and_never_logged(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        results = await gateway.results(*[WRONG] * 4, user="hunter2!hunter2!")
    assert results == ["unknown"] * 3 + ["user_locked"]
    assert "user a name that is no user's is locked" in caplog.text
    assert "hunter2" not in caplog.text


async def test_where_a_user_is_known_strangers_can_not_lock_him_out(gateway: Gateway) -> None:
    await gateway.ask(RIGHT)
    for number in range(4):
        await gateway.ask(WRONG, address=f"198.51.100.{number}")
    assert (await gateway.ask(RIGHT, address="198.51.100.200")).result == "user_locked"
    assert (await gateway.ask(RIGHT)).result == "proven"


async def test_where_a_user_is_known_he_has_a_count_of_his_own(gateway: Gateway) -> None:
    await gateway.ask(RIGHT)
    assert await gateway.results(*[WRONG] * 4) == ["wrong"] * 3 + ["user_locked"]
    assert (await gateway.ask(RIGHT)).seconds == 60
    assert (await gateway.ask(RIGHT, address="198.51.100.9")).result == "proven"


async def test_a_success_takes_back_what_was_mistyped_there_and_nothing_else(gateway: Gateway) -> None:
    assert await gateway.results(WRONG, address="198.51.100.9") == ["wrong"]
    assert await gateway.results(WRONG, RIGHT) == ["wrong", "proven"]
    assert await gateway.results(WRONG, WRONG, address="203.0.113.1") == ["wrong", "wrong"]
    assert await gateway.results(RIGHT, address="203.0.113.2") == ["user_locked"]


async def test_many_users_tried_from_one_address_lock_the_address(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for number in range(6):
            assert (await gateway.ask(WRONG, f"user{number}")).result == "unknown"
    assert "staff: address 192.0.2.7 is locked out for 60 s" in caplog.text
    locked = await gateway.ask(RIGHT)
    assert (locked.result, locked.seconds, locked.revision) == ("address_locked", 60, -1)
    assert (await gateway.ask(RIGHT, address="192.0.2.8")).result == "proven"
    assert gateway.checks.hashes == 7


async def test_a_success_in_between_does_not_help_an_address(gateway: Gateway) -> None:
    for number in range(6):
        await gateway.ask(WRONG, f"user{number}")
        result = (await gateway.ask(RIGHT, "bob")).result
    assert result == "address_locked"


@pytest.mark.slow
async def test_of_a_thousand_guesses_at_once_no_more_are_tried_than_of_as_many_in_a_row(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "MAX_WAITING", 5000)
    monkeypatch.setattr("portcullis.control.users.turns.MAX_OF_ONE", 5000)
    answers = await asyncio.gather(*(gateway.ask(f"{WRONG} {n}", f"user{n % 50}") for n in range(1000)))
    assert gateway.checks.hashes == 6
    assert gateway.checks.results == {"unknown": 6, "address_locked": 994}
    assert len(answers) == 1000


async def test_guesses_at_one_user_from_everywhere_are_tried_one_after_the_other(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portcullis.control.users.turns.MAX_OF_ONE", 5000)
    await asyncio.gather(*(gateway.ask(WRONG, address=f"10.0.0.{n}") for n in range(40)))
    assert gateway.checks.hashes == 3
    assert gateway.checks.results == {"wrong": 3, "user_locked": 37}


@pytest.mark.slow
async def test_too_many_at_once_are_told_so_and_some_places_are_kept(gateway: Gateway, hasher: Any) -> None:
    await gateway.ask(RIGHT, "bob")
    go = threading.Event()
    gateway.checks._hasher = _Slow(hasher, go)
    asked = [asyncio.create_task(gateway.ask(WRONG, f"u{n}", f"10.0.0.{n}")) for n in range(MAX_WAITING)]
    await asyncio.sleep(0.01)
    assert gateway.checks.waiting == MAX_WAITING - FOR_KNOWN
    known = asyncio.create_task(gateway.ask(RIGHT, "bob"))
    await asyncio.wait_for(known, 5)
    go.set()
    results = [(await task).result for task in asked]
    assert results.count("busy") == FOR_KNOWN
    assert known.result().result == "proven"
    assert gateway.checks.waiting == 0


async def test_one_address_can_not_take_all_places(gateway: Gateway, hasher: Any) -> None:
    go = threading.Event()
    gateway.checks._hasher = _Slow(hasher, go)
    asked = [asyncio.create_task(gateway.ask(WRONG, f"u{n}")) for n in range(MAX_WAITING - FOR_KNOWN)]
    await asyncio.sleep(0.01)
    other = asyncio.create_task(gateway.ask(RIGHT, address="198.51.100.9"))
    go.set()
    assert (await other).result == "proven"
    assert [(await task).result for task in asked].count("busy") > 0


async def test_who_has_waited_too_long_is_not_checked_any_more(gateway: Gateway, monkeypatch: Any) -> None:
    monkeypatch.setattr(checking, "PATIENCE_SECONDS", -1.0)
    assert await gateway.results(WRONG) == ["busy"]
    assert gateway.checks.hashes == 0


async def test_only_two_hashes_are_computed_at_a_time(gateway: Gateway, hasher: Any) -> None:
    slow = gateway.checks._hasher = _Slow(hasher)  # type: ignore[assignment]
    await asyncio.gather(*(gateway.ask(WRONG, f"u{n}", f"10.0.0.{n}") for n in range(12)))
    assert slow.most == checking.HASHES_AT_A_TIME


@rows("where", [{"per_user": None}, {"per_address": None}, {"per_user": None, "per_address": None}])
async def test_locks_that_are_not_wanted_there_are_none(gateway: Gateway, where: dict[str, None]) -> None:
    for _ in range(9):
        await gateway.ask(WRONG, **where)  # type: ignore[arg-type]
    result = (await gateway.ask(RIGHT, **where)).result  # type: ignore[arg-type]
    wanted = {("per_user",): "address_locked", ("per_address",): "user_locked"}
    assert result == wanted.get(tuple(where), "proven")


async def test_where_nothing_can_be_counted_nobody_is_proven(gateway: Gateway) -> None:
    gateway.counters.broken = True
    with pytest.raises(CounterStoreError):
        await gateway.ask(RIGHT)
    assert gateway.checks.waiting == 0


async def test_what_is_no_question_is_not_answered(gateway: Gateway) -> None:
    with pytest.raises(ValueError, match=r"."):
        await gateway.checks.answer(b"nonsense")


async def test_right_passwords_are_remembered_within_bounds(gateway: Gateway, monkeypatch: Any) -> None:
    monkeypatch.setattr(checking, "MAX_REMEMBERED", 1)
    assert [(await gateway.ask(RIGHT, user)).result for user in ("alice", "bob", "bob", "alice")] == ["proven"] * 4
    assert gateway.checks.hashes == 3


class _Slow:
    """Hashes that take a while, or until ``go``; counts how many are computed at a time."""

    def __init__(self, hasher: PasswordHasher, go: threading.Event | None = None) -> None:
        self._hasher, self._go = hasher, go
        self._running, self.most = 0, 0
        self._lock = threading.Lock()
        self.is_outdated = hasher.is_outdated

    def verify(self, hashed: str | None, password: str) -> bool:
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        if self._go is None:
            time.sleep(0.005)
        else:
            self._go.wait(5)
        with self._lock:
            self._running -= 1
        return self._hasher.verify(hashed, password)
