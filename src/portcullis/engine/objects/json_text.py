"""Changing a JSON text in places, and leaving all else as the service wrote it.

A value that is read and written again comes out changed: decimals with more digits than a double holds, ``1.10`` that
becomes ``1.1``. Whoever only may not see a field should not get other numbers than everybody else. So the text is taken
apart only where something changes; what is in between is copied, character by character.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, TypeAlias

import msgspec

Text: TypeAlias = bytes | msgspec.Raw
"""A JSON text, or a part of one."""

_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_write: Final = msgspec.json.Encoder().encode
_OBJECT: Final = ord("{")
_BLANK: Final = b" \t\r\n"


class Edit(msgspec.Struct, eq=False, gc=False):
    """What is changed at one place of a text.

    ``text``: what stands there instead, if anything does; ``below``: changes at fields and items of it; ``dropped``:
    fields, or numbers of items, that are taken out; ``kept``: the numbers of the items that are left of a list of which
    nothing is dropped, ``None``: all of them.
    """

    text: bytes | None = None
    below: dict[Any, Edit] = {}
    dropped: Collection[str | int] = ()
    kept: Collection[int] | None = None


def edited(text: Text, edit: Edit) -> bytes:
    """``text``, which is JSON without repeated keys, after ``edit``. What ``edit`` names has to be there."""
    if edit.text is not None:
        return edit.text
    if is_object(text):
        return _write(_object(text, edit))
    found = _items(text)
    for number, change in edit.below.items():
        found[number] = msgspec.Raw(edited(found[number], change))
    kept = range(len(found)) if edit.kept is None else edit.kept
    return _write([found[number] for number in kept if number not in edit.dropped])


def _object(text: Text, edit: Edit) -> dict[str, msgspec.Raw]:
    found = _members(text)
    for name, change in edit.below.items():
        found[name] = msgspec.Raw(edited(found[name], change))
    for name in edit.dropped:
        del found[str(name)]
    return found


def is_object(text: Text) -> bool:
    """Whether the JSON ``text`` is an object."""
    view = memoryview(text)
    first = view[0]
    return (bytes(view).lstrip(_BLANK)[0] if first in _BLANK else first) == _OBJECT


def members(text: Text) -> dict[str, msgspec.Raw]:
    """The fields of the JSON object ``text``, each as it is written."""
    return _members(text)


def items(text: Text) -> list[msgspec.Raw]:
    """The items of the JSON list ``text``, each as it is written."""
    return _items(text)
