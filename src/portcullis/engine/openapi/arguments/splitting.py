"""From the text of a parameter to its parts, as OpenAPI's styles (the operators of RFC 6570) put them together.

==========  =======  ====================  =====================  ============================
style       explode  one text              list                   object
==========  =======  ====================  =====================  ============================
simple      false    ``blue``              ``blue,black``         ``R,100,G,200``
simple      true     ``blue``              ``blue,black``         ``R=100,G=200``
label       false    ``.blue``             ``.blue,black``        ``.R,100,G,200``
label       true     ``.blue``             ``.blue.black``        ``.R=100.G=200``
matrix      false    ``;color=blue``       ``;color=blue,black``  ``;color=R,100,G,200``
matrix      true     ``;color=blue``       ``;color=a;color=b``   ``;R=100;G=200``
form        false    ``blue``              ``blue,black``         ``R,100,G,200``
delimited   false    ``blue``              ``blue|black``         ``R|100|G|200``
==========  =======  ====================  =====================  ============================

RFC 6570 encodes what the parts hold and leaves the separators as they are, so a text is split first and decoded then.
The separators of ``delimited`` (blank, tab, bar) can't stand in a URL but encoded, so there it is the other way round.
What is exploded in a query stands in several of its parameters, and is put together elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from portcullis.engine.openapi.arguments.errors import UnreadableError
from portcullis.engine.openapi.arguments.percent import Decode
from portcullis.engine.openapi.parameter_reading import SpecParameter

Parts = str | list["Parts"] | dict[str, "Parts"]
"""The decoded texts of a value, in lists and objects as they were written."""
Split = Callable[[str], Parts]
"""Takes a text apart; raises ``ValueError`` if it is not written so."""

MAX_ITEMS: Final = 1_000
"""Items of a list, or fields of an object, in one text."""


def splits_of(parameter: SpecParameter, decode: Decode) -> tuple[Split, ...]:
    """Every way to take one text of ``parameter`` apart: as itself, as a list, as an object, if it may be these."""
    shape = parameter.shape
    inner = _inner(parameter, decode)
    found: list[Split] = []
    if shape.scalars:
        found.append(lambda text: decode(inner(text)))
    if parameter.style == "deepObject" or (parameter.explode and parameter.style in ("form", "delimited")):
        return tuple(found)
    if parameter.style == "delimited":
        return (*found, *_delimited(parameter, decode))
    matrix = parameter.style == "matrix" and parameter.explode
    if shape.items is not None:
        found.append(_matrix_list(parameter.name, decode) if matrix else _list(inner, _between(parameter), decode))
    if shape.properties is not None:
        outer = _after(";") if matrix else inner
        separator = ";" if matrix else _between(parameter)
        found.append((_named_fields if parameter.explode else _fields)(outer, separator, decode))
    return tuple(found)


def _between(parameter: SpecParameter) -> str:
    return "." if parameter.style == "label" and parameter.explode else ","


def _inner(parameter: SpecParameter, decode: Decode) -> Callable[[str], str]:
    """Takes off what a style puts before a value."""
    if parameter.style == "label":
        return _after(".")
    if parameter.style == "matrix":
        name = parameter.name

        def value(text: str) -> str:
            before, _, after = text.partition("=")
            if text[:1] != ";" or decode(before[1:]) != name:
                raise UnreadableError
            return after

        return value
    return str


def _after(mark: str) -> Callable[[str], str]:
    def rest(text: str) -> str:
        if text[:1] != mark:
            raise UnreadableError
        return text[1:]

    return rest


def _cut(text: str, separator: str) -> list[str]:
    if text.count(separator) >= MAX_ITEMS:
        raise UnreadableError("too many")
    return text.split(separator)


def _list(inner: Callable[[str], str], separator: str, decode: Decode) -> Split:
    return lambda text: [decode(part) for part in _cut(inner(text), separator)]


def _matrix_list(name: str, decode: Decode) -> Split:
    def split(text: str) -> Parts:
        pairs = [part.partition("=") for part in _cut(_after(";")(text), ";")]
        if any(decode(written) != name for written, _, _ in pairs):
            raise UnreadableError
        return [decode(value) for _, _, value in pairs]

    return split


def _fields(inner: Callable[[str], str], separator: str, decode: Decode) -> Split:
    """Names and values in turn."""

    def split(text: str) -> Parts:
        parts = [decode(part) for part in _cut(inner(text), separator)]
        return _object(parts[::2], parts[1::2])

    return split


def _named_fields(inner: Callable[[str], str], separator: str, decode: Decode) -> Split:
    """``name=value``; a name alone has the empty value, as in style matrix."""

    def split(text: str) -> Parts:
        pairs = [part.partition("=") for part in _cut(inner(text), separator)]
        return _object([decode(name) for name, _, _ in pairs], [decode(value) for _, _, value in pairs])

    return split


def _object(names: list[str], values: list[str]) -> Parts:
    if len(names) != len(values):
        raise UnreadableError
    fields: dict[str, Parts] = {}
    for name, value in zip(names, values, strict=True):
        if name in fields:
            raise UnreadableError("repeated", (name,))
        fields[name] = value
    return fields


def _delimited(parameter: SpecParameter, decode: Decode) -> list[Split]:
    separators = parameter.separators
    found: list[Split] = []
    if parameter.shape.items is not None:
        found.append(lambda text: _nested(decode(text), separators))
    if parameter.shape.properties is not None:

        def split(text: str) -> Parts:
            parts = _cut(decode(text), separators[0])
            return _object(parts[::2], parts[1::2])

        found.append(split)
    return found


def _nested(text: str, separators: tuple[str, ...]) -> Parts:
    separator, *below = separators
    parts = _cut(text, separator)
    return [_nested(part, tuple(below)) for part in parts] if below else list[Parts](parts)
