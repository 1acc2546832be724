"""Fields that not everybody sees, and fields that not everybody may set: marks on a tree of fields.

A tree is made of pointers of the file (``/customer/email``, ``/items/*/cost``) or of the schemas of a document; that of
a schema that holds itself leads back to itself, so a mark counts at any depth. For a caller a tree is reduced to what
concerns it, once for each set of roles. What is hidden is taken out of the text of an answer, and all else in it stays
as the service wrote it.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterator
from typing import Any, Final

import msgspec

from portcullis.engine.objects.json_text import Edit, Text, is_object, items, members
from portcullis.engine.objects.selecting import Way
from portcullis.engine.openapi.arguments.bound_names import as_bound
from portcullis.engine.openapi.field_marks import Action

EACH_ITEM: Final = "*"
MASK: Final = b'"***"'
_NULL: Final = b"null"
_BLANK: Final = b" \t\r\n"
_QUOTE: Final = ord('"')
_LIST: Final = ord("[")
_PARTS: Final = re.compile(r"\[([^\]]*)\]?|([^.\[]+)")
"""The parts of a name such as ``credit[limit]``, in brackets or not."""
_TOKEN_BYTES: Final = 18
_MAX_REDUCED: Final = 256
_write: Final = msgspec.json.Encoder().encode
_read: Final = msgspec.json.Decoder().decode
_sorted: Final = msgspec.json.Encoder(order="deterministic").encode


class Mark(msgspec.Struct, frozen=True):
    """Who sees or sets a field, and what becomes of it for others. ``roles``: ``None`` for everybody.

    ``pointer``, ``source``: which field that is, and where it is said.
    """

    roles: frozenset[str] | None
    action: Action
    pointer: str
    source: str = ""


class Node:
    """One place of a tree. ``fields``: by name; ``each``: all other fields, and the items of a list."""

    __slots__ = ("each", "fields", "mark")

    def __init__(self) -> None:
        self.fields: dict[str, Node] = {}
        self.each: Node | None = None
        self.mark: Mark | None = None

    def below(self, token: str) -> Node:
        """The node at ``token``, made if it is not there."""
        if token == EACH_ITEM:
            self.each = self.each or Node()
            return self.each
        return self.fields.setdefault(token, Node())


class Marks:
    """A tree, as it concerns callers: :meth:`for_roles` is kept for each set of roles that is seen."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._known: dict[frozenset[str], Node | None] = {}

    def has(self, action: Action | None = None) -> bool:
        """Whether there is a mark that keeps a field from anybody, with this ``action`` if one is given."""
        marks = (node.mark for node in nodes_of(self._root))
        return any(mark is not None and mark.roles is not None and action in (None, mark.action) for mark in marks)

    def for_roles(self, roles: frozenset[str]) -> Node | None:
        """The tree of what callers with ``roles`` must not see or set; ``None`` if there is nothing."""
        try:
            return self._known[roles]
        except KeyError:
            if len(self._known) >= _MAX_REDUCED:
                self._known.clear()
            found = self._known[roles] = reduced(self._root, roles)
            return found


def nodes_of(root: Node) -> Iterator[Node]:
    """All nodes of a tree, each once."""
    seen = {id(root)}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        for child in _children(node):
            if id(child) not in seen:
                seen.add(id(child))
                waiting.append(child)


def reduced(root: Node, roles: frozenset[str]) -> Node | None:
    """The tree below ``root`` without the marks that ``roles`` satisfy, and without what then leads to none."""
    leading = _leading_to_marks(root, roles)
    if id(root) not in leading:
        return None
    made: dict[int, Node] = {}

    def copy(node: Node) -> Node:
        known = made.get(id(node))
        if known is not None:
            return known
        new = made[id(node)] = Node()
        new.mark = node.mark if _counts(node, roles) else None
        # A name of its own also keeps a field from what is said of all others.
        new.fields = {
            name: copy(child) for name, child in node.fields.items() if id(child) in leading or node.each is not None
        }
        if node.each is not None and id(node.each) in leading:
            new.each = copy(node.each)
        return new

    return copy(root)


def _counts(node: Node, roles: frozenset[str]) -> bool:
    return node.mark is not None and node.mark.roles is not None and roles.isdisjoint(node.mark.roles)


def _leading_to_marks(root: Node, roles: frozenset[str]) -> set[int]:
    """The nodes (by identity) from which a mark that counts can be reached."""
    above: dict[int, list[Node]] = {}
    found: list[Node] = []
    for node in nodes_of(root):
        if _counts(node, roles):
            found.append(node)
        for child in _children(node):
            above.setdefault(id(child), []).append(node)
    leading: set[int] = set()
    while found:
        node = found.pop()
        if id(node) not in leading:
            leading.add(id(node))
            found += above.get(id(node), ())
    return leading


def _children(node: Node) -> Iterator[Node]:
    yield from node.fields.values()
    if node.each is not None:
        yield node.each


class Hidden(msgspec.Struct, eq=False, gc=False):
    """What was hidden: how many fields, and the mark of the first."""

    count: int = 0
    first: Mark | None = None


