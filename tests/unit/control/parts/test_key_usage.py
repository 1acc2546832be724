from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
import pytest

from portcullis.control.parts import key_usage
from portcullis.control.parts.key_usage import PART, KeyUsage, KeyUsageSettings
from portcullis.engine.record import Record
from portcullis.stores.database.connection import DatabaseError

RECORD = Record("2026-01-01T00:00:00Z", "r", "t", "192.0.2.1", "GET", "/a", "allow", 200)


class Store:
    def __init__(self) -> None:
        self.written: list[dict[str, float]] = []
        self.broken = False

    def note_uses(self, uses: dict[str, float]) -> None:
        if self.broken:
            raise DatabaseError("no disk")
        self.written.append(uses)


class Services:
    """What the part is made from; ``hub`` hands it the records."""

    database: Any = None

    def __init__(self) -> None:
        self.hub = self
        self.now = 1000.0

    def wall_s(self) -> float:
        return self.now

    def watch(self, watcher: Any) -> None:
        self.records = watcher


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def part(services: Any, store: Any) -> KeyUsage:
    return KeyUsage(services, store)


def _lines(*credentials: str, **values: Any) -> bytes:
    records = [msgspec.structs.replace(RECORD, credential=each, **values) for each in credentials]
    return msgspec.json.Encoder().encode_lines(records)


async def test_uses_are_seen_in_records_and_written_together(part: KeyUsage, services: Services, store: Store) -> None:
    services.records(_lines("abcdefgh", "ijklmnop", "abcdefgh"))
    services.now = 1003.0
    services.records(_lines("abcdefgh"))
    await part.write(60.0)
    assert store.written == [{"abcdefgh": 1003.0, "ijklmnop": 1000.0}]


async def test_the_use_of_one_key_is_written_once_a_minute(part: KeyUsage, services: Services, store: Store) -> None:
    for second in range(0, 130, 10):
        services.now = 1000.0 + second
        services.records(_lines("abcdefgh"))
        await part.write(60.0)
    assert store.written == [{"abcdefgh": 1000.0}, {"abcdefgh": 1060.0}, {"abcdefgh": 1120.0}]


async def test_what_is_no_key_is_passed_over(part: KeyUsage, services: Services, store: Store) -> None:
    services.records(_lines("", "alice@example.com", "ABCDEFGH", "abcdefghi"))
    services.records(_lines("", target='/?x="credential":"abcdefgh"'))
    await part.write(0.0)
    assert store.written == []


async def test_keys_are_remembered_within_bounds(
    part: KeyUsage, services: Services, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_usage, "MAX_KEYS", 2)
    for number in range(5):
        services.records(_lines(f"aaaaaaa{number}"))
    await part.write(0.0)
    assert store.written == [{"aaaaaaa3": 1000.0, "aaaaaaa4": 1000.0}]


async def test_it_writes_regularly_and_what_is_left_at_the_end(
    part: KeyUsage, services: Services, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_usage, "WRITE_SECONDS", 0.001)
    task = asyncio.create_task(part.run())
    services.records(_lines("abcdefgh"))
    async with asyncio.timeout(5):
        while not store.written:  # noqa: ASYNC110 - nothing says when it is written
            await asyncio.sleep(0.001)
    services.now = 1001.0
    services.records(_lines("abcdefgh"))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert store.written[-1] == {"abcdefgh": 1001.0}


async def test_a_database_that_fails_is_told_of_once(
    part: KeyUsage, services: Services, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.broken = True
    for second in (0, 100):
        services.now = 1000.0 + second
        services.records(_lines("abcdefgh"))
        await part.write(60.0)
    assert caplog.text.count("when keys were last used can't be written: no disk") == 1
    store.broken = False
    services.now = 2000.0
    services.records(_lines("abcdefgh"))
    await part.write(60.0)
    assert store.written == [{"abcdefgh": 2000.0}]


def test_the_part_has_nothing_to_set_and_no_routes(services: Any) -> None:
    part = PART.make(services)
    assert isinstance(part, KeyUsage)
    part.take_over(KeyUsageSettings())
    assert part.routes() == ()
