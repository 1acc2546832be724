"""The route index: from a normalised path to what the documents declare for it.

Templates are OpenAPI's: ``/orders/{order_id}``, also with variables that are part of a segment:
``/files/{name}.json``, ``/between/{from}-{to}``. Concrete paths are matched before templated ones (OpenAPI 3.1, Paths
Object), which here means segment by segment from the left: first the literal, then the partly literal (the longer its
literal part the earlier), then the variable; the first way through the whole path wins. A slash at the end is
significant, and a variable never matches nothing.

The index is a tree with one dictionary a node, so its size costs nothing; paths without variables are one look-up.
A walk visits each node at most once, and only below a beginning that matches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Generic, TypeVar

import msgspec

from portcullis.engine.target import TargetError, decode_segment

T = TypeVar("T")

MAX_SEGMENTS: Final = 64

_NO_VALUES: Mapping[str, str] = MappingProxyType({})
_VARIABLE = re.compile(r"\{([^{}/]++)\}")


class TemplateError(ValueError):
    """A path template that no request could match, or could match in more than one way; the message says why."""

    def __init__(self, template: str, reason: str) -> None:
        super().__init__(f"{template}: {reason}")
        self.template = template
        self.reason = reason


class RouteConflict(ValueError):  # noqa: N818 (a conflict is what it is)
    """Two templates that the same paths match: they are equal but for the names of their variables."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{second} matches the same paths as {first}")
        self.first = first
        self.second = second


class Match(msgspec.Struct, Generic[T], frozen=True):
    """A route that was found: what it leads to, the percent-decoded values of its variables, its template."""

    payload: T
    values: Mapping[str, str]
    template: str


class Segment(msgspec.Struct, frozen=True):
    """One segment of a template: ``literals`` around ``names``, decoded; one literal more than names.

    A literal segment has one literal and no names, a plain variable two empty literals.
    """

    literals: tuple[str, ...]
    names: tuple[str, ...] = ()

    def values(self, text: str) -> tuple[str, ...] | None:
        """The values of the variables if ``text`` (decoded) matches, each as short as can be but for the last.

        Takes time linear in ``text`` for each literal, since the first place where a literal fits is always right.
        """
        first, *middle, last = self.literals
        end = len(text) - len(last)
        if not text.startswith(first) or not text.endswith(last):
            return None
        start = len(first)
        values = []
        for literal in middle:
            found = text.find(literal, start + 1, end)
            if found == -1:
                return None
            values.append(text[start:found])
            start = found + len(literal)
        if start >= end:
            return None
        values.append(text[start:end])
        return tuple(values)


def parse_template(template: str) -> tuple[Segment, ...]:
    """The segments of ``template`` after its first slash. Raises :class:`TemplateError`."""
    if not template.startswith("/"):
        raise TemplateError(template, "a path template starts with a slash")
    if "?" in template or "#" in template:
        raise TemplateError(template, "a path template has neither query nor fragment")
    parts = template.split("/")[1:]
    if len(parts) > MAX_SEGMENTS:
        raise TemplateError(template, f"a path template has at most {MAX_SEGMENTS} segments")
    if "" in parts[:-1]:
        raise TemplateError(template, "a path template has no empty segment but perhaps the last")
    if "." in parts or ".." in parts:
        raise TemplateError(template, "a path template has no dot segments")
    try:
        segments = tuple(map(_parse_segment, parts))
    except ValueError as error:
        raise TemplateError(template, str(error)) from None
    names = names_of(segments)
    if len(names) > 1 and len(names) != len(set(names)):
        raise TemplateError(template, "a variable stands in a path template once")
    return segments


def names_of(segments: Iterable[Segment]) -> tuple[str, ...]:
    """The names of the variables of a template, in order."""
    return tuple([name for segment in segments if segment.names for name in segment.names])


@lru_cache(maxsize=4096)
def _parse_segment(part: str) -> Segment:
    """One segment of a template; the same object for the same text, since documents say the same again and again.

    Raises ``ValueError``, which says what is wrong.
    """
    pieces = _VARIABLE.split(part)
    literals, names = pieces[::2], pieces[1::2]
    if any("{" in literal or "}" in literal for literal in literals):
        raise ValueError("braces enclose the name of a variable, within one segment")
    if "" in literals[1:-1]:
        raise ValueError("between two variables of a segment there is some text")
    try:
        return Segment(tuple(map(decode_segment, literals)), tuple(names))
    except TargetError as error:
        raise ValueError(error.detail) from None