class Hider:
    """Hides what a tree marks in answers. ``key``: the one of tokens, where there are any."""

    def __init__(self, key: bytes = b"") -> None:
        self._key = key

    def hide(self, text: Text, node: Node) -> tuple[bytes, Hidden] | None:
        """``text``, JSON without repeated keys, after what ``node`` marks below it was hidden; ``None``: nothing was.

        Whether a field is there decides, not what it holds: of ``null`` as much is hidden as of anything else. Where
        all of the text is marked, since a schema of that kind is an answer of its own, nothing that is left is told
        by ``null``.
        """
        hidden = Hidden()
        whole = {"": msgspec.Raw(bytes(text).strip(_BLANK))}
        if not self._change(whole, "", node, hidden):
            return None
        return bytes(whole.get("", _NULL)), hidden

    def _below(self, text: Text, node: Node, hidden: Hidden) -> Text | None:
        if is_object(text):
            return self._in_object(text, node, hidden)
        if node.each is not None and memoryview(text)[0] == _LIST:
            return self._in_list(text, node.each, hidden)
        return None

    def _in_object(self, text: Text, node: Node, hidden: Hidden) -> Text | None:
        found = members(text)
        names = node.fields if node.each is None else found
        changed = False
        for name in list(names):
            if name in found:
                child = node.fields.get(name) or node.each
                if child is not None:
                    changed |= self._change(found, name, child, hidden)
        return msgspec.Raw(_write(found)) if changed else None

    def _in_list(self, text: Text, node: Node, hidden: Hidden) -> Text | None:
        found = dict(enumerate(items(text)))
        changed = False
        for number in list(found):
            changed |= self._change(found, number, node, hidden)
        return msgspec.Raw(_write(list(found.values()))) if changed else None

    def _change(self, found: dict[Any, msgspec.Raw], key: Any, node: Node, hidden: Hidden) -> bool:
        """Hide what ``node`` marks at ``key`` of the parts of an object or a list; says whether anything was."""
        if node.mark is None:
            below = self._below(found[key], node, hidden)
            if below is None:
                return False
            found[key] = below if isinstance(below, msgspec.Raw) else msgspec.Raw(below)
            return True
        hidden.count += 1
        hidden.first = hidden.first or node.mark
        if node.mark.action == "drop":
            del found[key]
        elif node.mark.action == "mask":
            found[key] = msgspec.Raw(MASK if memoryview(found[key])[0] == _QUOTE else _NULL)
        else:
            found[key] = msgspec.Raw(b'"%b"' % self.token(found[key]))
        return True

    def token(self, text: Text) -> bytes:
        """What stands for the value that ``text`` says: the same for the same value, and for no other.

        The key makes it: who has it not can't tell of which values a token is, not even by trying all there are.
        """
        digest = hmac.digest(self._key, _canonical(text), "sha256")
        return b"tok_" + urlsafe_b64encode(digest[:_TOKEN_BYTES])


def _canonical(text: Text) -> bytes:
    """One text for each value, however it is escaped or spaced; numbers are what is written."""
    first = memoryview(text)[0]
    if first in (_QUOTE, _LIST) or is_object(text):
        return _sorted(_read(text))
    return bytes(text)


def present(value: Any, node: Node, way: Way = ()) -> Iterator[tuple[Way, Mark]]:
    """The fields that ``node`` marks and ``value`` has, a body of a request. Names count in any case, and as bound.

    Many services bind names without regard to case, and would set what was looked for by its exact name.
    """
    if node.mark is not None:
        yield way, node.mark
    elif value.__class__ is dict:
        for name, below in value.items():
            child = (
                node.fields.get(name.casefold()) or _bound(node, name) or node.fields.get(as_bound(name)) or node.each
            )
            if child is not None:
                yield from present(below, child, (*way, name))
    elif value.__class__ is list and node.each is not None:
        for number, below in enumerate(value):
            yield from present(below, node.each, (*way, number))


def _bound(node: Node, name: str) -> Node | None:
    """Where a service may put what is called ``name``: ``credit[limit]`` and ``credit.limit`` at the one in the other.

    So do the parsers of forms of PHP, Rails, Express and Spring. ``None``: nothing there is marked.
    """
    if "[" not in name and "." not in name:
        return None
    found: Node | None = node
    for bracketed, plain in _PARTS.findall(name.casefold().strip()):
        found = found and (found.fields.get(plain or bracketed) or found.each)
        if found is None or found.mark is not None:
            break
    return found


def outermost(ways: Collection[Way]) -> list[Way]:
    """Those of ``ways`` that do not lead into what another one takes out."""
    gone = frozenset(ways)
    return [way for way in gone if not any(way[:length] in gone for length in range(len(way)))]


def take_out(document: Any, ways: Collection[Way]) -> Edit:
    """Take what stands at ``ways``, of which none leads into another, out of ``document``; gives the same for its text.

    From the last to the first, so that the numbers of items before them stay right.
    """
    gone: dict[Way, set[str | int]] = {}
    for way in sorted(ways, reverse=True):
        *above, last = way
        holder = document
        for step in above:
            holder = holder[step]
        del holder[last]
        gone.setdefault(way[:-1], set()).add(last)
    root = Edit(below={})
    for way, names in gone.items():
        edit = root
        for step in way:
            edit = edit.below.setdefault(step, Edit(below={}))
        edit.dropped = names
    return root


def folded(pointer_tokens: list[str]) -> list[str]:
    """The tokens of a pointer as names of requests are compared."""
    return [token.casefold() for token in pointer_tokens]


def tree_of(marks: list[tuple[list[str], Mark]]) -> Node:
    """The tree of marks at pointers, each split into its tokens."""
    root = Node()
    for tokens, mark in marks:
        node = root
        for token in tokens:
            node = node.below(token)
        node.mark = mark
    return root
