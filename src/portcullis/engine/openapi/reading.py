"""From the bytes of a document to plain values, in bounded time and memory.

JSON documents are read by the strict JSON reader. YAML is read here from the parser's events, by the rules of the
YAML 1.2 core schema: so ``on`` and ``2024-01-01`` are strings, a response code is the key that was written, repeated
keys are errors, nesting is bounded before anything recurses, and aliases are counted as if they were written out
(a few lines of YAML can stand for billions of nodes).
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from portcullis.engine import strict_json

MAX_BYTES: Final = 32 * 1024 * 1024
MAX_NODES: Final = 2_000_000
MAX_ALIASED: Final = 100_000
"""Nodes that aliases stand for. Whoever writes a document with aliases means a few, and each is compiled by itself."""
MAX_DEPTH: Final = 100
_MAX_DIGITS: Final = 300

_JSON: Final = re.compile(rb"\s*+\{\s*+[\"}]")
_INTEGER: Final = re.compile(r"[-+]?[0-9]++")
_OTHER_BASE: Final = re.compile(r"0o[0-7]++|0x[0-9a-fA-F]++")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]++|[0-9]++(?:\.[0-9]*+)?)(?:[eE][-+]?[0-9]++)?")
_NOT_A_NUMBER: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: Final = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAG: Final = "tag:yaml.org,2002:"
_TAGGED: Final = {"null": (type(None),), "bool": (bool,), "int": (int,), "float": (int, float)}
_COLLECTION_TAGS: Final = ("!", f"{_TAG}map", f"{_TAG}seq")
_MERGE: Final = "\0<<"  # no key is written so: YAML has no NUL


class UnreadableError(ValueError):
    """The document can't be read. ``line`` and ``column`` start at 1 (0: unknown)."""

    def __init__(self, message: str, line: int = 0, column: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.hint = hint


def is_json(data: bytes) -> bool:
    """Whether ``data`` looks like a JSON document rather than a YAML one."""
    return _JSON.match(data) is not None


def read(data: bytes) -> Any:
    """The value that the JSON or YAML document ``data`` says. Raises :class:`UnreadableError`."""
    return read_counted(data, MAX_NODES)[0]


def read_counted(data: bytes, max_nodes: int) -> tuple[Any, int]:
    """The value that the JSON or YAML document ``data`` says, and about how many nodes it stands for.

    Raises :class:`UnreadableError`, also where there are more than ``max_nodes``.
    """
    if len(data) > MAX_BYTES:
        raise UnreadableError(f"the document is larger than {MAX_BYTES // 2**20} MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"not UTF-8 at byte {error.start}") from None
    if not is_json(data):
        return _YamlReader(text, max_nodes).read()
    try:
        value = strict_json.loads(data)
    except strict_json.DuplicateKeyError as error:
        raise UnreadableError(f"the key {error.name!r} is given twice in one object") from None
    except strict_json.MalformedJsonError as error:
        malformed = error
    else:
        return value, _count(value, max_nodes)
    try:
        return _YamlReader(text, max_nodes).read()  # YAML in flow style begins with a brace, too
    except UnreadableError:
        before = data[: malformed.at].decode("utf-8-sig", "replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise UnreadableError(str(malformed), *((line, column) if malformed.at else ())) from None


def _count(value: Any, max_nodes: int) -> int:
    """How many nodes ``value`` has. Raises :class:`UnreadableError` for too many, and for too many levels."""
    nodes = 1
    level = [value]
    for _ in range(MAX_DEPTH):
        below = [item for each in level for item in (each.values() if type(each) is dict else each)]
        nodes += len(below)
        if nodes > max_nodes:
            raise UnreadableError(f"the document stands for more than {max_nodes:,} nodes")
        level = [item for item in below if type(item) is dict or type(item) is list]
        if not level:
            return nodes
    raise UnreadableError(f"the document has more than {MAX_DEPTH} levels")


class _Frame:
    """A collection whose end has not come yet. ``merged``: keys that came by ``<<`` and may be overridden."""

    __slots__ = ("anchor", "key", "merged", "nodes", "value")

    def __init__(self, value: dict[str, Any] | list[Any], anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.key: str | None = None
        self.merged: set[str] | None = None
        self.nodes = 1


class _YamlReader:
    """Builds values from libyaml's events, with a stack of its own instead of recursion."""

    def __init__(self, text: str, max_nodes: int) -> None:
        self._max_nodes = max_nodes
        self._nodes = 1
        self._aliased = 0
        self._next_event = yaml.CSafeLoader(text).get_event
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._names: dict[str, str] = {}  # each key once: there are few, and they stand everywhere
        self._root: Any = None
        self._event: Any = None

    def read(self) -> tuple[Any, int]:
        """The value, and how many nodes it stands for."""
        try:
            documents = 0
            while True:
                self._event = event = self._next_event()
                kind = type(event)
                if kind is yaml.ScalarEvent:
                    self._scalar(event)
                elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                    self._start(event, {} if kind is yaml.MappingStartEvent else [])
                elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                    self._end()
                elif kind is yaml.AliasEvent:
                    self._alias(event)
                elif kind is yaml.DocumentStartEvent:
                    documents += 1
                    if documents > 1:
                        raise self._error("a second document begins here; only one is expected")
                elif kind is yaml.StreamEndEvent:
                    return self._root, self._nodes
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = (mark.line + 1, mark.column + 1) if mark else (0, 0)
            raise UnreadableError(f"not valid YAML: {error.problem or error.context}", *where) from None
        except yaml.YAMLError as error:
            raise UnreadableError(f"not valid YAML: {str(error).splitlines()[0]}") from None

    def _error(self, message: str, hint: str = "") -> UnreadableError:
        mark = self._event.start_mark
        return UnreadableError(message, mark.line + 1, mark.column + 1, hint)

    def _start(self, event: Any, value: dict[str, Any] | list[Any]) -> None:
        if event.tag is not None and event.tag not in _COLLECTION_TAGS:
            raise self._error(f"the tag {event.tag} is not supported")
        if len(self._stack) == MAX_DEPTH:
            raise self._error(f"more than {MAX_DEPTH} levels")
        if self._stack and self._stack[-1].key is None and isinstance(self._stack[-1].value, dict):
            raise self._error("a key must be a plain text")
        self._stack.append(_Frame(value, event.anchor))

    def _end(self) -> None:
        frame = self._stack.pop()
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.value, frame.nodes)
        self._add(frame.value, frame.nodes)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise self._error(f"the alias *{event.anchor} stands for nothing, or for what it is part of")
        value, nodes = self._anchors[event.anchor]
        self._aliased += nodes
        if self._aliased > MAX_ALIASED:
            raise self._error(f"aliases stand for more than {MAX_ALIASED:,} nodes")
        self._add(value, nodes)

    def _scalar(self, event: Any) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.key is None and isinstance(frame.value, dict):
            frame.nodes += 1
            if event.anchor:
                self._anchors[event.anchor] = (event.value, 1)
            # JSON knows text keys only: what was written is the key, whatever type it would have as a value.
            key = event.value
            self._key(frame, _MERGE if key == "<<" and not event.style else self._names.setdefault(key, key))
            return
        if event.tag is None:
            value = event.value if event.style else self._plain(event.value)
        else:
            value = self._tagged_value(event)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._add(value, 1)

    def _key(self, frame: _Frame, key: str) -> None:
        if key in frame.value and not (frame.merged and key in frame.merged):
            raise self._error(f"the key {key!r} is given twice in one mapping")
        frame.key = key

    def _add(self, value: Any, nodes: int) -> None:
        if not self._stack:
            self._root, self._nodes = value, nodes
            return
        frame = self._stack[-1]
        frame.nodes += nodes
        if frame.nodes > self._max_nodes:
            raise self._error(f"the document stands for more than {self._max_nodes:,} nodes, aliases written out")
        if isinstance(frame.value, list):
            frame.value.append(value)
        elif frame.key is _MERGE:
            self._merge(frame, value)
            frame.key = None
        elif frame.key is None:
            if not isinstance(value, str):
                raise self._error("a key must be a plain text")
            self._key(frame, value)
        else:
            frame.value[frame.key] = value
            if frame.merged:
                frame.merged.discard(frame.key)
            frame.key = None

    def _merge(self, frame: _Frame, value: Any) -> None:
        """``<<: *base`` takes over the keys that the mapping does not give itself (YAML 1.1, widely used)."""
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources) or not isinstance(frame.value, dict):
            raise self._error("<< takes a mapping or a list of mappings")
        frame.merged = frame.merged or set()
        for source in sources:
            for key, item in source.items():
                if key not in frame.value:
                    frame.value[key] = item
                    frame.merged.add(key)

    def _tagged_value(self, event: Any) -> Any:
        text: str = event.value
        tag = event.tag
        if tag in ("!", f"{_TAG}str"):
            return text
        kinds = _TAGGED.get(tag.removeprefix(_TAG))
        if kinds is None:
            raise self._error(f"the tag {tag} is not supported")
        value = self._plain(text)
        if type(value) not in kinds:
            raise self._error(f"not a value of the tag {tag}")
        return value

    def _plain(self, text: str) -> Any:
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in "+-.0123456789":
            return text
        if len(text) <= _MAX_DIGITS:
            if _INTEGER.fullmatch(text):
                return int(text)
            if _FLOAT.fullmatch(text):
                return self._float(text)
            if _OTHER_BASE.fullmatch(text):
                return int(text, 0)
        if _NOT_A_NUMBER.fullmatch(text):
            raise self._error("infinity and NaN have no place in an OpenAPI document")
        return text

    def _float(self, text: str) -> float:
        value = float(text)
        if value in (float("inf"), float("-inf")):
            raise self._error("a number too large")
        return value
