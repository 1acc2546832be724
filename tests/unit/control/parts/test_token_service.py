from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from token_services import SETTINGS

from portcullis.control.parts import token_service
from portcullis.control.parts.token_service import PART, TokenServicePart
from portcullis.control.token_service.orders import NewClient, NewToken
from portcullis.control.token_service.settings import TokenServiceSettings
from portcullis.engine.token_service.messages import (
    CALLS,
    IDENTITY_KEY,
    KEYS,
    REVOCATIONS,
    Call,
    CallAnswer,
    Revoked,
    decode_keys,
    decode_revocations,
    encode,
)
from portcullis.stores.database.connection import Database, DatabaseError, locate, open_database
from portcullis.stores.database.token_revocations import revoke
from portcullis.testing import FakeClock, FakeCounters


class Hub:
    """Stands where the workers' hub does."""

    def __init__(self) -> None:
        self.known: dict[str, Callable[[], bytes | None]] = {}
        self.answers: dict[str, Callable[[bytes], Awaitable[bytes]]] = {}
        self.published: list[tuple[str, bytes]] = []
        self.metrics: Any = type("Metrics", (), {"add": lambda _self, _collector: None})()
        self.announce = self.known.__setitem__
        self.answer = self.answers.__setitem__

    def publish(self, topic: str, message: bytes) -> None:
        self.published.append((topic, message))

    def topics(self) -> list[str]:
        return [topic for topic, _ in self.published]


class Services:
    """What the part is made from."""

    def __init__(self, database: Database) -> None:
        self.hub = Hub()
        self.database = database
        self.counters = FakeCounters()
        self.clock = FakeClock(wall_s=1_800_000_000.0)
        self.wall_s = self.clock.wall_s


@pytest.fixture
async def services(tmp_path: Path, migrated: Path) -> AsyncIterator[Any]:
    shutil.copy(migrated, tmp_path / "portcullis.db")
    database = open_database(locate(None, tmp_path, tmp_path))
    yield Services(database)
    database.close()


@pytest.fixture
def part(services: Any) -> TokenServicePart:
    made: TokenServicePart = PART.make(services)  # type: ignore[assignment]
    made.take_over(SETTINGS)
    return made


async def until(found: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not found():  # noqa: ASYNC110 - it looks at what a thread does
            await asyncio.sleep(0.01)


async def test_workers_are_told_of_keys_before_anything_else(part: TokenServicePart, services: Any) -> None:
    del part
    assert services.hub.topics() == [KEYS, IDENTITY_KEY]
    known = {topic: known() for topic, known in services.hub.known.items()}
    assert decode_keys(known[KEYS]).issuer == "https://i"
    assert known[IDENTITY_KEY]
    assert decode_revocations(known[REVOCATIONS]).whole
    assert await services.hub.answers[KEYS](b"") == known[KEYS]


async def test_without_a_token_service_there_is_nothing_to_tell(services: Any) -> None:
    part: Any = PART.make(services)
    part.take_over(TokenServiceSettings())
    assert services.hub.known[KEYS]() is None
    assert services.hub.known[IDENTITY_KEY]() is None
    assert services.hub.published == []
    assert len(part.routes()) == 8


async def test_it_answers_what_workers_ask(part: TokenServicePart, services: Any) -> None:
    made = await part._parts.service.add_client(NewClient("checkout", ("shop",)))
    call = Call("token", {"grant_type": "client_credentials"}, "checkout", made.secret, "client_secret_basic")
    answer = msgspec.msgpack.decode(await services.hub.answers[CALLS](encode(call)), type=CallAnswer)
    assert (answer.status, answer.client) == (200, "checkout")


async def test_keys_rotate_and_what_others_change_is_noticed(
    part: TokenServicePart, services: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_service, "POLL_SECONDS", 0.01)
    settings = msgspec.structs.replace(SETTINGS, rotate_every=100.0, publish_before=20.0)
    part.take_over(settings)
    running = asyncio.create_task(part.run())
    try:
        services.clock.advance(85)
        await until(lambda: services.hub.topics().count(KEYS) == 2)
        assert decode_keys(services.hub.published[-1][1]).access.count(b'"kid"') == 2
        assert services.hub.topics().count(IDENTITY_KEY) == 1
        services.clock.advance(20)
        await until(lambda: services.hub.topics().count(IDENTITY_KEY) == 2)
        with services.database.writing() as connection:
            revoke(connection, [Revoked("t1", services.wall_s() + 60)])
        await until(lambda: REVOCATIONS in services.hub.topics())
        assert part._parts.revoked.covers({"jti": "t1"})
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.slow
async def test_a_database_in_trouble_is_told_once_and_outlived(
    part: TokenServicePart, services: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(token_service, "POLL_SECONDS", 0.01)
    refresh = part._parts.clients.refresh
    calls = []

    def failing() -> None:
        calls.append(1)
        raise DatabaseError("it is locked")

    monkeypatch.setattr(part._parts.clients, "refresh", failing)
    running = asyncio.create_task(part.run())
    try:
        await until(lambda: len(calls) > 3)
        monkeypatch.setattr(part._parts.clients, "refresh", refresh)
        await until(lambda: "works again" in caplog.text)
        assert caplog.text.count("it is locked") == 1
        assert services.hub.known[KEYS]() is not None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_has_ended_is_forgotten(part: TokenServicePart, services: Any) -> None:
    await part._parts.service.add_client(NewClient("app", ("shop",), grants=("refresh_token",), public=True))
    await part._parts.service.issue(NewToken("app", subject="alice", refresh=True))
    services.clock.advance(31 * 86400)
    await part._look()
    with services.database.reading() as connection:
        assert connection.exec_driver_sql("select count(*) from refresh_tokens").scalar_one() == 0
