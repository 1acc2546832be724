"""Running the program that speaks ACME, from the control process."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from portcullis.control.acme.messages import AcmeOrder, Failed, Present, Result, Said

COMMAND: Final = (sys.executable, "-m", "portcullis.control.acme.program")
GRACE_SECONDS: Final = 60.0
"""Beyond the time of the order itself: for the hook, for records of the DNS, and for a last call."""

_decoder: Final[msgspec.json.Decoder[Said]] = msgspec.json.Decoder(Said)


async def run_acme(
    order: AcmeOrder, present: Callable[[Present], Awaitable[None]], command: tuple[str, ...] = COMMAND
) -> Result:
    """What became of ``order``; ``present`` shows a challenge. The program is ended with whoever waits for it."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # what a terminal sends is for the gateway's supervisor alone
        )
    except OSError as error:
        return Failed(f"{order.authority.name}: the program can't be started: {error.strerror or error}")
    try:
        async with asyncio.timeout(order.timeout + order.dns_wait + GRACE_SECONDS):
            return await _talk(process, order, present)
    except TimeoutError:
        return Failed(f"{order.authority.name}: it took too long")
    except (ConnectionError, msgspec.MsgspecError, ValueError):
        return Failed(f"{order.authority.name}: the program ended without a word")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _talk(
    process: asyncio.subprocess.Process, order: AcmeOrder, present: Callable[[Present], Awaitable[None]]
) -> Result:
    heard, said = process.stdout, process.stdin
    if heard is None or said is None:
        raise ConnectionError
    said.write(msgspec.json.encode(order) + b"\n")
    await said.drain()
    while line := await heard.readline():
        what = _decoder.decode(line)
        if not isinstance(what, Present):
            return what
        await present(what)
        said.write(b"shown\n")
        await said.drain()
    raise ConnectionError
