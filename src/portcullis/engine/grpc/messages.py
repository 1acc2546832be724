"""Messages judged by their type: what the ``.proto`` file does not declare, and what attacks look like."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

OnUndeclared = Literal["refuse", "strip", "allow"]
_MAX_DEPTH: Final = 100
"""Messages in one another: what the library reads."""
MOST_PARTS: Final = 50_000
"""Messages in messages, and texts, of one call, beside those that its bytes pay for."""
_BYTES_A_PART: Final = 4
_TEXTS: Final = frozenset({FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES})
_ENUMS: Final = frozenset({FieldDescriptor.TYPE_ENUM})


class MessageError(ValueError):
    """A message does not fit its type. ``pointer``: where, as ``/items/3/name``; ``found``: what is there."""

    def __init__(self, pointer: str, found: str, allowed: str) -> None:
        super().__init__(found)
        self.pointer = pointer
        self.found = found
        self.allowed = allowed


Look = Callable[[str, str], None]
"""Called with each text of a message and where it stands; raises what is to be raised."""


class PartsAllowance:
    """How many messages in messages, and texts, are looked at in one call: :data:`MOST_PARTS`, and more for its bytes.

    Two bytes are enough for a message in another, and compressed they are a hundredth of that.
    Each takes a microsecond.
    """

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MOST_PARTS * _BYTES_A_PART

    def earn(self, count: int) -> None:
        """``count`` bytes of the call came, as they were sent."""
        self._left += count

    def spend(self, parts: int) -> None:
        """Look at ``parts`` more. Raises :class:`MessageError` if they are too many."""
        self._left -= parts * _BYTES_A_PART
        if self._left < 0:
            raise MessageError("", "too many messages and texts in it", "fewer, for so few bytes")


class MessageType:
    """Checks messages of one type: ``kind``, a class of the library's."""

    __slots__ = ("_kind", "_leads", "name")

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self.name: str = kind.DESCRIPTOR.full_name
        self._leads: dict[tuple[str, frozenset[int]], bool] = {}

    def check(
        self,
        data: bytes,
        on_undeclared: OnUndeclared,
        look: Look | None = None,
        allowance: PartsAllowance | None = None,
    ) -> bytes | None:
        """What is to be sent in place of ``data``, if anything; without ``allowance`` it may have any number of parts.

        Raises :class:`MessageError`.
        """
        try:
            message: Message = self._kind.FromString(data)
        except DecodeError:
            raise MessageError("", "bytes that are no such message", self.name) from None
        if on_undeclared != "allow":
            self._check_enums(message, allowance)
        if look is not None:
            for pointer, text in self.texts_in(message, allowance):
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
        pointer, number = next(_unknown_in(whole, "", allowance), ("", 0))
        raise MessageError(pointer, f"field {number}", f"fields of {self.name}")

    def texts_in(self, message: Message, allowance: PartsAllowance | None = None) -> Iterator[tuple[str, str]]:
        """The texts in ``message`` and below, and bytes that may be text."""
        for place, field, found in self._values(message, _TEXTS, allowance):
            if allowance is not None:
                allowance.spend(len(found) if field.is_repeated else 1)
            for where, value in _numbered(place, found) if field.is_repeated else ((place, found),):
                yield where, value if isinstance(value, str) else value.decode("utf-8", "replace")

    def _check_enums(self, message: Message, allowance: PartsAllowance | None) -> None:
        for place, field, found in self._values(message, _ENUMS, allowance):
            known = field.enum_type.values_by_number
            for value in set(found) if field.is_repeated else (found,):
                if value not in known:
                    where = f"{place}/{list(found).index(value)}" if field.is_repeated else place
                    raise MessageError(where, str(value), f"a value of {field.enum_type.full_name}")

    def _values(
        self, message: Message, types: frozenset[int], allowance: PartsAllowance | None
    ) -> Iterator[tuple[str, Any, Any]]:
        """The values of ``types`` in ``message`` and below, with their places and fields, lists as a whole.

        Messages that can't have any below them are not looked into.
        """
        waiting: list[Iterator[tuple[str, Any]]] = [iter((("", message),))]
        while waiting:
            pointer, each = next(waiting[-1], ("", None))
            if each is None:
                waiting.pop()
                continue
            for field, value in each.ListFields():
                kind = field.message_type
                place = f"{pointer}/{field.name}"
                if kind is None:
                    if field.type in types:
                        yield place, field, value
                elif self._leads_to(kind, types):
                    if allowance is not None:
                        allowance.spend(len(value) if field.is_repeated else 1)
                    waiting.append(_below(place, field, value))
                    if kind.GetOptions().map_entry:
                        yield from _values_of_map(place, kind, value, types)

    def _leads_to(self, descriptor: Any, types: frozenset[int]) -> bool:
        """Whether values of ``types`` may stand in messages of ``descriptor``, or below."""
        key = descriptor.full_name, types
        known = self._leads.get(key)
        if known is None:
            known = self._leads[key] = any(field.type in types for field in _fields_below(descriptor))
        return known


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


def _numbered(place: str, values: Any) -> Iterator[tuple[str, Any]]:
    return ((f"{place}/{number}", value) for number, value in enumerate(values))


def _named(place: str, values: Any) -> Iterator[tuple[str, Any]]:
    return ((f"{place}/{key}", value) for key, value in values.items())


def _below(place: str, field: Any, value: Any) -> Iterator[tuple[str, Any]]:
    """The messages in ``value`` of ``field``, which is one, a list or a map."""
    kind = field.message_type
    if not field.is_repeated:
        return iter(((place, value),))
    if not kind.GetOptions().map_entry:
        return _numbered(place, value)
    return iter(()) if kind.fields_by_name["value"].message_type is None else _named(place, value)


def _values_of_map(place: str, kind: Any, value: Any, types: frozenset[int]) -> Iterator[tuple[str, Any, Any]]:
    of_keys, of_values = kind.fields_by_name["key"], kind.fields_by_name["value"]
    for key in value:
        if of_keys.type in types:
            yield place, of_keys, key
        if of_values.type in types:
            yield f"{place}/{key}", of_values, value[key]


def _unknown_in(message: Message, pointer: str, allowance: PartsAllowance | None) -> Iterator[tuple[str, int]]:
    """The fields of ``message`` and below that its type does not have, by number."""
    unknown: Any = UnknownFieldSet(message)
    for each in unknown:
        yield pointer, each.field_number
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        place = f"{pointer}/{field.name}"
        if allowance is not None:
            allowance.spend(len(value) if field.is_repeated else 1)
        for where, each in _below(place, field, value):
            yield from _unknown_in(each, where, allowance)
