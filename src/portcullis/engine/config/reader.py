"""Reading YAML text into a tree with positions, strictly and within bounds.

What is read is YAML 1.2's core schema, in one document: ``off``, ``no`` and ``1:30`` are text, and so is every key
(a version may be called ``2``). Refused, because a reader of the file would not see what it means: keys given twice,
tags, directives, aliases of what encloses them, keys that are not text. Anchors, aliases and merge keys (``<<``) work.

libyaml's event parser is used because it does not recurse, so that nesting can be bounded here, and because it is
fast: 11 MB a second, where ``ruamel.yaml`` reads 0.45. Scalars get their meaning here, not by YAML 1.1's rules.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NoReturn

import msgspec
import yaml

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.tree import Entry, Listing, Mapping, Node, Path, Position, Scalar, pointer
from portcullis.engine.decision import shorten

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_DEPTH: Final = 64
MAX_NODES: Final = 250_000
"""Mappings, lists and values, with aliases written out. A file of 1,000 APIs has some 50,000."""

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_PREFIXED = re.compile(r"0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,40}|[0-9]{1,40}(?:\.[0-9]{0,40}|(?=[eE])))(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

_SYNTAX_HINTS: Final = (
    ("mapping values are not allowed", "text that holds ': ' needs quotes; or the line is indented too far"),
    ("cannot start any token", "indent with spaces, never tabs; text that starts with @, ` or % needs quotes"),
    ("tab character", "indent with spaces, never tabs"),
    ("expected key", "the line is indented otherwise than its neighbours, or text before it needs quotes"),
    ("expected '-' indicator", "the line is indented otherwise than its neighbours, or lacks its '- '"),
    ("unexpected ':'", "between { } and [ ] text that holds ':' needs quotes, and a key is followed by ': '"),
    ("expected ':'", "a key is followed by ': '"),
    ("expected ','", "a bracket is not closed, or a comma is missing"),
    ("end of stream", "a quote is not closed"),
    ("unknown escape", "in double quotes a backslash begins an escape: use single quotes"),
    ("node content", "a value is missing here, or text that starts with a special character needs quotes"),
)


class Reading(msgspec.Struct, frozen=True):
    """A file that could be parsed: its ``root``, and the ``problems`` (errors) that its text nevertheless has."""

    root: Mapping
    problems: list[Diagnostic]


def decode(content: bytes, file: str) -> str:
    """The text of a file, which has to be UTF-8; raises :class:`ConfigurationError`."""
    if len(content) > MAX_BYTES:
        _fail(file, (0, 0), f"the file is larger than {MAX_BYTES // 1024**2} MiB", "is it the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        position = (len(lines(before)), len(lines(before)[-1]) + 1)
        _fail(file, position, f"byte 0x{content[error.start]:02x} is not UTF-8", "save the file as UTF-8")


def lines(text: str) -> list[str]:
    """``text`` line by line, as positions count them."""
    return _LINE_BREAK.split(text)


def read(text: str, file: str, needs: Sequence[str] = ("listeners", "apis")) -> Reading:
    """Parse ``text``, which ``needs`` some keys. Raises :class:`ConfigurationError` where no tree can be made of it."""
    _check_characters(text, file)
    builder = _Builder(file, text)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        _fail(file, *_syntax_error(error))
    except yaml.YAMLError as error:
        _fail(file, (0, 0), f"this is not YAML: {shorten(str(error))}")
    root = builder.root
    if root is None or (isinstance(root, Scalar) and root.value is None):
        _fail(file, (1, 1), "the file is empty", f"it needs {' and '.join(needs)}")
    if not isinstance(root, Mapping):
        _fail(file, root.position, "the file must be a mapping", f"its first line is a key such as {needs[0]}:")
    return Reading(root, builder.problems)


def _check_characters(text: str, file: str) -> None:
    if len(text) > MAX_BYTES:
        _fail(file, (0, 0), f"the file is larger than {MAX_BYTES // 1024**2} MiB", "is it the right file?")
    if match := _UNREADABLE.search(text):
        _fail(file, _position_at(text, match.start()), f"character U+{ord(match[0]):04X} does not belong in text")
    # Their time in libyaml grows with the square of their number.
    if match := _DIRECTIVE.search(text):
        _fail(file, _position_at(text, match.start()), "directives (%YAML, %TAG) are not used here", "remove the line")


def _position_at(text: str, offset: int) -> Position:
    before = lines(text[:offset])
    return len(before), len(before[-1]) + 1


def _syntax_error(error: yaml.MarkedYAMLError) -> tuple[Position, str, str]:
    problem = str(error.problem)
    context = f" {error.context}" if error.context else ""
    if error.context_mark is not None and error.problem_mark is not None and "quoted" in context:
        context += f" that begins at line {error.context_mark.line + 1}"
    hint = next((hint for part, hint in _SYNTAX_HINTS if part in problem), "")
    mark = error.problem_mark or error.context_mark
    position = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
    return position, f"this is not YAML: {problem}{context}", hint


def _fail(file: str, position: Position, message: str, hint: str = "") -> NoReturn:
    raise ConfigurationError([Diagnostic(file, *position, "", message, hint)])


class _Open(msgspec.Struct):
    """A mapping or list whose end has not come yet. ``key`` and ``position``: its last key; ``awaits``: a value."""

    node: Mapping | Listing
    key: str = ""
    position: Position = (0, 0)
    awaits: bool = False
    merged: list[tuple[Position, Node]] = []


class _Builder:
    """Takes parser events one by one and grows the tree, with a stack of its own."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.root: Node | None = None
        self.problems: list[Diagnostic] = []
        self.stack: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.nodes = 0

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._check_tag(event)
            self._add(_scalar(event, self.text), event)
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._aliased(event), event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            self._fail(event, "the file holds a second document", "remove the line ---")

    def _open(self, event: Any) -> None:
        self._check_tag(event)
        node: Mapping | Listing
        position = _position(event)
        node = Mapping(position) if isinstance(event, yaml.MappingStartEvent) else Listing(position)
        if len(self.stack) >= MAX_DEPTH:
            self._fail(event, f"this is nested deeper than {MAX_DEPTH} levels")
        self._add(node, event)
        self.stack.append(_Open(node))

    def _close(self) -> None:
        closed = self.stack.pop()
        if isinstance(closed.node, Mapping):
            for position, source in closed.merged:
                self._merge(closed.node, position, source)
        if self.stack:
            self._grow(self.stack[-1].node, closed.node)

    def _add(self, node: Node, event: Any) -> None:
        """Put ``node`` where the parser stands: as the root, a list's item, a key or a key's value."""
        self.nodes += node.size
        if self.nodes > MAX_NODES:
            self._fail(event, f"the file has more than {MAX_NODES} values, with aliases written out")
        if getattr(event, "anchor", None) is not None and not isinstance(event, yaml.AliasEvent):
            self.anchors[event.anchor] = node
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1]
        if isinstance(parent.node, Listing):
            parent.node.items.append(node)
        elif not parent.awaits:
            parent.key, parent.position, parent.awaits = self._key(node, event), _position(event), True
            return
        else:
            parent.awaits = False
            self._set(parent.node, parent.key, parent.position, node)
        if not isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._grow(parent.node, node)

    def _set(self, mapping: Mapping, key: str, position: Position, node: Node) -> None:
        if key == "<<":
            self.stack[-1].merged.append((position, node))
        elif (first := mapping.entries.setdefault(key, Entry(key, position, node))).node is not node:
            line, column = first.position
            hint = f"first at line {line}, column {column}: keep one of them"
            self._problem(position, self._path(), f'"{shorten(key)}" is given twice', hint)

    def _merge(self, node: Mapping, position: Position, source: Node) -> None:
        """Add the keys of ``source`` (a mapping or a list of such) that ``node`` does not have itself."""
        sources = source.items if isinstance(source, Listing) else [source]
        for mapping in sources:
            if not isinstance(mapping, Mapping):
                self._problem(position, self._path(), "only mappings can be merged", "write <<: *name")
                continue
            for key, entry in mapping.entries.items():
                node.entries.setdefault(key, entry)

    def _grow(self, parent: Mapping | Listing, node: Node) -> None:
        """Count ``node``, which is complete, into ``parent``."""
        parent.size += node.size
        parent.height = max(parent.height, node.height + 1)

    def _aliased(self, event: Any) -> Node:
        node = self.anchors.get(event.anchor)
        if node is None:
            self._fail(event, f"there is no anchor &{shorten(event.anchor)} above this alias")
        if any(node is open_node.node for open_node in self.stack):
            self._fail(event, "this alias stands inside of what it names")
        if len(self.stack) + node.height > MAX_DEPTH:
            self._fail(event, f"this is nested deeper than {MAX_DEPTH} levels")
        return node

    def _key(self, node: Node, event: Any) -> str:
        if not isinstance(node, Scalar):
            self._fail(
                event, "a key must be text, not a mapping or a list", "text that starts with { or [ needs quotes"
            )
        return node.text

    def _check_tag(self, event: Any) -> None:
        if event.tag is not None:
            hint = "values are read by their form; text that starts with ! needs quotes"
            self._problem(_position(event), self._path(), f"tags ({shorten(event.tag)}) are not used here", hint)

    def _path(self) -> Path:
        return tuple(_steps(self.stack))

    def _problem(self, position: Position, path: Path, message: str, hint: str) -> None:
        self.problems.append(Diagnostic(self.file, *position, pointer(path), message, hint))

    def _fail(self, event: Any, message: str, hint: str = "") -> NoReturn:
        fatal = Diagnostic(self.file, *_position(event), pointer(self._path()), message, hint)
        raise ConfigurationError([*self.problems, fatal])


def _steps(stack: list[_Open]) -> Iterator[str | int]:
    """Keys and indexes that lead to what is read now."""
    for level in stack:
        if isinstance(level.node, Mapping):
            yield level.key
        else:
            yield max(0, len(level.node.items) - 1)


def _position(event: Any) -> Position:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _scalar(event: Any, file: str) -> Scalar:
    text: str = event.value
    is_plain = event.style in (None, "")
    written = file[event.start_mark.index : event.end_mark.index]
    value = _meaning(text) if is_plain else text
    return Scalar(value, text, _position(event), "" if written == text else written)


def _meaning(text: str) -> str | int | float | bool | None:
    """What a plain scalar means in YAML 1.2's core schema; numbers out of any reasonable range stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _PREFIXED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text
