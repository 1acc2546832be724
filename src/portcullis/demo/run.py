"""Running the demo from start to end, for a person to play with or as a check."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from rich.console import Console

from portcullis.demo.calls import CALLS, CONSUMERS
from portcullis.demo.check import check_admin, check_calls
from portcullis.demo.processes import (
    BASE_PATH,
    Addresses,
    Site,
    bookshop,
    claim,
    gateway,
    issue_keys,
    listen,
    write_files,
)
from portcullis.demo.screen import show_calls, show_outcome, show_site

Watch = Callable[[], Awaitable[str]]
"""Waits until a process of the demo ends by itself, and names it."""


async def play(directory: Path, addresses: Addresses, console: Console) -> int:
    """Start everything, show what to try, and wait until told to stop; 1 if a process ends by itself."""
    async with running(directory, addresses) as (site, ended):
        show_site(console, site)
        show_calls(console, site)
        name = await ended()
        console.print(f"[red]The {name} has ended by itself; the demo is over.[/]")
        return 1


async def check(directory: Path, addresses: Addresses, console: Console) -> int:
    """Start everything, make the calls, compare, stop everything; 0 if all was as it must be, else 1."""
    async with running(directory, addresses) as (site, _):
        faults = 0
        async for outcome in check_calls(site, CALLS):
            show_outcome(console, outcome)
            faults += bool(outcome.faults)
        for fault in await check_admin(site):
            console.print(f"[red]✗ admin {fault}[/]")
            faults += 1
    passed = len(CALLS) - faults
    console.print(f"{passed} of {len(CALLS)} calls as expected; everything is stopped")
    return 1 if faults else 0


@asynccontextmanager
async def running(directory: Path, addresses: Addresses) -> AsyncIterator[tuple[Site, Watch]]:
    """The demo's processes, ready, and with keys issued; they are stopped at the end, whatever happens."""
    with claim(directory):
        listener = listen(addresses.api)
        addresses = msgspec.structs.replace(addresses, api=listener.getsockname()[1])
        configuration = write_files(directory, addresses)
        async with bookshop(listener) as api, gateway(configuration) as (gate, public, admin):
            keys = await issue_keys(configuration, CONSUMERS)
            site = Site(
                directory,
                public + BASE_PATH,
                f"http://127.0.0.1:{addresses.api}",
                admin,
                keys,
            )
            yield site, lambda: _first_to_end({"sample API": api, "gateway": gate})


async def _first_to_end(processes: dict[str, asyncio.subprocess.Process]) -> str:
    """Wait until one of ``processes`` ends; its name."""
    waiting = {asyncio.create_task(process.wait()): name for name, process in processes.items()}
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
    return waiting[next(iter(done))]


def until_told_to_stop(work: Callable[[], Coroutine[None, None, int]]) -> int | None:
    """Run ``work`` to its end, or to SIGINT, SIGTERM or SIGHUP: then clean up and give ``None``."""

    async def supervised() -> int | None:
        task = asyncio.ensure_future(work())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            return None

    return asyncio.run(supervised())
