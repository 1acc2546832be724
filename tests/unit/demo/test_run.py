"""The whole demo runs in tests/e2e/demo; here is what needs no gateway."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from portcullis.demo.run import _first_to_end, until_told_to_stop


async def test_the_first_process_to_end_is_named() -> None:
    stays = await asyncio.create_subprocess_exec(sys.executable, "-c", "import signal; signal.pause()")
    ends = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    try:
        assert await _first_to_end({"stays": stays, "ends": ends}) == "ends"
    finally:
        stays.kill()
        await stays.wait()


def test_work_that_ends_gives_its_code() -> None:
    async def work() -> int:
        return 1

    assert until_told_to_stop(work) == 1


def test_a_signal_ends_the_work_after_it_has_cleaned_up() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        cleaned: list[str] = []

        async def work(number: int = number, cleaned: list[str] = cleaned) -> int:
            try:
                os.kill(os.getpid(), number)
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                cleaned.append("up")
            return 0

        assert until_told_to_stop(work) is None
        assert cleaned == ["up"]
