"""Where in its source a part of a document stands. Only asked in order to explain, so it may take its time."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import yaml

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.reading import is_json

_SPACE: Final = re.compile(r"[ \t\r\n,:]*+")
_decode: Final = json.JSONDecoder().raw_decode

Position = tuple[int, int]


def locate(data: bytes, wanted: Iterable[str]) -> dict[str, Position]:
    """Line and column (from 1) of each JSON pointer in ``wanted``: of its key, or of the item in a list.

    What a pointer names may not be there (a missing field, something behind an alias): then the position is
    that of the nearest thing around it.
    """
    text = data.decode("utf-8-sig", "replace")
    wanted = set(wanted)
    prefixes = {prefix for pointer in wanted for prefix in _prefixes(pointer)}
    try:
        marks = dict(_json_marks(text, prefixes) if is_json(data) else _yaml_marks(text, prefixes))
    except ValueError:  # a YAML document that begins with a brace
        marks = dict(_yaml_marks(text, prefixes))
    return {pointer: next((marks[p] for p in _prefixes(pointer) if p in marks), (1, 1)) for pointer in wanted}


def _prefixes(pointer: str) -> Iterator[str]:
    while pointer:
        yield pointer
        pointer = pointer.rpartition("/")[0]
    yield ""


def _json_marks(text: str, wanted: set[str]) -> Iterator[tuple[str, Position]]:
    lines = _Lines(text)
    pending = [("", _skip(text, 0))]
    while pending:
        pointer, at = pending.pop()
        if not pointer:
            yield pointer, lines.position(at)
        for name, name_at, value_at in _members(text, at):
            below = pointers.join(pointer, name)
            if below in wanted:
                yield below, lines.position(name_at)
                pending.append((below, value_at))


class _Lines:
    """Turns offsets into lines and columns."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def position(self, at: int) -> Position:
        line = bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1


def _members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Name, place of the name and place of the value, for each member of the collection that begins at ``at``."""
    opening = text[at]
    if opening not in "{[":
        return
    index = 0
    place = _skip(text, at + 1)
    while text[place] not in "}]":
        key_place, name = place, str(index)
        if opening == "{":
            name, place = _decode(text, place)
            place = _skip(text, place)
        yield name, key_place, place
        _, place = _decode(text, place)
        place = _skip(text, place)
        index += 1


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _yaml_marks(text: str, wanted: set[str]) -> Iterator[tuple[str, Position]]:
    path: list[str] = []  # the pointers of the open collections
    next_index: list[int | None] = []  # in a list: the next item; in a mapping: None
    key: Any = None  # in a mapping: the event of the key whose value comes next
    next_event = yaml.CSafeLoader(text).get_event
    try:
        while not isinstance(event := next_event(), yaml.StreamEndEvent):
            if isinstance(event, yaml.CollectionEndEvent):
                path.pop()
                next_index.pop()
                key = None
                continue
            if not isinstance(event, yaml.NodeEvent):
                continue
            if next_index and next_index[-1] is None and key is None:
                key = event
                continue
            token: str | int
            named: Any = event
            pointer = ""
            if next_index:
                index = next_index[-1]
                if index is None:
                    token, named, key = getattr(key, "value", ""), key, None
                else:
                    token, next_index[-1] = index, index + 1
                pointer = pointers.join(path[-1], token)
            is_wanted = pointer in wanted
            if is_wanted:
                yield pointer, (named.start_mark.line + 1, named.start_mark.column + 1)
            if isinstance(event, yaml.CollectionStartEvent):
                if not is_wanted:
                    _skip_collection(next_event)
                    continue
                path.append(pointer)
                next_index.append(None if isinstance(event, yaml.MappingStartEvent) else 0)
    except yaml.YAMLError:
        return


def _skip_collection(next_event: Callable[[], Any]) -> None:
    """Go to the end of a collection that has begun: nothing in it is wanted."""
    depth = 1
    while depth:
        kind = type(next_event())
        if kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            depth += 1
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            depth -= 1
