"""A proxy that tunnels (CONNECT, RFC 9110 9.3.6) to wherever it is told that a name leads."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class ConnectProxy:
    """``names``: the port of each host that is let through; ``asked``: every target that was asked for."""

    def __init__(self, names: Mapping[str, int]) -> None:
        self.asked: list[str] = []
        self._names = names
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(10)
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1)
            method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
            self.asked.append(target)
            port = self._names.get(target.rpartition(":")[0])
            if method != "CONNECT" or port is None:
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", port), timeout=10) as behind:
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                tunnel(client, behind)


def tunnel(one: socket.socket, other: socket.socket) -> None:
    """Pass on what either says, until one of them ends."""
    ends = {one: other, other: one}
    while True:
        for source in select.select(list(ends), [], [], 10)[0]:
            data = source.recv(65536)
            if not data:
                return
            ends[source].sendall(data)


@contextmanager
def proxy(names: Mapping[str, int]) -> Iterator[ConnectProxy]:
    """A running one."""
    running = ConnectProxy(names)
    try:
        yield running
    finally:
        running.close()
