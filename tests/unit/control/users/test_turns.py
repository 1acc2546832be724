from __future__ import annotations

import asyncio

import pytest

from portcullis.control.users.turns import MAX_OF_ONE, TooManyWaitError, Turns


async def test_those_of_one_subject_come_one_after_the_other_and_others_do_not_wait() -> None:
    turns, running, most, done = Turns(), 0, 0, []

    async def work(subject: str, number: int) -> None:
        nonlocal running, most
        async with turns.of(subject):
            running += subject == "a"
            most = max(most, running)
            await asyncio.sleep(0)
            running -= subject == "a"
            done.append((subject, number))

    await asyncio.gather(*(work(subject, number) for number in range(5) for subject in ("a", "b")))
    assert most == 1
    assert [number for subject, number in done if subject == "a"] == list(range(5))
    assert repr(turns) == "Turns(0 subjects)"


async def test_too_many_are_sent_away_at_once() -> None:
    turns, go = Turns(), asyncio.Event()

    async def wait() -> None:
        async with turns.of("a"):
            await go.wait()

    tasks = [asyncio.create_task(wait()) for _ in range(MAX_OF_ONE + 1)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyWaitError):
        async with turns.of("a"):
            pytest.fail("there is no place")
    async with turns.of("b"):
        pass
    go.set()
    await asyncio.gather(*tasks)
    async with turns.of("a"):
        pass


async def test_who_gives_up_while_he_waits_leaves_nothing_behind() -> None:
    turns = Turns()
    async with turns.of("a"):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0), turns.of("a"):
                pytest.fail("it is not his turn")
    async with turns.of("a"):
        assert repr(turns) == "Turns(1 subjects)"
