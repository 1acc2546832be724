from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from portcullis.control.parts import users as module
from portcullis.control.parts.users import PART, Users, UsersSettings
from portcullis.control.users import passwords
from portcullis.control.users.orders import InvalidUserOrder, NewUser
from portcullis.control.users.passwords import PasswordHasher
from portcullis.control.users.service import UserService
from portcullis.engine.authentication.user_messages import (
    PasswordQuestion,
    UserUpdate,
    decode_answer,
    decode_update,
    encode,
)
from portcullis.engine.config.model import Configuration
from portcullis.stores.database.connection import Database
from portcullis.stores.database.users import UserStore
from portcullis.stores.files import ConfigurationFiles
from portcullis.testing import FakeCounters

PASSWORD = "correct horse battery"


class Hub:
    """What the part says to workers, and how it answers them."""

    def __init__(self) -> None:
        self.metrics = self
        self.told: list[UserUpdate] = []
        self.collectors: list[Any] = []
        self.known: Callable[[], bytes] = bytes
        self.ask: Callable[[bytes], Awaitable[bytes]]

    def add(self, collector: Any) -> None:
        self.collectors.append(collector)

    def announce(self, topic: str, known: Callable[[], bytes]) -> None:
        assert topic == "users"
        self.known = known

    def answer(self, topic: str, answer: Callable[[bytes], Awaitable[bytes]]) -> None:
        assert topic == "users"
        self.ask = answer

    def publish(self, topic: str, known: bytes) -> None:
        assert topic == "users"
        self.told.append(decode_update(known))


class Site:
    def __init__(self, database: Database, folder: Any) -> None:
        self.hub = Hub()
        self.database = database
        self.files = ConfigurationFiles(folder / "portcullis.yaml")
        self.counters = FakeCounters()
        self.wall_s = lambda: 1_800_000_000.0
        services: Any = self
        part = PART.make(services)
        assert isinstance(part, Users)
        self.part = part

    @contextlib.asynccontextmanager
    async def running(self) -> Any:
        task = asyncio.create_task(self.part.run())
        await asyncio.sleep(0)
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def until_told(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.hub.told) < count:  # noqa: ASYNC110 - what it waits for sets no event
                await asyncio.sleep(0.002)


@pytest.fixture
def site(database: Database, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, hasher: PasswordHasher) -> Site:
    monkeypatch.setattr(passwords, "PasswordHasher", lambda: hasher)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.005)
    return Site(database, tmp_path)


@pytest.fixture
def hasher() -> PasswordHasher:
    import argon2

    return PasswordHasher(argon2.Parameters(argon2.low_level.Type.ID, 19, 16, 32, 1, 8, 1))


async def test_workers_are_told_who_changed_and_get_answers(site: Site) -> None:
    async with site.running():
        assert decode_update(site.hub.known()) == UserUpdate(0)
        await asyncio.to_thread(site.part._users.add, NewUser("alice", PASSWORD))
        await site.until_told(1)
        assert site.hub.told == [UserUpdate(1, 0, ("alice",))]
        assert decode_update(site.hub.known()) == UserUpdate(1)
        question = PasswordQuestion("staff", "alice", PASSWORD, "192.0.2.7", None, None)
        assert decode_answer(await site.hub.ask(encode(question))).result == "proven"


async def test_what_another_process_changes_is_noticed(site: Site, hasher: PasswordHasher) -> None:
    async with site.running():
        other = UserService(UserStore(site.database), hasher)
        await asyncio.to_thread(other.add, NewUser("bob", PASSWORD))
        await site.until_told(1)
        assert site.hub.told == [UserUpdate(1, 0, ("bob",))]


@pytest.mark.slow
async def test_a_database_that_fails_is_told_of_once_and_when_it_works_again(
    site: Site, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    def rename(before: str, after: str) -> None:
        with database.writing() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {before} RENAME TO {after}")

    async with site.running():
        rename("users", "lost")
        while "the database of users: " not in caplog.text:  # noqa: ASYNC110 - nothing says when it is told
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.03)
        rename("lost", "users")
        while "works again" not in caplog.text:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.002)
    assert caplog.text.count("the database of users: ") == 2


def test_it_goes_by_what_the_file_declares(site: Site, tmp_path: Any) -> None:
    api = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "a.yaml"}}}
    configuration = Configuration.model_validate(
        {
            "listeners": {"a": {"bind": "127.0.0.1:0"}},
            "apis": {"shop": api},
            "plans": {"gold": {}},
            "roles": {"a": ["x"], "b": {"permissions": ["y"], "exclusive_with": ["a"]}},
            "passwords": {"min_length": 13, "deny_list": "common.txt"},
        }
    )
    settings = PART.of(configuration)
    assert settings == UsersSettings(("gold",), ("a", "b"), (("a", "b"),), 13, "common.txt")
    assert isinstance(settings, UsersSettings)
    site.part.take_over(settings)
    (tmp_path / "common.txt").write_text(PASSWORD)
    for order, complaint in (
        (NewUser("alice", "twelve chars"), "at least 13"),
        (NewUser("alice", PASSWORD), "too common"),
        (NewUser("alice", PASSWORD, "free"), "no plan"),
        (NewUser("alice", PASSWORD, "gold", ("a", "b")), "together"),
    ):
        with pytest.raises(InvalidUserOrder, match=complaint):
            site.part._users.add(order)


def test_it_has_routes_and_metrics(site: Site) -> None:
    assert len(site.part.routes()) == 9
    assert len(site.hub.collectors) == 1
