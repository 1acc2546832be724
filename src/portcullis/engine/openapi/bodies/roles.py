"""What a kind of body is to whoever checks a request: it is either held back and read whole, or read as it comes."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NamedTuple, Protocol


class Content(NamedTuple):
    """What a body says: its ``value``, and the text that is to be sent on instead of it; ``None``: as it is."""

    value: Any
    text: bytes | None = None


class HeldBody(Protocol):
    """A body that is read when it is whole. ``key``: the checker's name of its schema, ``""`` if there is none."""

    is_held: ClassVar[Literal[True]] = True

    @property
    def key(self) -> str:
        """As the class says."""

    def read(self, data: bytes) -> tuple[Any, bytes | None]:
        """What the body says, as :class:`Content` has it. Raises ``BodyError``, and ``UnfitError`` for parts."""

    def write(self, data: bytes, value: Any) -> bytes | None:
        """``data`` with the ``value`` that it has after something was taken out; ``None`` if it can't be written so."""


class Scanner(Protocol):
    """Reads one body as it comes. Raises ``BodyError``, and ``UnfitError`` for parts that do not fit their schema."""

    def feed(self, data: bytes) -> None:
        """The next piece."""

    def end(self) -> Content | None:
        """It is whole; ``None`` if it has no value to be checked."""


class StreamedBody(Protocol):
    """A body that is read as it comes. ``key`` as of :class:`HeldBody`, for the value at the end."""

    is_held: ClassVar[Literal[False]] = False

    @property
    def key(self) -> str:
        """As the class says."""

    def scanner(self) -> Scanner:
        """What reads one."""
