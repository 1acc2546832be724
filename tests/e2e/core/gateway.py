"""A gateway started as a user would start it: ``portcullis serve`` in a process of its own."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from commands import portcullis

START_SECONDS = 30


@dataclass
class Gateway:
    """A running gateway in ``directory``, whose configuration file is ``portcullis.yaml`` there."""

    directory: Path
    process: subprocess.Popen[bytes]
    urls: dict[str, str]

    @property
    def url(self) -> str:
        return self.urls["public"]

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.url.rpartition("/")[2].rpartition(":")
        return host, int(port)

    def connect(self, timeout: float = 10) -> socket.socket:
        return socket.create_connection(self.address, timeout=timeout)

    def exchange(self, data: bytes, timeout: float = 10) -> bytes:
        """Send ``data`` on a connection of its own, and read until the gateway closes it."""
        with self.connect(timeout) as client:
            client.sendall(data)
            return read_all(client)

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def records(self, count: int = 1, seconds: float = 5) -> list[dict[str, Any]]:
        """The access log's records, as soon as there are ``count`` of them."""
        path = self.directory / "access.jsonl"
        return wait_for(lambda: _records(path, count), f"{count} records in the access log", seconds)

    def record_of(self, request_id: str, seconds: float = 5) -> dict[str, Any]:
        """The record of one exchange, as soon as it is written."""

        def find() -> dict[str, Any] | None:
            found = [record for record in _records(path, 0) or [] if record["request_id"] == request_id]
            return found[0] if found else None

        path = self.directory / "access.jsonl"
        return wait_for(find, f"the record of {request_id}", seconds)

    def workers(self) -> list[int]:
        """Process ids of the workers: the children of the template, which is the child of ours that has any."""
        return [worker for child in children(self.process.pid) for worker in children(child)]

    def errors(self) -> str:
        return (self.directory / "stderr.txt").read_text()


def _records(path: Path, count: int) -> list[dict[str, Any]] | None:
    if not path.exists():
        return None
    records = [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return records if len(records) >= count else None


def start(directory: Path, workers: int = 1) -> Gateway:
    """Start the gateway that ``directory/portcullis.yaml`` describes, and wait for its ready line."""
    with (directory / "stderr.txt").open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "portcullis", "serve", "-c", "portcullis.yaml", "--workers", str(workers)],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline().decode() if ready else ""
    if "portcullis ready" not in line:
        process.kill()
        process.wait()
        process.stdout.close()
        raise AssertionError(f"no ready line but {line!r}: {(directory / 'stderr.txt').read_text()}")
    return Gateway(directory, process, dict(re.findall(r"(\w+) (https?://[^\s,]+)", line)))


@contextmanager
def serving(directory: Path, spec: str, configuration: str, service: str, workers: int = 1) -> Iterator[Gateway]:
    """A gateway with the document ``spec`` (which ``configuration`` calls ``shop.yaml``), until the block ends.

    ``UPSTREAM`` in the configuration stands for ``service``, the URL of the service.
    """
    (directory / "shop.yaml").write_text(spec)
    (directory / "portcullis.yaml").write_text(configuration.replace("UPSTREAM", service))
    running = start(directory, workers)
    try:
        yield running
    finally:
        end(running)


def end(gateway: Gateway) -> None:
    """Stop it whatever state it is in; none of its processes may be left."""
    if gateway.process.poll() is None:
        gateway.process.send_signal(signal.SIGTERM)
        try:
            gateway.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            gateway.process.kill()
            gateway.process.wait()
    if gateway.process.stdout is not None:
        gateway.process.stdout.close()


def create_key(directory: Path, consumer: str, *options: str) -> str:
    """A new key, made as a user would make it."""
    done = portcullis(directory, "keys", "create", consumer, "-c", "portcullis.yaml", "--format", "json", *options)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["key"])


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def private_bytes(pid: int) -> int:
    """Memory of a process that is its own: what it shares with others is not counted."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_")) * 1024


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def wait_for(check: Any, what: str, seconds: float = 10) -> Any:
    """What ``check`` gives, as soon as it is true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if result := check():
            return result
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


def read_all(client: socket.socket) -> bytes:
    """Everything until the peer closes; a reset ends it too."""
    received = bytearray()
    try:
        while data := client.recv(262144):
            received += data
    except ConnectionResetError:
        pass
    return bytes(received)


def read_response(client: socket.socket) -> tuple[int, bytes]:
    """Status and body of one answer with a Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = client.recv(65536)
        assert data, f"closed after {received!r}"
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += client.recv(65536)
    return int(head.split(b" ")[1]), body


def client_of(gateway: Gateway, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=gateway.url, timeout=10, **options)
