"""Messages between a parent process and its child: JSON lines over a socket pair.

The pair also tells when the other process is gone, however it went.
"""

from __future__ import annotations

import socket
from typing import Final, Literal

import msgspec

from portcullis.engine.config.diagnostics import Diagnostic

Word = Literal["ready", "failed", "worker_lost", "progress", "compiled", "retire", "retired", "stop", "generation"]


class Message(msgspec.Struct, omit_defaults=True):
    """What one process tells the other.

    ``ready``: a worker (``worker``) or the control process serves; ``failed``: it can't, with ``diagnostics``;
    ``progress``: the document ``text`` is being compiled, the ``done``th of ``total``; ``compiled``: everything is,
    with warnings in ``diagnostics``, and workers start; ``worker_lost``: a worker died, ``text`` says how;
    ``retire``: another generation serves, end when your clients have moved (to control: no new calls are wanted);
    ``retired``: a worker (``worker``) accepts no more connections;
    ``stop``: finish and end;
    ``generation``: (to control) ``generation`` with ``workers`` serves now, and ``text`` holds what of its
    configuration concerns the control process.
    """

    word: Word
    text: str = ""
    worker: int = -1
    workers: int = 0
    generation: int = 0
    diagnostics: list[Diagnostic] = []
    done: int = 0
    total: int = 0


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Message).decode


# A report on thousands of errors is far smaller; a process that says more than this has gone mad.
MAX_UNREAD: Final = 16 * 1024 * 1024


class Link:
    """One end of a line between two processes.

    ``closed``: nothing more will come, since the other end is closed, or says what is no message.
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._buffer = bytearray()
        self.closed = False

    @classmethod
    def pair(cls) -> tuple[Link, Link]:
        """Both ends; each process closes the one that is not its own."""
        one, other = socket.socketpair()
        return cls(one), cls(other)

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._socket.fileno()

    def send(self, message: Message) -> bool:
        """Tell the other process; ``False`` if it is gone. What it said before can still be received then."""
        try:
            self._socket.sendall(_encode(message) + b"\n")
        except OSError:
            return False
        return True

    def receive(self) -> list[Message]:
        """Everything that has come, without waiting for more."""
        while not self.closed:
            try:
                data = self._socket.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            self._buffer += data
            self.closed = not data or len(self._buffer) > MAX_UNREAD
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = rest
        messages: list[Message] = []
        try:
            messages.extend(map(_decode, lines))
        except msgspec.MsgspecError:
            self.closed = True
        return messages

    def close(self) -> None:
        """Close this end."""
        self._socket.close()
