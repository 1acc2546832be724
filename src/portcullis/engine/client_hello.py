"""What a client says first in TLS, before anything is decided: for which name it asks, and for which protocols.

Only looked at, never changed: the handshake is OpenSSL's, which reads the same bytes again and judges them (RFC 8446
4.1.2, RFC 6066 3, RFC 7301 3.1).
"""

from __future__ import annotations

from typing import Final

import msgspec

MAX_HELLO: Final = 64 * 1024
_HANDSHAKE: Final = 22
_CLIENT_HELLO: Final = 1
_SERVER_NAME: Final = 0
_ALPN: Final = 16


class ClientHello(msgspec.Struct, frozen=True):
    """``name``: lower case, empty if it asks for none; ``protocols``: those of ALPN."""

    name: str = ""
    protocols: tuple[bytes, ...] = ()


class ClientHelloError(ValueError):
    """It is no ClientHello, or one that is longer than any."""


class ClientHelloReader:
    """Reads a ClientHello that comes in pieces, each byte once: whoever sends them one by one costs no more."""

    __slots__ = ("_message", "_received", "_records")

    def __init__(self) -> None:
        self._received = 0
        self._records = bytearray()
        self._message = bytearray()

    def feed(self, data: bytes) -> ClientHello | None:
        """The ClientHello that ``data`` completes; ``None`` while it is not complete.

        Raises :class:`ClientHelloError`; after that, and after a ClientHello, nothing more may come.
        """
        self._received += len(data)
        if self._received > MAX_HELLO:
            raise ClientHelloError("too long")
        records, message = self._records, self._message
        records += data
        while True:
            if records and records[0] != _HANDSHAKE:
                raise ClientHelloError("not a handshake")
            if len(records) < 5:
                return None
            length = int.from_bytes(records[3:5])
            if len(records) < 5 + length:
                return None
            message += records[5 : 5 + length]
            del records[: 5 + length]
            if message and message[0] != _CLIENT_HELLO:
                raise ClientHelloError("not a ClientHello")
            if len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4]):
                return _read(_Cursor(bytes(message[4 : 4 + int.from_bytes(message[1:4])])))
            if not length:
                raise ClientHelloError("an empty record")


class _Cursor:
    """Reads fields of a message; raises :class:`ClientHelloError` at its end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        found = self.data[self.at : self.at + count]
        if len(found) < count:
            raise ClientHelloError("it ends too early")
        self.at += count
        return found

    def vector(self, width: int) -> bytes:
        """A field after its length, which is an integer of ``width`` bytes."""
        return self.take(int.from_bytes(self.take(width)))


def _read(cursor: _Cursor) -> ClientHello:
    cursor.take(34)  # version, random
    cursor.vector(1)  # session
    cursor.vector(2)  # ciphers
    cursor.vector(1)  # compression
    name = ""
    protocols: tuple[bytes, ...] = ()
    if cursor.at < len(cursor.data):
        extensions = _Cursor(cursor.vector(2))
        while extensions.at < len(extensions.data):
            kind, content = int.from_bytes(extensions.take(2)), extensions.vector(2)
            if kind == _SERVER_NAME:
                name = _name(content)
            elif kind == _ALPN:
                protocols = _protocols(content)
    return ClientHello(name, protocols)


def _name(content: bytes) -> str:
    names = _Cursor(_Cursor(content).vector(2))
    while names.at < len(names.data):
        kind, value = names.take(1)[0], names.vector(2)
        if kind == 0:
            return value.decode("ascii", "replace").lower()
    return ""


def _protocols(content: bytes) -> tuple[bytes, ...]:
    listed, found = _Cursor(_Cursor(content).vector(2)), []
    while listed.at < len(listed.data):
        found.append(listed.vector(1))
    return tuple(found)
