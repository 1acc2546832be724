"""Frames of one direction of a WebSocket, read strictly (RFC 6455 5), without a socket.

Where nothing looks into messages the reader only *follows* the frames: it judges each head and lets the payload
through as it comes, masked as it is. Where something does, a message is held until it is whole, unmasked and judged,
and then passed on as the very bytes that came. Control frames pass at once, also between the parts of a message.

What is refused raises; nothing of the data that was fed then is to be passed on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from portcullis.engine.decision import Refuse

PROTOCOL_ERROR: Final = 1002
INVALID_TEXT: Final = 1007
POLICY_VIOLATION: Final = 1008
TOO_BIG: Final = 1009

MAX_PARTS: Final = 1024
"""Frames of one message."""
_NO_STATUS: Final = 1005
_CLOSE: Final = 8
_TEXT: Final = 1
_FIN, _RSV1, _RSV23, _MASK = 0x80, 0x40, 0x30, 0x80
_WHOLE: Final = frozenset({0x81, 0x82})
_WHOLE_TEXT: Final = 0x81
_MAX_CONTROL: Final = 125
_EXTENDED_16, _EXTENDED_64 = 126, 127
_CODES: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})

Judge = Callable[[bool, bytes], Refuse | None]
"""Says what is wrong with a whole message: whether it is text, and its payload."""


class FrameError(ValueError):
    """What came is against the rules: ``code`` is the close code that says so."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class MessageRefusedError(Exception):
    """A whole message was judged, and refused."""

    def __init__(self, refusal: Refuse) -> None:
        super().__init__(refusal.code.name)
        self.refusal = refusal


