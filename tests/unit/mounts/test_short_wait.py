from __future__ import annotations

import asyncio
import logging
import socket
import time

import pytest

from portcullis.mounts.short_wait import MOMENT_SECONDS, ShortWait


async def test_calls_are_made_a_moment_later_in_their_order() -> None:
    soon = ShortWait()
    made: list[int] = []
    soon.add(lambda: made.append(1))
    soon.add(lambda: made.append(2))
    await asyncio.sleep(0)
    assert made == []
    await asyncio.sleep(MOMENT_SECONDS * 20)
    assert made == [1, 2]


async def test_what_comes_from_the_network_meanwhile_is_read_before() -> None:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    soon = ShortWait()
    seen: list[str] = []
    task = asyncio.create_task(_read(reader, seen))
    await asyncio.sleep(0)
    soon.add(lambda: seen.append("called"))
    theirs.send(b"x")
    time.sleep(MOMENT_SECONDS * 5)  # noqa: ASYNC251 - the loop is busy, so both are due at once
    await asyncio.sleep(MOMENT_SECONDS * 20)
    assert seen == ["read", "called"]
    await task
    writer.close()
    theirs.close()


async def _read(reader: asyncio.StreamReader, seen: list[str]) -> None:
    await reader.read(1)
    seen.append("read")


async def test_one_that_fails_keeps_no_other_from_being_made(caplog: pytest.LogCaptureFixture) -> None:
    soon = ShortWait()
    made: list[int] = []
    soon.add(lambda: made[0])
    soon.add(lambda: made.append(1))
    with caplog.at_level(logging.ERROR):
        await asyncio.sleep(MOMENT_SECONDS * 20)
    assert made == [1]
    assert "could not be called" in caplog.text


async def test_a_call_may_ask_for_the_next() -> None:
    soon = ShortWait()
    made: list[int] = []

    def again() -> None:
        made.append(1)
        if len(made) < 3:
            soon.add(again)

    again()
    await asyncio.sleep(MOMENT_SECONDS * 60)
    assert made == [1, 1, 1]
