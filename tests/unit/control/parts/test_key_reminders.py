from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portcullis.control.key_orders import NewKey, Rotation
from portcullis.control.keys import KeyService
from portcullis.control.parts import key_reminders
from portcullis.control.parts.key_reminders import DAY, PART, KeyRemindersSettings, Reminders
from portcullis.engine.config.running import KeysConfig
from portcullis.stores.database.connection import Database, DatabaseError
from portcullis.stores.database.keys import KeyStore


class Metrics:
    def __init__(self) -> None:
        self.collectors: list[Any] = []

    def add(self, collector: Any) -> None:
        self.collectors.append(collector)


class Services:
    def __init__(self, database: Database, clock: Any) -> None:
        self.database, self.wall_s = database, clock
        self.hub = self
        self.metrics = Metrics()


@pytest.fixture
def part(database: Database, clock: Any) -> Reminders:
    services: Any = Services(database, clock)
    part = PART.make(services)
    assert isinstance(part, Reminders)
    return part


@pytest.fixture
def keys(database: Database, clock: Any) -> KeyService:
    return KeyService(KeyStore(database), clock, random.Random(5).randrange)


def _in(clock: Any, days: float) -> datetime:
    return datetime.fromtimestamp(clock.now, UTC) + timedelta(days=days)


async def test_keys_that_soon_expire_are_told_of_once_a_day(
    part: Reminders, keys: KeyService, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = keys.create(NewKey("acme", expires=_in(clock, 10))).record
    keys.create(NewKey("globex", expires=_in(clock, 29)))
    keys.create(NewKey("globex", expires=_in(clock, 31)))
    keys.create(NewKey("globex"))
    for _ in range(3):
        await part.look()
        clock.now += DAY / 4
    told = f"2 API keys will expire within 30d, the first is {first.id} of acme on {first.expires:%Y-%m-%d} "
    assert caplog.messages == [f"portcullis: {told}(portcullis keys list --expiring 30d)"]
    clock.now += DAY / 4
    await part.look()
    assert len(caplog.messages) == 2


async def test_keys_that_have_a_successor_or_are_refused_need_no_care(
    part: Reminders, keys: KeyService, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    replaced = keys.create(NewKey("acme", expires=_in(clock, 5)))
    keys.rotate(replaced.key.id, Rotation(DAY))
    keys.revoke(keys.create(NewKey("acme", expires=_in(clock, 5))).key.id)
    keys.create(NewKey("acme", expires=_in(clock, 1)))
    clock.now += 2 * DAY
    await part.look()
    assert part.latest is not None
    assert (part.latest.live, part.latest.expiring, part.latest.due) == (1, 1, 0)
    assert "1 API key will expire" in caplog.text


async def test_old_keys_are_told_of_where_that_is_wanted(
    part: Reminders, keys: KeyService, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    keys.create(NewKey("acme"))
    clock.now += 366 * DAY
    part.take_over(KeyRemindersSettings(rotate_every=None))
    await part.look()
    assert caplog.messages == []
    part.take_over(KeyRemindersSettings(expiring=7 * DAY))
    await part.look()
    assert "1 API key older than 365d should be rotated (portcullis keys list --expiring 7d)" in caplog.text


async def test_nobody_is_told_where_there_is_nothing_to_tell(
    part: Reminders, keys: KeyService, caplog: pytest.LogCaptureFixture
) -> None:
    keys.create(NewKey("acme"))
    with caplog.at_level(logging.DEBUG, "portcullis"):
        await part.look()
    assert caplog.messages == []


async def test_a_database_that_fails_keeps_nobody_from_looking_again(
    part: Reminders, keys: KeyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []

    def reminders(*_: float) -> None:
        looked.append(1)
        raise DatabaseError("no disk")

    monkeypatch.setattr(part._store, "reminders", reminders)
    monkeypatch.setattr(key_reminders, "LOOK_SECONDS", 0.001)
    task = asyncio.create_task(part.run())
    async with asyncio.timeout(5):
        while len(looked) < 3:  # noqa: ASYNC110 - nothing says when it looks
            await asyncio.sleep(0.001)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert part.latest is None


def test_its_settings_are_those_of_the_file(part: Reminders) -> None:
    class Configuration:
        keys = KeysConfig.model_validate({"expiring": "14d", "rotate_every": None})

    configuration: Any = Configuration()
    assert PART.of(configuration) == KeyRemindersSettings(14 * DAY, None)
    assert part.routes() == ()