class FrameReader:
    """Reads the frames of one direction.

    ``masked``: they come from a client; ``max_size``: bytes of a message; ``compressed``: messages may be compressed
    (RFC 7692); ``judge``: looks into messages. What it counts: ``messages``, ``frames``, and ``held`` bytes.
    ``close_code``: of the close frame that has come, 0 if none has.
    """

    __slots__ = (
        "_boundary",
        "_buffer",
        "_compressed",
        "_fin",
        "_frame",
        "_held",
        "_judge",
        "_key",
        "_left",
        "_masked",
        "_max_size",
        "_opcode",
        "_parts",
        "_payload",
        "_size",
        "close_code",
        "frames",
        "held",
        "messages",
    )

    def __init__(self, *, masked: bool, max_size: int, compressed: bool = False, judge: Judge | None = None) -> None:
        self._masked = _MASK if masked else 0
        self._max_size = max_size
        self._compressed = compressed
        self._judge = judge
        self._buffer = b""
        self._left = 0
        self._boundary = True
        self._opcode = 0
        self._fin = False
        self._size = 0
        self._parts = 0
        self._key = b""
        # In one piece each: of a message that comes by single bytes a list would take fifty times as much.
        self._held = bytearray()
        self._frame = bytearray()
        self._payload: list[bytes] = []
        self.held = 0
        self.messages = 0
        self.frames = 0
        self.close_code = 0

    @property
    def at_boundary(self) -> bool:
        """Whether another frame may follow what was passed on so far."""
        return self._boundary or self._judge is not None

    def feed(self, data: bytes) -> bytes:
        """What of ``data`` and of what was held is to be passed on now.

        Raises :class:`FrameError` and :class:`MessageRefusedError`. What follows a close frame is dropped.
        """
        if self.close_code:
            return b""
        if not (self._left or self._buffer or self._opcode) and self._take_whole(data):
            return data
        return self._feed(data)

    def _feed(self, data: bytes) -> bytes:
        if self._buffer:
            data = self._buffer + data
        passed: list[bytes] = []
        at, size = 0, len(data)
        while at < size:
            if self._left:
                piece = data[at : at + self._left]
                self._left -= len(piece)
                at += len(piece)
                self._take(piece, passed)
                if not self._left:
                    self._frame_ended(passed)
                continue
            head = self._head(data, at)
            if head is None:
                break
            first, start, length = head
            if first & _CLOSE:
                if start + length > size:
                    break
                self._control(first & 0x0F, data, start, length)
                passed.append(data[at : start + length])
                at = start + length
                if self.close_code:
                    at = size
            else:
                self._begin(first, data, start, length)
                self._left = length
                self._take_head(data[at:start], passed)
                at = start
                if not length:
                    self._frame_ended(passed)
        self._buffer = data[at:]
        self._boundary = not self._left
        return passed[0] if len(passed) == 1 else b"".join(passed)

    def _take_whole(self, data: bytes) -> bool:
        """Take ``data`` if it is one message in one frame and nothing else, as nearly always."""
        start = self._start_of_whole(data)
        if not start:
            return False
        self.messages += 1
        self.frames += 1
        if self._judge is not None:
            payload = data[start:]
            self._pass(data[0] == _WHOLE_TEXT, masked(payload, data[start - 4 : start]) if self._masked else payload)
        return True

    def _start_of_whole(self, data: bytes) -> int:
        """Where the payload begins, if ``data`` is one message in one frame and nothing else; or 0."""
        size = len(data)
        if size < 2 or data[0] not in _WHOLE:
            return 0
        start = 6 if self._masked else 2
        length = data[1] - self._masked
        if length == _EXTENDED_16 and size >= 4:
            start += 2
            length = data[2] << 8 | data[3]
            if length <= _MAX_CONTROL:
                return 0
        elif not 0 <= length <= _MAX_CONTROL:
            return 0
        return start if size == length + start and length <= self._max_size else 0

    def _head(self, data: bytes, at: int) -> tuple[int, int, int] | None:
        """The first byte of the frame at ``at``, where its payload begins and how long that is; ``None``: not there."""
        size = len(data)
        first = data[at]
        self._check_first(first)
        if size < at + 2:
            return None
        second = data[at + 1]
        if second & _MASK != self._masked:
            who = "a client must mask its frames" if self._masked else "a service must not mask its frames"
            raise FrameError(PROTOCOL_ERROR, who)
        length = second & ~_MASK
        start = at + 2
        if first & _CLOSE and length > _MAX_CONTROL:
            raise FrameError(PROTOCOL_ERROR, "a control frame has at most 125 bytes")
        if length >= _EXTENDED_16:
            width, least = (2, _MAX_CONTROL) if length == _EXTENDED_16 else (8, 0xFFFF)
            start += width
            if size < start:
                return None
            length = int.from_bytes(data[start - width : start], "big")
            if length <= least or length >> 63:
                raise FrameError(PROTOCOL_ERROR, "a length is not written in as few bytes as it takes")
        if self._masked:
            start += 4
            if size < start:
                return None
        return first, start, length

    def _check_first(self, first: int) -> None:
        opcode = first & 0x0F
        is_control = bool(opcode & _CLOSE)
        if first & _RSV23 or (first & _RSV1 and (not self._compressed or is_control or not opcode)):
            raise FrameError(PROTOCOL_ERROR, "a reserved bit is set, and no extension was agreed on for it")
        if opcode not in (0, 1, 2, 8, 9, 10):
            raise FrameError(PROTOCOL_ERROR, "the opcode is reserved")
        if is_control:
            if not first & _FIN:
                raise FrameError(PROTOCOL_ERROR, "a control frame is in parts")
        elif opcode and self._opcode:
            raise FrameError(PROTOCOL_ERROR, "a message begins within another")
        elif not opcode and not self._opcode:
            raise FrameError(PROTOCOL_ERROR, "a message goes on that has not begun")

    def _control(self, opcode: int, data: bytes, start: int, length: int) -> None:
        self.frames += 1
        if opcode != _CLOSE:
            return
        payload = data[start : start + length]
        if self._masked:
            payload = masked(payload, data[start - 4 : start])
        if not payload:
            self.close_code = _NO_STATUS
            return
        code = int.from_bytes(payload[:2], "big")
        if length == 1 or not (code in _CODES or 3000 <= code <= 4999):
            raise FrameError(PROTOCOL_ERROR, "a close frame has a code that must not be sent")
        _check_text(payload[2:])
        self.close_code = code

    def _begin(self, first: int, data: bytes, start: int, length: int) -> None:
        """A data frame begins."""
        self.frames += 1
        self._fin = bool(first & _FIN)
        if opcode := first & 0x0F:
            self._opcode, self._size, self._parts = opcode, 0, 0
        self._size += length
        self._parts += 1
        if self._size > self._max_size:
            raise FrameError(TOO_BIG, f"a message has at most {self._max_size} bytes")
        if self._parts > MAX_PARTS:
            raise FrameError(POLICY_VIOLATION, f"a message has at most {MAX_PARTS} parts")
        if self._masked:
            self._key = data[start - 4 : start]

    def _take_head(self, head: bytes, passed: list[bytes]) -> None:
        if self._judge is None:
            passed.append(head)
        else:
            self._held += head
            self.held += len(head)

    def _take(self, piece: bytes, passed: list[bytes]) -> None:
        if self._judge is None:
            passed.append(piece)
        else:
            self._held += piece
            self._frame += piece
            self.held += len(piece)

    def _frame_ended(self, passed: list[bytes]) -> None:
        if self._judge is not None:
            payload = bytes(self._frame)
            self._frame.clear()
            self._payload.append(masked(payload, self._key) if self._masked else payload)
        if not self._fin:
            return
        is_text, self._opcode = self._opcode == _TEXT, 0
        self.messages += 1
        if self._judge is None:
            return
        message = b"".join(self._payload)
        self._payload.clear()
        self._pass(is_text, message)
        passed.append(bytes(self._held))
        self._held.clear()
        self.held = 0

    def _pass(self, is_text: bool, message: bytes) -> None:
        """Raise unless a whole message is one that may be passed on."""
        if is_text:
            _check_text(message)
        refusal = None if self._judge is None else self._judge(is_text, message)
        if refusal is not None:
            raise MessageRefusedError(refusal)


def masked(payload: bytes, key: bytes) -> bytes:
    """``payload`` masked by the four bytes of ``key``, or unmasked if it was masked (RFC 6455 5.3)."""
    size = len(payload)
    pattern = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(pattern, "little")).to_bytes(size, "little")


def close_frame(code: int, key: bytes = b"") -> bytes:
    """A close frame with ``code`` and no reason; masked by the four bytes of ``key``, if it is for a service."""
    payload = code.to_bytes(2, "big")
    return b"\x88\x82" + key + masked(payload, key) if key else b"\x88\x02" + payload


def _check_text(data: bytes) -> None:
    try:
        data.decode()
    except UnicodeDecodeError:
        raise FrameError(INVALID_TEXT, "text is not UTF-8") from None
