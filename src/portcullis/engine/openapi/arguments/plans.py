"""How the text of one parameter becomes its value: settled once, when an operation is compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from portcullis.engine import strict_json
from portcullis.engine.openapi.arguments.errors import ArgumentError, UnreadableError
from portcullis.engine.openapi.arguments.percent import Decode
from portcullis.engine.openapi.arguments.splitting import MAX_ITEMS, Parts, Split, splits_of
from portcullis.engine.openapi.arguments.values import candidates, is_certain, unreadable_part
from portcullis.engine.openapi.parameter_reading import Location, SpecParameter
from portcullis.engine.openapi.parameters import READINGS, Reading, Shape

Fits = Callable[[Mapping[str, Any]], bool]


class Plan(msgspec.Struct, frozen=True):
    """How the texts of one parameter become a value.

    ``key``: the name of its schema in the checker, and of its value, ``None`` if it has no schema; ``scalar``,
    ``item``: how its decoded text, or each of a list, is read, if there is one way; ``splits``: every way to take one
    text apart, which then is read as ``shape`` has it; ``is_certain``: there is never more than one value to choose;
    ``is_exploded``: each item of a list has a text of its own; ``by_commas``: commas may separate what is in one.
    """

    parameter: SpecParameter
    name: str
    location: Location
    key: str | None
    required: bool
    shape: Shape
    scalar: Reading | None
    item: Reading | None
    splits: tuple[Split, ...]
    decode: Decode
    holds_json: bool
    is_certain: bool
    is_exploded: bool
    by_commas: bool

    def value(self, text: str, fits: Fits) -> Any:
        """The value of the parameter that was sent as ``text``. Raises :class:`ArgumentError`."""
        if self.scalar is not None:
            try:
                return self.scalar(self.decode(text))
            except ValueError:
                raise ArgumentError("malformed", self.location, self.name, text) from None
        if self.by_commas and self.item is not None and text.count(",") < MAX_ITEMS:
            try:
                return [self.item(self.decode(part)) for part in text.split(",")]
            except ValueError:
                pass  # which of them it is, is found out below
        if self.holds_json:
            return self._json(text)
        return self.choose(self._ways(text), text, fits)

    def choose(self, ways: Iterable[Parts | UnreadableError], text: str, fits: Fits) -> Any:
        """The first value that fits the schema, of all that the parts in ``ways`` can be read as, or the first of all.

        An error in ``ways`` says why there are no parts. Raises :class:`ArgumentError`.
        """
        found: list[Any] = []
        why = None
        for parts in ways:
            if isinstance(parts, UnreadableError):
                why = why or parts
                continue
            values = candidates(parts, self.shape)
            if self.is_certain and values:
                return values[0]
            for value in values:
                if self.key is None or fits({self.key: value}):
                    return value
            found += values[:1]
            if not values and why is None:
                path, unread = unreadable_part(parts, self.shape)
                why = UnreadableError("malformed", path, unread)
        if found:
            return found[0]
        raise self.error(why or UnreadableError(), text)

    def error(self, why: UnreadableError, text: str) -> ArgumentError:
        """``why`` this parameter can't be read, which was sent as ``text``."""
        return ArgumentError(why.fault, self.location, self.name, why.text or text, why.path)

    def _ways(self, text: str) -> Iterable[Parts | UnreadableError]:
        for split in self.splits:
            try:
                yield split(text)
            except UnreadableError as error:
                yield error
            except ValueError:
                yield UnreadableError()

    def _json(self, text: str) -> Any:
        try:
            return strict_json.loads(self.decode(text).encode())
        except ValueError:
            raise ArgumentError("malformed", self.location, self.name, text) from None


def plan_of(parameter: SpecParameter, names: Mapping[str, str], decode: Decode) -> Plan:
    """The plan for ``parameter``, whose texts ``decode`` decodes; ``names``: of schemas in the checker."""
    shape = parameter.shape
    scalar = item = None
    splits: tuple[Split, ...] = ()
    is_list = shape.items is not None and not shape.scalars and shape.properties is None
    exploded = parameter.explode and parameter.style in ("form", "delimited", "deepObject")
    by_commas = not parameter.media_type and parameter.style in ("form", "simple") and not exploded
    by_commas = by_commas and (shape.items is not None or shape.properties is not None)
    if not parameter.holds_json:
        scalar = _one_reading(shape) if parameter.style not in ("label", "matrix") else None
        if is_list and shape.items is not None and not shape.prefix:
            item = _one_reading(shape.items)
        splits = splits_of(parameter, decode) if scalar is None else ()
    return Plan(
        parameter=parameter,
        name=parameter.name,
        location=parameter.location,
        key=names[parameter.schema] if parameter.schema is not None else None,
        required=parameter.required,
        shape=shape,
        scalar=scalar,
        item=item,
        splits=splits,
        decode=decode,
        holds_json=parameter.holds_json,
        is_certain=is_certain(shape),
        is_exploded=exploded and parameter.style != "deepObject" and shape.items is not None,
        by_commas=by_commas,
    )


def _one_reading(shape: Shape) -> Reading | None:
    is_single = shape.items is None and shape.properties is None and len(shape.scalars) == 1
    return READINGS[shape.scalars[0]] if is_single else None
