"""The parameters in a query string, or in a form that is written like one.

Only ``&`` separates parameters (a raw ``;``, which some services take for a separator too, is refused unless
undeclared parameters may pass), ``+`` is a space, and what is percent-encoded is decoded once, as UTF-8, names
too: that is how services read a query (WHATWG URL, application/x-www-form-urlencoded), so nothing can hide behind
``li%6Dit``.

A name belongs to the parameter of that name, else to the object whose fields are spread over the query and that has
such a field, else to the ``deepObject`` whose name stands before its brackets, else to a spread object that takes
fields of any name. What remains is undeclared. Where that passes, it may not stand beside what services take for the
same: of ``owner=a&owner[]=b`` PHP reads the latter.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, Literal

import msgspec

from portcullis.engine.openapi.arguments.bound_names import as_bound
from portcullis.engine.openapi.arguments.brackets import Tree, keys_of, parts_of, plant, undeclared_part
from portcullis.engine.openapi.arguments.errors import ArgumentError, UnreadableError
from portcullis.engine.openapi.arguments.percent import decode_form
from portcullis.engine.openapi.arguments.plans import Fits, Plan, plan_of
from portcullis.engine.openapi.arguments.splitting import MAX_ITEMS, Parts
from portcullis.engine.openapi.parameter_reading import SpecParameter
from portcullis.engine.openapi.parameters import Reading, Shape

MAX_QUERY_PARAMETERS: Final = 1_000
"""Parameters in one query (PHP: 1,000, Tomcat: 10,000)."""

Undeclared = Literal["refuse", "strip", "allow"]

_ENCODED_COMMA: Final = re.compile("%2C", re.IGNORECASE)


class _Found(msgspec.Struct):
    """What of a query belongs to parameters that are more than one text under one name.

    ``whole``: pairs and texts by the name of their parameter; ``fields``: texts by field, for each spread object;
    ``trees``: texts by their keys, for each name before brackets; ``dropped``: pairs that are left out of the query,
    ``rewritten``: pairs that are written anew; ``passed``: names that are not declared, and pass.
    """

    whole: dict[str, list[tuple[str, str]]]
    fields: dict[str, dict[str, list[str]]]
    trees: dict[str, Tree]
    dropped: set[str]
    rewritten: dict[str, str]
    passed: list[str]


class QueryReader:
    """Reads the query parameters of one operation.

    ``names``, ``fits``: of the checker, see :class:`~portcullis.engine.openapi.arguments.reader.ArgumentReader`;
    ``credentials``: parameters that no document has to declare; ``withheld``: those of them that are taken out anyway,
    and so are never put back into a query that something else is stripped from.
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
        plans = [plan_of(parameter, names, decode_form) for parameter in parameters]
        self._fits = fits
        self._undeclared = undeclared
        self._credentials = frozenset(credentials)
        self._withheld = frozenset(withheld)
        # One value, or a list of such, and one way to read it: nearly all query parameters are so.
        self._simple: dict[str, tuple[str, Reading, Plan | None]] = {}
        for plan in plans:
            reading = plan.scalar or (plan.item if plan.is_exploded or plan.by_commas else None)
            unusual = plan.parameter.allow_empty or plan.parameter.allow_reserved
            if reading is not None and plan.key is not None and not unusual:
                self._simple[plan.name] = (plan.key, reading, None if plan.scalar is not None else plan)
        spread = [plan for plan in plans if plan.parameter.is_spread]
        self._spread = {plan.name: plan for plan in spread}
        # A spread object has no parameter of its own name, unless it may be something else than an object.
        whole = {
            plan.name: plan
            for plan in plans
            if not plan.parameter.is_spread or plan.shape.scalars or plan.shape.items is not None
        }
        self._fields = {field: plan for plan in spread for field in plan.shape.properties or () if field not in whole}
        # Of those that are simple only lists between commas may have to be looked at closely.
        simple = {name for name, (_, _, of_list) in self._simple.items() if of_list is None or of_list.is_exploded}
        self._whole = {name: plan for name, plan in whole.items() if name not in simple}
        self._deep = {plan.name: plan for plan in plans if plan.parameter.style == "deepObject"}
        self._any_field = next((plan for plan in spread if plan.shape.extra is not None), None)
        self._bound = {as_bound(plan.name): plan for plan in plans}
        self.required = tuple(plan for plan in plans if plan.required)

    def read(self, query: str, values: dict[str, Any]) -> str | None:
        """Add the values in ``query`` by the checker's names to ``values``.

        Gives the query that is to be sent on if it is another one: without what is undeclared, if that is to be
        stripped, and with its lists written as they were read. Raises :class:`ArgumentError`.
        """
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
            found = self._simple.get(name)
            if found is None:
                rest.append((pair, name, text))
                continue
            key, reading, of_list = found
            if separators and ";" in text:
                raise ArgumentError("separator", "query", name)
            if of_list is not None:
                if not self._read_items(of_list, key, reading, text, values):
                    rest.append((pair, name, text))
                continue
            if key in values:
                raise ArgumentError("repeated", "query", name)
            try:
                values[key] = reading(_decode(text, name) if encoded else text)
            except ValueError:
                raise ArgumentError("malformed", "query", name, text) from None
        change = self._read_rest(pairs, rest, values) if rest else None
        for plan in self.required:
            if plan.key not in values:
                self._complete(plan, rest, values)
        return change

    def _read_items(self, plan: Plan, key: str, reading: Reading, text: str, values: dict[str, Any]) -> bool:
        """Add the next item of an exploded list, or all items between commas.

        ``False``: it has to be looked at more closely.
        """
        if plan.is_exploded:
            items = values.setdefault(key, [])
            try:
                items.append(reading(_decode(text, plan.name)))
            except ValueError:
                raise ArgumentError("malformed", "query", plan.name, text, (len(items),)) from None
            return True
        if "%" in text or key in values or text.count(",") >= MAX_ITEMS:
            return False
        try:
            values[key] = [reading(part) for part in text.replace("+", " ").split(",")]
        except ValueError:
            return False
        return True

    def _complete(self, plan: Plan, rest: list[tuple[str, str, str]], values: dict[str, Any]) -> None:
        """Settle what it means that no value of a required parameter was found."""
        if plan.key is not None and plan.shape.properties is not None and not plan.holds_json and _may_vanish(plan):
            # RFC 6570 3.2.1: an object without fields is not written at all. Whether it may be one says its schema.
            values[plan.key] = {}
        elif not any(name == plan.name for _, name, _ in rest):
            raise ArgumentError("missing", "query", plan.name)

    def _read_rest(self, pairs: list[str], rest: list[tuple[str, str, str]], values: dict[str, Any]) -> str | None:
        found = self._sort_out(rest)
        for name, texts in found.whole.items():
            self._read_whole(self._whole[name], texts, found, values)
        for name, fields in found.fields.items():
            self._read_fields(self._spread[name], fields, values)
        for name, tree in found.trees.items():
            self._read_tree(self._deep[name], tree, values)
        for name in found.passed:
            twin = self._bound.get(as_bound(name))
            if twin is not None and twin.key in values:
                raise ArgumentError("repeated", "query", twin.name)
        if not found.dropped and not found.rewritten:
            return None
        kept = [found.rewritten.get(pair, pair) for pair in pairs if pair not in found.dropped]
        if self._withheld:  # also where the document declares them
            kept = [pair for pair in kept if _decode(pair.partition("=")[0], "") not in self._withheld]
        return "&".join(kept)

    def _sort_out(self, rest: list[tuple[str, str, str]]) -> _Found:
        found = _Found({}, {}, {}, set(), {}, [])
        separators = self._undeclared != "allow"
        for pair, name, text in rest:
            plan = self._whole.get(name)
            if plan is not None:
                found.whole.setdefault(name, []).append((pair, text))
            elif (plan := self._fields.get(name)) is not None:
                found.fields.setdefault(plan.name, {}).setdefault(name, []).append(text)
            elif "[" in name and (plan := self._deep.get(name[: name.index("[")])) is not None:
                self._plant(plan, name, pair, text, found)
            elif not self._is_passed_over(pair, name, found):
                plan = self._any_field
                if plan is None:
                    self._not_declared(pair, name, found)
                else:
                    found.fields.setdefault(plan.name, {}).setdefault(name, []).append(text)
            if separators and plan is not None and ";" in pair and not plan.parameter.allow_reserved:
                raise ArgumentError("separator", "query", name)
        return found

    def _is_passed_over(self, pair: str, name: str, found: _Found) -> bool:
        """Whether this is nothing, or a credential: those are not the document's business."""
        if name in self._withheld:
            found.dropped.add(pair)
            return True
        return not pair or name in self._credentials

    def _not_declared(self, pair: str, name: str, found: _Found, path: tuple[str, ...] = ()) -> None:
        if self._undeclared == "refuse":
            raise ArgumentError("undeclared", "query", name, path=path)
        if self._undeclared == "strip":
            found.dropped.add(pair)
        elif not path:
            found.passed.append(name)

    def _plant(self, plan: Plan, name: str, pair: str, text: str, found: _Found) -> None:
        try:
            keys = keys_of(name[len(plan.name) :])
            declared = undeclared_part(keys, plan.shape)
            if declared is not None:
                self._not_declared(pair, plan.name, found, keys[: declared + 1])
                return
            plant(found.trees.setdefault(plan.name, {}), keys, _decode(text, plan.name))
        except UnreadableError as error:
            raise ArgumentError(error.fault, "query", plan.name, text, error.path) from None

    def _read_whole(self, plan: Plan, texts: list[tuple[str, str]], found: _Found, values: dict[str, Any]) -> None:
        """A parameter under its own name that is a list, or may be empty, or has values of several types."""
        parameter = plan.parameter
        if parameter.allow_empty and [text for _, text in texts] == [""]:
            return
        if plan.name in found.trees or (plan.key is not None and plan.key in values):
            raise ArgumentError("repeated", "query", plan.name)
        if plan.is_exploded:
            value = self._exploded(plan, [text for _, text in texts])
        elif len(texts) > 1:
            raise ArgumentError("repeated", "query", plan.name)
        elif plan.by_commas and _ENCODED_COMMA.search(texts[0][1]):
            value = self._with_encoded_commas(plan, *texts[0], found)
        else:
            value = plan.value(texts[0][1], self._fits)
        if plan.key is not None:
            values[plan.key] = value

    def _exploded(self, plan: Plan, texts: list[str]) -> Any:
        """A list, each of whose items was sent under its name, or if there is one text only, that."""
        decoded = [_decode(text, plan.name) for text in texts]
        ways: list[Parts | UnreadableError] = [list(decoded)]
        if plan.shape.scalars and len(decoded) == 1:
            ways.insert(0, decoded[0])
        return plan.choose(ways, texts[0], self._fits)

    def _with_encoded_commas(self, plan: Plan, pair: str, text: str, found: _Found) -> Any:
        """A list or object that holds commas as ``%2C``: by RFC 6570 they are part of an item, not between items.

        Most clients encode whole values nevertheless, and most services decode before they split. So where the items
        do not fit otherwise they are split there too, and the service gets plain commas, which all read alike.
        """
        as_written = self._read_if_it_can_be(plan, text)
        if isinstance(as_written, ArgumentError) or not self._fits({plan.key or "": as_written}):
            plain = _ENCODED_COMMA.sub(",", text)
            split = self._read_if_it_can_be(plan, plain)
            if not isinstance(split, ArgumentError) and self._fits({plan.key or "": split}):
                found.rewritten[pair] = f"{pair.partition('=')[0]}={plain}"
                return split
        if isinstance(as_written, ArgumentError):
            raise as_written
        return as_written

    def _read_if_it_can_be(self, plan: Plan, text: str) -> Any:
        try:
            return plan.value(text, self._fits)
        except ArgumentError as error:
            return error

    def _read_fields(self, plan: Plan, fields: dict[str, list[str]], values: dict[str, Any]) -> None:
        """An object whose fields stand in the query under their own names."""
        if plan.key is not None and plan.key in values:
            raise ArgumentError("repeated", "query", plan.name)
        parts: dict[str, Parts] = {}
        for name, texts in fields.items():
            shape = plan.shape.field(name)
            decoded: list[Parts] = [_decode(text, plan.name, name) for text in texts]
            if _is_list(shape, len(decoded)):
                parts[name] = decoded
            elif len(decoded) == 1:
                parts[name] = decoded[0]
            else:
                raise plan.error(UnreadableError("repeated", (name,)), texts[0])
        value = plan.choose([parts], "", self._fits)
        if plan.key is not None:
            values[plan.key] = value

    def _read_tree(self, plan: Plan, tree: Tree, values: dict[str, Any]) -> None:
        try:
            parts = parts_of(tree, plan.shape)
        except UnreadableError as error:
            raise plan.error(error, "") from None
        value = plan.choose([parts], "", self._fits)
        if plan.key is not None:
            values[plan.key] = value


def _may_vanish(plan: Plan) -> bool:
    return plan.parameter.is_spread or plan.parameter.style == "deepObject"


def _is_list(shape: Shape | None, count: int) -> bool:
    return shape is not None and shape.items is not None and (count > 1 or not shape.scalars)


def _decode(text: str, name: str, *path: str) -> str:
    if "%" not in text:
        return text.replace("+", " ")
    try:
        return decode_form(text)
    except ValueError:
        raise ArgumentError("malformed", "query", name, text, path) from None
