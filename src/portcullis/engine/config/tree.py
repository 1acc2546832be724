"""A YAML file as a tree that remembers where everything stands.

The tree is what positions are looked up in; :func:`plain` turns it into the dictionaries and lists that the
model reads. A *path* is a tuple of keys and indexes: ``("apis", "shop", "hosts", 0)``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from portcullis.engine.decision import shorten

Path: TypeAlias = tuple[str | int, ...]
Position: TypeAlias = tuple[int, int]
"""Line and column, both from 1."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Scalar(msgspec.Struct, frozen=True):
    """A single value. ``text`` is what stands in the file, without quotes; ``written``: with them, where it differs."""

    value: str | int | float | bool | None
    text: str
    position: Position
    written: str = ""
    size: int = 1
    height: int = 0


class Listing(msgspec.Struct, eq=False):
    """A YAML sequence. ``size`` counts its nodes with aliases written out, ``height`` the levels below it."""

    position: Position
    items: list[Node] = []
    size: int = 1
    height: int = 1


class Entry(msgspec.Struct, frozen=True, eq=False):
    """One key of a mapping, with its value."""

    key: str
    position: Position
    node: Node


class Mapping(msgspec.Struct, eq=False):
    """A YAML mapping; ``size`` and ``height`` as in :class:`Listing`."""

    position: Position
    entries: dict[str, Entry] = {}
    size: int = 1
    height: int = 1


Node: TypeAlias = Scalar | Listing | Mapping


def plain(node: Node) -> Any:
    """The dictionaries, lists and values that ``node`` means."""
    if isinstance(node, Mapping):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return node.value


def child(node: Node | None, step: str | int) -> Node | None:
    """What stands below ``node`` at one key or index; ``None`` if there is nothing."""
    if isinstance(node, Mapping) and isinstance(step, str) and step in node.entries:
        return node.entries[step].node
    if isinstance(node, Listing) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def find(root: Node, path: Sequence[str | int]) -> Node | None:
    """The node at ``path``; ``None`` if there is none."""
    node: Node | None = root
    for step in path:
        node = child(node, step)
    return node


def locate(root: Node, path: Sequence[str | int]) -> Position:
    """Where ``path`` stands: the position of its last key (or list item).

    Of a path that is not in the file it is the place of the part that is. A key that the model adds to a
    list or mapping (``authenticate: [a]`` is short for ``authenticate: {any_of: [a]}``) is passed over.
    """
    node = root
    position = root.position
    for at, step in enumerate(path):
        if is_added(node, path, at):
            continue
        following = child(node, step)
        if following is None:
            break
        position = node.entries[str(step)].position if isinstance(node, Mapping) else following.position
        node = following
    return position


def parse_keys(root: Node, keys: Sequence[str]) -> Path:
    """``keys`` as a path, with numbers where they lead into lists."""
    path: list[str | int] = []
    node: Node | None = root
    for key in keys:
        step = int(key) if isinstance(node, Listing) and key.isdecimal() and key.isascii() else key
        path.append(step)
        node = child(node, step)
    return tuple(path)


def is_added(node: Node | None, path: Sequence[str | int], at: int) -> bool:
    """Whether ``path[at]``, to be found in ``node``, is no key of the file but one that the model adds to it.

    In a list no key can be; in a mapping it is one that is not there, where the next one is.
    """
    step = path[at]
    if isinstance(node, Listing):
        return isinstance(step, str)
    is_missing = isinstance(node, Mapping) and step not in node.entries
    return is_missing and at + 1 < len(path) and child(node, path[at + 1]) is not None


def written(root: Node, path: Sequence[str | int]) -> Path:
    """``path`` without the keys that the model adds to it: as :func:`locate`, which passes over them."""
    kept: list[str | int] = []
    node: Node | None = root
    for at, step in enumerate(path):
        if is_added(node, path, at):
            continue
        kept.append(step)
        node = child(node, step)
    return tuple(kept)


def pointer(path: Sequence[str | int]) -> str:
    """``path`` for people: ``apis.shop.hosts[0]``, ``apis.shop.operations."GET /orders".limit``."""
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        else:
            name = step if _PLAIN_KEY.fullmatch(step) else '"' + shorten(step) + '"'
            parts.append(f".{name}" if parts else name)
    return "".join(parts)


def parse_pointer(root: Node, text: str) -> Path:
    """The path that ``text`` means, as far as it is in the file.

    Reads what :func:`pointer` writes, and keys that are merely joined with dots though they have dots in them:
    the longest key of the file that fits is taken.
    """
    path: list[str | int] = []
    node: Node | None = root
    rest = text
    while rest and node is not None:
        step, rest = _first_step(node, rest.removeprefix("."))
        if step is None:
            break
        path.append(step)
        node = child(node, step)
    return tuple(path)


def _first_step(node: Node, text: str) -> tuple[str | int | None, str]:
    if isinstance(node, Listing):
        index = re.match(r"\[?([0-9]{1,9})\]?(?=[.\[]|$)", text)
        return (int(index[1]), text[index.end() :]) if index else (None, text)
    if isinstance(node, Mapping):
        written = ((key, form) for key in node.entries for form in (key, pointer((key,))))
        fits = [(key, form) for key, form in written if _begins_with(text, form)]
        if fits:
            key, form = max(fits, key=lambda fit: len(fit[1]))
            return key, text[len(form) :]
    return None, text


def _begins_with(text: str, key: str) -> bool:
    return text.startswith(key) and text[len(key) : len(key) + 1] in ("", ".", "[")
