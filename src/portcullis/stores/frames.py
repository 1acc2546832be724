"""Frames between the workers and the control process, over a Unix socket: length, kind, payload."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

import msgspec

_HEADER = struct.Struct(">IB")
MAX_FRAME: Final = 256 * 1024 * 1024


class Kind(IntEnum):
    """What a frame holds."""

    HELLO = 1  # worker -> control: Hello, as msgpack
    RECORDS = 2  # worker -> control: JSON lines
    TALLY = 3  # worker -> control: TallyDelta, as msgpack
    TOPIC = 4  # control -> worker: the name of a topic, NUL, and what is known of it
    TAKEN = 5  # control -> worker: one RECORDS frame has been taken, the oldest of those on the way; no payload
    INFORMED = 6  # control -> worker: the latest of every topic has been told; no payload
    QUESTION = 7  # worker -> control: Question, as msgpack
    REPLY = 8  # control -> worker: Reply, as msgpack


class Hello(msgspec.Struct):
    """A worker says who it is."""

    worker: int
    generation: int
    pid: int


class Question(msgspec.Struct, array_like=True):
    """A worker asks something; ``number`` is its own choice, and names the reply."""

    number: int
    topic: str
    question: bytes


class Reply(msgspec.Struct, array_like=True):
    """What control says to the question of that ``number``; ``None``: it can't."""

    number: int
    answer: bytes | None


class FrameError(Exception):
    """The peer sent something that is no frame. Only a bug can cause it: both ends are ours."""


def encode_frame(kind: Kind, payload: bytes) -> bytes:
    """One frame. Raises :class:`FrameError` for a payload that no decoder would take."""
    if len(payload) > MAX_FRAME:
        raise FrameError(f"a frame of {len(payload)} bytes")
    return _HEADER.pack(len(payload), kind) + payload


def encode_topic(topic: str, known: bytes) -> bytes:
    """The frame that tells what is ``known`` of ``topic``. Raises :class:`FrameError` as :func:`encode_frame` does."""
    return encode_frame(Kind.TOPIC, topic.encode() + b"\0" + known)


class FrameDecoder:
    """Cuts received bytes into frames. After an error it is of no use any more."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[Kind, bytes]]:
        """The frames that ``data`` completes. Raises :class:`FrameError`."""
        buffer = self._buffer
        buffer += data
        frames = []
        position = 0
        while len(buffer) - position >= _HEADER.size:
            length, number = _HEADER.unpack_from(buffer, position)
            if length > MAX_FRAME:
                raise FrameError(f"a frame of {length} bytes")
            end = position + _HEADER.size + length
            if end > len(buffer):
                break
            try:
                kind = Kind(number)
            except ValueError:
                raise FrameError(f"a frame of kind {number}") from None
            with memoryview(buffer) as view:  # a slice of the buffer itself would be one copy more
                frames.append((kind, bytes(view[position + _HEADER.size : end])))
            position = end
        del buffer[:position]
        return frames
