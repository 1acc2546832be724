"""Somebody on the way: takes connections, makes each a connection to the true end, and changes what passes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

Change = Callable[[bytes], bytes]
Address = tuple[str, int]


def as_it_is(data: bytes) -> bytes:
    return data


@contextmanager
def interceptor(true_end: Address, up: Change = as_it_is, down: Change = as_it_is) -> Iterator[Address]:
    """Where it listens. ``up`` is given what goes to the ``true_end``, ``down`` what comes back, as it was received."""
    server = socket.create_server(("127.0.0.1", 0))
    with ExitStack() as ends:

        def accept() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                client.settimeout(20)
                behind = socket.create_connection(true_end, timeout=20)
                for source, target, change in ((client, behind, up), (behind, client, down)):
                    thread = threading.Thread(target=pass_on, args=(source, target, change), daemon=True)
                    thread.start()
                    ends.callback(source.close)
                    ends.callback(thread.join, 10)
                    ends.callback(end, source)

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield server.getsockname()[:2]
        finally:
            end(server)
            accepting.join(10)
            server.close()


def end(connection: socket.socket) -> None:
    """Whoever waits for it waits no more."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def pass_on(source: socket.socket, target: socket.socket, change: Change) -> None:
    """Until the source ends; then the target is told so."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(change(data))
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
