"""The demo's processes: the bookshop and the gateway before it, started as a user would, and stopped with the demo.

The bookshop gets its listening socket from here, so that a port that is taken is noticed before anything starts.
The gateway is ``portcullis serve`` in a process of its own. Both are in sessions of their own: Ctrl-C reaches
the demo alone, which then stops them, in order and with a deadline.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from portcullis.demo.calls import Consumer
from portcullis.engine.api_key_format import mint

READY: Final = re.compile(r"portcullis ready: public (\S+?),? admin (\S+)")
BASE_PATH: Final = "/shop/v1"
READY_WITHIN_S: Final = 60.0
STOP_WITHIN_S: Final = 10.0


class DemoError(Exception):
    """The demo can't run; the message is for the person who started it."""


class Addresses(msgspec.Struct, frozen=True):
    """Loopback ports of the demo; 0 lets the system choose."""

    public: int = 8080
    admin: int = 9901
    api: int = 9000


class Site(msgspec.Struct, frozen=True):
    """A running demo: where everything is, and each consumer's key.

    ``public``: URL of the API behind the gateway; ``api``: of the API itself; ``admin``: of health and metrics.
    """

    directory: Path
    public: str
    api: str
    admin: str
    keys: Mapping[str, str]

    @property
    def configuration(self) -> Path:
        """The gateway's configuration file."""
        return self.directory / "portcullis.yaml"

    @property
    def access_log(self) -> Path:
        """One JSON line for each call."""
        return self.directory / "access.jsonl"


@contextmanager
def claim(directory: Path) -> Iterator[None]:
    """Make ``directory`` this demo's own while it runs. Raises :class:`DemoError` if another demo has it."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DemoError(f"another demo is running in {directory}") from error
        yield


def write_files(directory: Path, addresses: Addresses) -> Path:
    """Write configuration and document into ``directory``, with these ports; returns the configuration file.

    State and log of an earlier demo are removed: its keys are printed nowhere any more.
    """
    shutil.rmtree(directory / "state", ignore_errors=True)
    (directory / "access.jsonl").unlink(missing_ok=True)
    source = files("portcullis.demo")
    (directory / "bookshop.yaml").write_text(source.joinpath("bookshop.yaml").read_text("utf-8"), "utf-8")
    text = source.joinpath("portcullis.yaml").read_text("utf-8")
    defaults = Addresses()
    for name in Addresses.__struct_fields__:
        text = text.replace(f"127.0.0.1:{getattr(defaults, name)}", f"127.0.0.1:{getattr(addresses, name)}")
    configuration = directory / "portcullis.yaml"
    configuration.write_text(text, "utf-8")
    return configuration


def listen(port: int) -> socket.socket:
    """A listening socket on loopback. Raises :class:`DemoError` if the port is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise DemoError(f"port {port} can't be used for the sample API ({error.strerror}); choose another") from error
    listener.listen(128)
    return listener


@asynccontextmanager
async def bookshop(listener: socket.socket) -> AsyncIterator[asyncio.subprocess.Process]:
    """The sample API on ``listener``, which is closed here: it is the API's now."""
    with listener:
        descriptor = listener.fileno()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "portcullis.demo.bookshop", str(descriptor)),
            pass_fds=(descriptor,),
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await stop(process)


@asynccontextmanager
async def gateway(configuration: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, str]]:
    """``portcullis serve`` on ``configuration``, once it is ready: the process, its public and its admin URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "portcullis", "serve", "-c", str(configuration)),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    draining: asyncio.Task[None] | None = None
    try:
        assert process.stdout is not None  # it was asked for above
        public, admin = await _ready(process.stdout)
        draining = asyncio.create_task(_drain(process.stdout))
        yield process, public, admin
    finally:
        await stop(process)
        if draining is not None:
            await draining


async def _ready(output: asyncio.StreamReader) -> tuple[str, str]:
    """Read the gateway's output up to the line that says it is ready."""
    said: list[str] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(READY_WITHIN_S):
            while line := (await output.readline()).decode():
                if match := READY.search(line):
                    return match[1], match[2]
                said.append(line)
    raise DemoError("the gateway did not start; its own words are above\n" + "".join(said))


async def _drain(output: asyncio.StreamReader) -> None:
    """Read on, so that the gateway never waits for us; nobody needs what it says."""
    while await output.read(65536):
        pass


async def issue_keys(configuration: Path, consumers: Sequence[Consumer]) -> Mapping[str, str]:
    """Make a key for each consumer and have ``portcullis keys import`` take their hashes; the keys in clear, by name.

    One import is one process, however many consumers there are, and its input holds no secret.
    """
    keys = {consumer.name: mint(secrets.randbelow) for consumer in consumers}
    records = [
        {
            "id": keys[consumer.name].id,
            "digest": f"sha256:{keys[consumer.name].digest.hex()}",
            "consumer": consumer.name,
            "plan": consumer.plan,
            "roles": consumer.roles,
        }
        for consumer in consumers
    ]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "portcullis", "keys", "import", "-c", str(configuration), "/dev/stdin"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    await process.communicate(msgspec.json.encode(records))
    if process.returncode:
        raise DemoError("no keys could be made; the reason is above")
    return {name: key.reveal() for name, key in keys.items()}


async def stop(process: asyncio.subprocess.Process) -> None:
    """End a process of ours: ask, wait for :data:`STOP_WITHIN_S`, then insist."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        # Not by send_signal: it looks whether the process has ended, and takes the news from the loop.
        os.kill(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        await process.wait()
