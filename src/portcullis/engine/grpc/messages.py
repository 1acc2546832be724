"""Messages judged by their type: what the ``.proto`` file does not declare, and what attacks look like."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

OnUndeclared = Literal["refuse", "strip", "allow"]
_MAX_DEPTH: Final = 100
"""Messages in one another: what the library reads."""


class MessageError(ValueError):
    """A message does not fit its type. ``pointer``: where, as ``/items/3/name``; ``found``: what is there."""

    def __init__(self, pointer: str, found: str, allowed: str) -> None:
        super().__init__(found)
        self.pointer = pointer
        self.found = found
        self.allowed = allowed


Look = Callable[[str, str], None]
"""Called with each text of a message and where it stands; raises what is to be raised."""


class MessageType:
    """Checks messages of one type: ``kind``, a class of the library's."""

    __slots__ = ("_has_enums", "_has_texts", "_kind", "name")

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self.name: str = kind.DESCRIPTOR.full_name
        fields = list(_fields_below(kind.DESCRIPTOR))
        self._has_enums = any(field.type == field.TYPE_ENUM for field in fields)
        self._has_texts = any(field.type in (field.TYPE_STRING, field.TYPE_BYTES) for field in fields)

    def check(self, data: bytes, on_undeclared: OnUndeclared, look: Look | None = None) -> bytes | None:
        """What is to be sent in place of ``data``, if anything. Raises :class:`MessageError`."""
        try:
            message: Message = self._kind.FromString(data)
        except DecodeError:
            raise MessageError("", "bytes that are no such message", self.name) from None
        if self._has_enums and on_undeclared != "allow":
            _check_enums(message)
        if look is not None and self._has_texts:
            for pointer, text in texts_of(message):
                look(pointer, text)
        if on_undeclared == "allow":
            return None
        size = message.ByteSize()
        message.DiscardUnknownFields()
        if message.ByteSize() == size:
            return None
        if on_undeclared == "strip":
            return message.SerializeToString()
        whole: Message = self._kind.FromString(data)
        pointer, number = next(_unknown_in(whole, ""), ("", 0))
        raise MessageError(pointer, f"field {number}", f"fields of {self.name}")


def has_text_at(kind: Any, tokens: tuple[str, ...]) -> bool:
    """Whether a text of messages of ``kind`` may stand at the place that ``tokens`` name; ``*`` is any item."""
    descriptor = kind.DESCRIPTOR
    while tokens:
        field = descriptor.fields_by_name.get(tokens[0])
        tokens = tokens[1:]
        if field is None:
            return False
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            if not tokens:
                return True  # its keys
            field, tokens = field.message_type.fields_by_name["value"], tokens[1:]
        elif field.is_repeated:
            tokens = tokens[1:]
        if field.message_type is None:
            return not tokens and field.type in (field.TYPE_STRING, field.TYPE_BYTES)
        descriptor = field.message_type
    return False


def _fields_below(descriptor: Any) -> Iterator[Any]:
    seen = set()
    waiting = [descriptor]
    while waiting:
        each = waiting.pop()
        if each.full_name in seen:
            continue
        seen.add(each.full_name)
        for field in each.fields:
            yield field
            if field.message_type is not None:
                waiting.append(field.message_type)


def _items(message: Message, pointer: str) -> Iterator[tuple[str, Any, Any]]:
    """The values of ``message`` with their fields and places, items of lists and of maps each on their own."""
    for field, value in message.ListFields():
        place = f"{pointer}/{field.name}"
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            of_values = field.message_type.fields_by_name["value"]
            of_keys = field.message_type.fields_by_name["key"]
            for key, item in value.items():
                yield place, of_keys, key
                yield f"{place}/{key}", of_values, item
        elif field.is_repeated:
            for number, item in enumerate(value):
                yield f"{place}/{number}", field, item
        else:
            yield place, field, value


def _walk(message: Message) -> Iterator[tuple[str, Any, Any]]:
    waiting = [("", message)]
    while waiting:
        pointer, each = waiting.pop()
        for place, field, value in _items(each, pointer):
            if field.message_type is not None:
                waiting.append((place, value))
            else:
                yield place, field, value


def texts_of(message: Message) -> Iterator[tuple[str, str]]:
    """The texts in ``message`` and below, and bytes that may be text."""
    for place, _, value in _walk(message):
        if isinstance(value, str):
            yield place, value
        elif isinstance(value, bytes):
            yield place, value.decode("utf-8", "replace")


def _check_enums(message: Message) -> None:
    for place, field, value in _walk(message):
        if field.enum_type is not None and value not in field.enum_type.values_by_number:
            raise MessageError(place, str(value), f"a value of {field.enum_type.full_name}")


def _unknown_in(message: Message, pointer: str) -> Iterator[tuple[str, int]]:
    """The fields of ``message`` and below that its type does not have, by number."""
    unknown: Any = UnknownFieldSet(message)
    for each in unknown:
        yield pointer, each.field_number
    for place, field, value in _items(message, pointer):
        if field.message_type is not None:
            yield from _unknown_in(value, place)
