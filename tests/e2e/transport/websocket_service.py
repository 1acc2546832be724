"""A service of WebSockets, on wires of its own: it does what the path says."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import struct
import threading
from collections.abc import Callable

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, mask: bytes | None = None, rsv: int = 0) -> bytes:
    """One frame as it stands on the wire."""
    first = (0x80 if fin else 0) | rsv | opcode
    bit = 0 if mask is None else 0x80
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


class Wire:
    """A socket that frames are read of."""

    def __init__(self, connection: socket.socket, rest: bytes = b"") -> None:
        self.socket = connection
        self._rest = rest
        self.answer = b""

    def exactly(self, size: int) -> bytes:
        while len(self._rest) < size:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self._rest += data
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def head(self) -> bytes:
        while b"\r\n\r\n" not in self._rest:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self._rest += data
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        return head

    def frame(self) -> tuple[int, bytes]:
        """First byte and payload of the next frame."""
        first, second = self.exactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self.exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self.exactly(8))
        mask = self.exactly(4) if second & 0x80 else b"\0\0\0\0"
        payload = self.exactly(size)
        return first, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


class WebSocketService:
    """Answers handshakes and sends back what it gets; ``sessions[path]`` does something else after the handshake,
    ``answers[path]`` gives another answer to it. ``heads`` and ``closes``: what came.
    """

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.closes: list[bytes] = []
        self.gone = threading.Semaphore(0)
        self.sessions: dict[str, Callable[[Wire], None]] = {}
        self.answers: dict[str, Callable[[bytes], bytes]] = {}
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, EOFError):
            wire = Wire(connection)
            head = wire.head()
            self.heads.append(head)
            path = head.split(b" ")[1].decode().partition("?")[0]
            connection.sendall(self.answers.get(path, switching)(head))
            self.sessions.get(path, self.echo)(wire)
        self.gone.release()

    def echo(self, wire: Wire) -> None:
        while True:
            first, payload = wire.frame()
            if first & 0x0F == 8:
                self.closes.append(payload)
                wire.socket.sendall(frame(8, payload))
                return
            if first & 0x0F != 10:
                opcode = 10 if first & 0x0F == 9 else first & 0x0F
                wire.socket.sendall(frame(opcode, payload, fin=bool(first & 0x80), rsv=first & 0x70))


def field(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        found, _, value = line.partition(b":")
        if found.lower() == name:
            return value.strip()
    return b""


def switching(head: bytes, *extra: bytes) -> bytes:
    accept = base64.b64encode(hashlib.sha1(field(head, b"sec-websocket-key") + GUID).digest())
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept,
        *extra,
    ]
    if offered := field(head, b"sec-websocket-protocol"):
        lines.append(b"Sec-WebSocket-Protocol: " + offered.split(b",")[0].strip())
    return b"\r\n".join(lines) + b"\r\n\r\n"
