"""From a request's head to the values of its parameters.

Only ``&`` separates query parameters (a raw ``;``, which some services take for a separator too, is refused unless
undeclared parameters may pass), ``+`` is a space, and what is percent-encoded is decoded once, as UTF-8, names
too: that is how services read a query (WHATWG URL, application/x-www-form-urlencoded), so nothing can hide behind
``li%6Dit``. Commas inside a value that is not exploded separate items before decoding, as RFC 6570 writes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import product
from typing import Any, Final, Literal
from urllib.parse import unquote_to_bytes

import msgspec

from portcullis.engine.openapi.parameter_reading import Location, SpecParameter
from portcullis.engine.openapi.parameters import READINGS, Reading
from portcullis.engine.request import RequestView

MAX_QUERY_PARAMETERS: Final = 1_000
"""Parameters in one query (PHP: 1,000, Tomcat: 10,000)."""

_MAX_MARKS: Final = 8
_BAD_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")

Fault = Literal["missing", "undeclared", "malformed", "repeated", "separator", "too many"]
Undeclared = Literal["refuse", "strip", "allow"]
Fits = Callable[[Mapping[str, Any]], bool]
_Choice = Callable[[list[str], list[str]], Any]


class ArgumentError(ValueError):
    """A request's parameters can't be read: ``fault`` of ``name`` in ``location``, whose ``text`` was sent."""

    def __init__(self, fault: Fault, location: Location, name: str = "", text: str = "") -> None:
        super().__init__(fault)
        self.fault: Fault = fault
        self.location: Location = location
        self.name = name
        self.text = text


class _Plan(msgspec.Struct, frozen=True):
    """How the texts of one parameter become a value.

    ``key``: the name of its schema in the checker, and of its value; ``scalar``, ``item``: how its text, or each
    item of a list, is read, if there is one way; else ``choices``: every way to read it, to be tried;
    ``splits``: all items of a list are in one text.
    """

    name: str
    location: Location
    key: str
    required: bool
    scalar: Reading | None
    item: Reading | None
    is_list: bool
    splits: bool
    allow_empty: bool
    choices: tuple[_Choice, ...]


class ArgumentReader:
    """Reads the parameters of one operation.

    ``names``: the checker's name of the schema at a JSON pointer; ``fits``: the checker; ``credentials``: query
    parameters that carry credentials, which no document has to declare; ``withheld``: those of them that are taken
    out anyway, and so are never put back into a query that something else is stripped from.
    """

    def __init__(
        self,
        parameters: Iterable[SpecParameter],
        names: Mapping[str, str],
        fits: Fits,
        undeclared: Undeclared,
        *,
        credentials: Collection[str] = (),
        withheld: Collection[str] = (),
    ) -> None:
        self.parameters = tuple(parameters)
        plans = [_plan(parameter, names[parameter.schema]) for parameter in self.parameters]
        self._path = tuple(plan for plan in plans if plan.location == "path")
        self._header = tuple((plan.name.lower().encode(), plan) for plan in plans if plan.location == "header")
        self._alike = _alike(self._header)
        self._query = {plan.name: plan for plan in plans if plan.location == "query"}
        self._required_query = tuple(plan for plan in self._query.values() if plan.required)
        # One value, one way to read it: nearly all query parameters are so.
        self._simple_query = {
            plan.name: (plan.key, plan.scalar)
            for plan in self._query.values()
            if plan.scalar is not None and not plan.allow_empty
        }
        self._fits = fits
        self._undeclared = undeclared
        self._credentials = frozenset(credentials)
        self._withheld = frozenset(withheld)

    def read(self, request: RequestView) -> tuple[dict[str, Any], str | None]:
        """The values by the checker's names, and the query without what is undeclared if that is to be stripped.

        Raises :class:`ArgumentError`.
        """
        values: dict[str, Any] = {}
        for plan in self._path:
            text = request.path_values[plan.name]
            if plan.scalar is None:
                values[plan.key] = self._value(plan, [text], text.split(","))
                continue
            try:
                values[plan.key] = plan.scalar(text)
            except ValueError:
                raise ArgumentError("malformed", "path", plan.name, text) from None
        stripped = None
        if request.query:
            stripped = self._read_query(request.query, values)
        elif self._required_query:
            raise ArgumentError("missing", "query", self._required_query[0].name)
        if self._header:
            self._read_header(request, values)
        return values, stripped

    def _read_query(self, query: str, values: dict[str, Any]) -> str | None:
        pairs = query.split("&")
        if len(pairs) > MAX_QUERY_PARAMETERS:
            raise ArgumentError("too many", "query")
        encoded = "%" in query or "+" in query
        separators = ";" in query and self._undeclared != "allow"
        rest: list[tuple[str, str, str]] = []
        for pair in pairs:
            name, _, text = pair.partition("=")
            if encoded:
                name = _decode(name, "")
            found = self._simple_query.get(name)
            if found is None:
                rest.append((pair, name, text))
                continue
            key, reading = found
            if separators and ";" in text:
                raise ArgumentError("separator", "query", name)
            if key in values:
                raise ArgumentError("repeated", "query", name)
            try:
                values[key] = reading(_decode(text, name) if encoded else text)
            except ValueError:
                raise ArgumentError("malformed", "query", name, text) from None
        others, dropped = self._sort_out(rest) if rest else ({}, frozenset())
        for plan in self._required_query:
            if plan.key not in values and plan.name not in others:
                raise ArgumentError("missing", "query", plan.name)
        for name, texts in others.items():
            if separators and any(";" in text for text in texts):
                raise ArgumentError("separator", "query", name)
            self._read_other(self._query[name], texts, encoded, values)
        return "&".join(pair for pair in pairs if pair not in dropped) if dropped else None

    def _sort_out(self, rest: list[tuple[str, str, str]]) -> tuple[dict[str, list[str]], frozenset[str]]:
        """The texts of parameters that are not simple, and the pairs that are to be left out."""
        others: dict[str, list[str]] = {}
        dropped: set[str] = set()
        for pair, name, text in rest:
            if name in self._query:
                others.setdefault(name, []).append(text)
            elif name in self._withheld:
                dropped.add(pair)
            elif pair and name not in self._credentials:
                if self._undeclared == "refuse":
                    raise ArgumentError("undeclared", "query", name)
                if self._undeclared == "strip":
                    dropped.add(pair)
        return others, frozenset(dropped)

    def _read_other(self, plan: _Plan, texts: list[str], encoded: bool, values: dict[str, Any]) -> None:
        """A parameter that is a list, or may be empty, or has values of several types."""
        if plan.allow_empty and texts == [""]:
            return
        if len(texts) > 1 and (plan.splits or not plan.is_list):
            raise ArgumentError("repeated", "query", plan.name)
        items = texts[0].split(",") if plan.splits else texts
        if encoded:
            items = [_decode(text, plan.name) for text in items]
            texts = [_decode(text, plan.name) for text in texts]
        values[plan.key] = self._value(plan, texts, items)

    def _read_header(self, request: RequestView, values: dict[str, Any]) -> None:
        if self._alike and not self._alike.keys().isdisjoint(request.headers):
            raise ArgumentError("repeated", "header", next(filter(None, map(self._alike.get, request.headers))))
        for name, plan in self._header:
            field = request.headers.get(name)
            if field is None:
                if plan.required:
                    raise ArgumentError("missing", "header", plan.name)
                continue
            text = field.decode("latin-1").strip(" \t")
            if not plan.splits and "," in text and sum(other == name for other, _ in request.fields) > 1:
                raise ArgumentError("repeated", "header", plan.name)
            values[plan.key] = self._value(plan, [text], [item.strip(" \t") for item in text.split(",")])

    def _value(self, plan: _Plan, texts: list[str], items: list[str]) -> Any:
        """The value of a parameter that was sent as ``texts``, which as a list are ``items``."""
        try:
            if plan.scalar is not None:
                return plan.scalar(texts[0])
            if plan.item is not None:
                return [plan.item(text) for text in items]
            return self._choose(plan, texts, items)
        except ValueError:
            raise ArgumentError("malformed", plan.location, plan.name, ",".join(texts)) from None

    def _choose(self, plan: _Plan, texts: list[str], items: list[str]) -> Any:
        """The first reading that fits the schema, or the first of all; raises ``ValueError`` if there is none."""
        values = []
        for choice in plan.choices:
            try:
                values.append(choice(texts, items))
            except ValueError:
                continue
            if self._fits({plan.key: values[-1]}):
                return values[-1]
        if not values:
            raise ValueError
        return values[0]


def _alike(header: Iterable[tuple[bytes, _Plan]]) -> dict[bytes, str]:
    """Names of fields that a service behind CGI or WSGI takes for one of the parameters (RFC 3875 4.1.18).

    To it ``page_size`` and ``page-size`` are the same: one of them would pass unchecked.
    """
    alike = {}
    for name, plan in header:
        first, *rest = re.split(b"[-_]", name, maxsplit=_MAX_MARKS)
        for marks in product((b"-", b"_"), repeat=len(rest)):
            alike[first + b"".join(mark + part for mark, part in zip(marks, rest, strict=True))] = plan.name
    for name, _ in header:
        del alike[name]
    return alike


def _plan(parameter: SpecParameter, key: str) -> _Plan:
    shape = parameter.shape
    items = shape.items
    scalar = item = None
    choices: list[_Choice] = []
    if items is None and len(shape.scalars) == 1:
        scalar = READINGS[shape.scalars[0]]
    elif items is not None and not shape.scalars and len(items) == 1:
        item = READINGS[items[0]]
    else:
        choices = [_one(READINGS[kind]) for kind in shape.scalars]
        choices += [_each(tuple(READINGS[kind] for kind in items))] if items is not None else []
    return _Plan(
        name=parameter.name,
        location=parameter.location,
        key=key,
        required=parameter.required,
        scalar=scalar,
        item=item,
        is_list=items is not None,
        splits=items is not None and not (parameter.location == "query" and parameter.explode),
        allow_empty=parameter.allow_empty,
        choices=tuple(choices),
    )


def _one(reading: Reading) -> _Choice:
    def read(texts: list[str], _items: list[str]) -> Any:
        if len(texts) != 1:
            raise ValueError
        return reading(texts[0])

    return read


def _each(readings: tuple[Reading, ...]) -> _Choice:
    """Reads each item of a list in the first way that it can be read."""

    def read_item(text: str) -> Any:
        for reading in readings:
            try:
                return reading(text)
            except ValueError:
                continue
        raise ValueError

    return lambda _texts, items: [read_item(text) for text in items]


def _decode(text: str, name: str) -> str:
    if "%" not in text:
        return text.replace("+", " ")
    if _BAD_PERCENT.search(text):
        raise ArgumentError("malformed", "query", name, text)
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise ArgumentError("malformed", "query", name, text) from None