class _Route(msgspec.Struct, Generic[T], frozen=True):
    template: str
    names: tuple[str, ...]
    payload: T


class _Node(Generic[T]):
    """What may follow one beginning of a path. ``partial`` is in the order in which it is tried."""

    __slots__ = ("literal", "partial", "route", "variable")

    def __init__(self) -> None:
        self.literal: dict[str, _Node[T]] = {}
        self.partial: list[tuple[Segment, _Node[T]]] = []
        self.variable: _Node[T] | None = None
        self.route: _Route[T] | None = None

    def child(self, segment: Segment) -> _Node[T]:
        """The node below ``segment``, made if it is not there."""
        if not segment.names:
            return self.literal.setdefault(segment.literals[0], _Node())
        if segment.literals == ("", ""):
            self.variable = self.variable or _Node()
            return self.variable
        for known, node in self.partial:
            if known.literals == segment.literals:
                return node
        node = _Node[T]()
        self.partial.append((segment, node))
        self.partial.sort(key=lambda entry: (-sum(map(len, entry[0].literals)), entry[0].literals))
        return node

    def find(self, segments: list[str], position: int, values: list[str]) -> _Route[T] | None:
        """The first route that matches ``segments`` from ``position`` on; ``values`` grows by its variables'."""
        if position == len(segments):
            return self.route
        segment = segments[position]
        node = self.literal.get(segment)
        if node is not None and (route := node.find(segments, position + 1, values)) is not None:
            return route
        if not segment:
            return None
        taken = len(values)
        for pattern, node in self.partial:
            found = pattern.values(segment)
            if found is not None:
                values += found
                if (route := node.find(segments, position + 1, values)) is not None:
                    return route
                del values[taken:]
        if self.variable is not None:
            values.append(segment)
            if (route := self.variable.find(segments, position + 1, values)) is not None:
                return route
            values.pop()
        return None


class RouteIndex(Generic[T]):
    """Finds the payload of the route that a path matches.

    Made of ``(template, payload)`` pairs. Raises :class:`RouteConflict` and :class:`TemplateError`.
    """

    __slots__ = ("_concrete", "_root")

    def __init__(self, routes: Iterable[tuple[str, T]]) -> None:
        self._root = _Node[T]()
        self._concrete: dict[str, Match[T]] = {}
        for template, payload in routes:
            segments = parse_template(template)
            node = self._root
            for segment in segments:
                node = node.child(segment)
            if node.route is not None:
                raise RouteConflict(node.route.template, template)
            names = names_of(segments)
            node.route = _Route(template, names, payload)
            # With an escape in it, a template and the paths that match it are not the same text.
            if not names and "%" not in template:
                self._concrete[template] = Match(payload, _NO_VALUES, template)

    def match(self, path: str) -> Match[T] | None:
        """The route for ``path``, as :func:`~portcullis.engine.target.normalise_path` gives it, or ``None``.

        Literals and values are compared and given percent-decoded: ``/users/%40me`` is ``/users/@me``, as it is for
        the service. Raises :class:`TargetError` for a path that was not normalised and cannot be decoded.
        """
        concrete = self._concrete.get(path)
        if concrete is not None:
            return concrete
        segments = path.split("/", MAX_SEGMENTS + 1)
        if len(segments) > MAX_SEGMENTS + 1 or segments[0]:
            return None
        if "%" in path:
            segments = list(map(decode_segment, segments))
        values: list[str] = []
        route = self._root.find(segments, 1, values)
        if route is None:
            return None
        if ";" in path and ";" not in route.template and not self._holds_without_parameters(path, route):
            return None
        return Match(route.payload, dict(zip(route.names, values, strict=True)), route.template)

    def _holds_without_parameters(self, path: str, route: _Route[T]) -> bool:
        """Whether ``path`` matches ``route`` also for a service that removes ``;`` and what follows in a segment.

        Servlet containers do. To them ``/users/me;x`` is ``/users/me``, which must not be judged as ``/users/{id}``.
        """
        segments = [decode_segment(segment.partition(";")[0]) for segment in path.split("/")]
        return self._root.find(segments, 1, []) is route
