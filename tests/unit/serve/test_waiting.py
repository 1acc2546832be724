from __future__ import annotations

import asyncio

import pytest

from portcullis.serve.waiting import BackgroundEnded, until


async def for_ever() -> None:
    await asyncio.Event().wait()


async def test_it_returns_when_the_first_event_is_set_and_leaves_the_background_alone() -> None:
    first, second = asyncio.Event(), asyncio.Event()
    background = asyncio.create_task(for_ever())
    waiting = asyncio.create_task(until([background], first, second))
    await asyncio.sleep(0)
    assert not waiting.done()
    second.set()
    await waiting
    assert not background.done()
    background.cancel()


async def test_an_event_that_is_set_already_is_enough() -> None:
    event = asyncio.Event()
    event.set()
    await until([], event)


async def test_what_ends_the_background_is_raised() -> None:
    async def fail() -> None:
        raise ZeroDivisionError("why")

    with pytest.raises(ZeroDivisionError, match="why"):
        await until([asyncio.create_task(fail())], asyncio.Event())


async def test_a_background_that_just_ends_is_an_error_too() -> None:
    async def end() -> None:
        pass

    with pytest.raises(BackgroundEnded, match="deadlines"):
        await until([asyncio.create_task(end(), name="deadlines")], asyncio.Event())


async def test_nothing_is_left_waiting_when_it_is_cancelled() -> None:
    background = asyncio.create_task(for_ever())
    waiting = asyncio.create_task(until([background], asyncio.Event()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    background.cancel()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
