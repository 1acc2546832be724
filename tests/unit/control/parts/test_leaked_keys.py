"""Keys that were sent in clear, as the control process sees them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import msgspec
import pytest

from portcullis.control.keys import UnknownKeyId
from portcullis.control.parts import leaked_keys
from portcullis.control.parts.leaked_keys import PART, LeakedKeys, LeakedKeysSettings
from portcullis.engine.config.load import load_configuration
from portcullis.engine.record import Record
from portcullis.stores.database.connection import DatabaseError

RECORD = Record("2026-01-01T00:00:00Z", "r", "t", "192.0.2.1", "GET", "/a", "refuse", 308)
CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
apis: {shop: {hosts: ["*"], upstream: {targets: ["http://127.0.0.1:1"]}, versions: {v1: {spec: a.yaml}}}}
"""


class Ground:
    """The part, and what it revokes; ``fails`` is raised first, one after the other."""

    def __init__(self) -> None:
        self.revoked: list[str] = []
        self.fails: list[Exception] = []
        self.hub: Any = self
        self.part = LeakedKeys(self, self._revoke)  # type: ignore[arg-type]

    def watch(self, watcher: Any) -> None:
        self.see = watcher

    def _revoke(self, key: str) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.revoked.append(key)

    def record(self, credential: str, code: str = "guard.key_in_clear", **values: Any) -> None:
        record = msgspec.structs.replace(RECORD, credential=credential, code=code, consumer="acme", **values)
        self.see(msgspec.json.Encoder().encode_lines([RECORD, record, RECORD]))

    async def run(self) -> None:
        task = asyncio.create_task(self.part.run())
        await asyncio.sleep(0.05)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def ground() -> Ground:
    return Ground()


async def test_a_leaked_key_is_told_of_once(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        ground.record("abcdefgh")
        ground.record("abcdefgh")
    (line,) = caplog.messages
    assert line.startswith("portcullis: API key abcdefgh of acme was sent in clear by 192.0.2.1")
    await ground.run()
    assert ground.revoked == []


async def test_it_is_revoked_where_the_file_says_so(ground: Ground) -> None:
    ground.part.take_over(LeakedKeysSettings(revoke=True))
    ground.record("abcdefgh")
    ground.record("ijklmnop")
    await ground.run()
    assert ground.revoked == ["abcdefgh", "ijklmnop"]


async def test_what_a_client_writes_revokes_nothing(ground: Ground) -> None:
    ground.part.take_over(LeakedKeysSettings(revoke=True))
    ground.record("abcdefgh", "guard.unknown_path", target="/guard.key_in_clear")
    ground.record("", target='/","code":"guard.key_in_clear","credential":"abcdefgh')
    await ground.run()
    assert ground.revoked == []


async def test_what_can_not_be_revoked_is_told_and_tried_again(
    ground: Ground, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaked_keys, "RETRY_SECONDS", 0.0)
    ground.part.take_over(LeakedKeysSettings(revoke=True))
    ground.fails = [DatabaseError("no disk"), UnknownKeyId("there is no key abcdefgh"), DatabaseError("no disk")]
    with caplog.at_level(logging.WARNING):
        ground.record("abcdefgh")
        ground.record("ijklmnop")
        await ground.run()
    assert ground.revoked == ["ijklmnop"]
    assert "portcullis: API key abcdefgh could not be revoked yet: no disk" in caplog.messages
    assert "portcullis: API key abcdefgh was not revoked: there is no key abcdefgh" in caplog.messages


async def test_memory_is_bounded(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaked_keys, "MAX_KEYS", 2)
    for key in ("aaaaaaaa", "bbbbbbbb", "cccccccc"):
        ground.record(key)
    assert list(ground.part._told) == ["bbbbbbbb", "cccccccc"]


def test_the_settings_are_those_of_the_file() -> None:
    plain = load_configuration(CONFIGURATION, "p.yaml").configuration
    assert PART.of(plain) == LeakedKeysSettings()
    said = load_configuration(CONFIGURATION + "keys: {revoke_leaked: true}\n", "p.yaml").configuration
    assert PART.of(said) == LeakedKeysSettings(revoke=True)
