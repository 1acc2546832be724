"""Requests that break what an operation declares in one place each, and what they have to be refused for.

Only rules that hold whatever else is in a request are broken: what stands below alternatives is left alone, since a
value that one of them refuses may well be one that another takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus

import msgspec
import orjson

from portcullis.engine.openapi.form_reading import SpecForm
from portcullis.engine.openapi.multipart_reading import SpecParts
from portcullis.engine.openapi.parameter_reading import SpecParameter
from portcullis.testing.generating import UnmakeableError, ValueMaker
from portcullis.testing.generating_outlines import Outline
from portcullis.testing.generating_requests import NOTHING, Draft, Written, write
from portcullis.testing.generating_texts import SAMPLES, matches

UNDECLARED: Final = "zz-undeclared"
MAX_OF_A_KIND: Final = 4
"""Requests of one kind that are made of one draft."""

_WRONG_TEXT: Final = "not it"
_NO_PATTERN: Final = ("~", "not it", "-", "0", "a", "A", "_", "=")
# Nearly every text is one of these.
_LOOSE: Final = frozenset(("regex", "uri-template", "char"))
_BITS: Final = {"int32": 31, "int64": 63}
_MAX_LENGTH: Final = 5_000
_MAX_DEPTH: Final = 6
_OF_OTHER_TYPE: Final = {"object": _WRONG_TEXT, "array": {}, "null": {}}

Path = tuple[str | int, ...]


class Mutation(NamedTuple):
    """A wrong request. ``kind``: what is wrong with it; ``codes``: the codes that it may be refused with."""

    kind: str
    request: Written
    codes: frozenset[str]


class _Site(NamedTuple):
    """A value within a document: the way to it, what is said of it, itself."""

    path: Path
    outline: Outline
    value: Any


def mutations(maker: ValueMaker, made: Draft) -> Iterator[Mutation]:
    """Wrong requests made of ``made``, a draft that is right. ``maker`` made it."""
    yield from _at_most(_of_parameters(maker, made))
    if made.content is None:
        if made.operation.body is None:
            sent = write(made)
            fields = [*sent.fields, ("content-type", "application/json")]
            yield _mutation("unexpected_body", msgspec.structs.replace(sent, fields=fields, body=b"{}"))
        return
    yield from _of_body(made)
    yield from _at_most(_of_fields(maker, made))


def _at_most(found: Iterator[Mutation]) -> Iterator[Mutation]:
    """The first few of each kind."""
    counts: dict[str, int] = {}
    for each in found:
        counts[each.kind] = counts.get(each.kind, 0) + 1
        if counts[each.kind] <= MAX_OF_A_KIND:
            yield each


def _mutation(kind: str, request: Written, *codes: str) -> Mutation:
    return Mutation(kind, request, frozenset(f"validate.{code}" for code in codes or (kind,)))


def _of_parameters(maker: ValueMaker, made: Draft) -> Iterator[Mutation]:
    parameters = made.operation.parameters
    if not any(each.is_spread and each.shape.extra is not None for each in parameters):
        sent = write(made)
        between = "&" if "?" in sent.target else "?"
        yield _mutation(
            "undeclared_query", msgspec.structs.replace(sent, target=f"{sent.target}{between}{UNDECLARED}=1")
        )
    for each in parameters:
        key = (each.location, each.name)
        may_vanish = each.location == "path" or each.is_spread or each.style == "deepObject"
        if each.required and not may_vanish:
            rest = {other: value for other, value in made.arguments.items() if other != key}
            yield _mutation("missing_parameter", write(msgspec.structs.replace(made, arguments=rest)))
        if key in made.arguments:
            for kind, wrong in _wrong_arguments(maker, each, made.arguments[key]):
                changed = msgspec.structs.replace(made, arguments={**made.arguments, key: wrong})
                yield _mutation(f"parameter_{kind}", write(changed), "bad_parameter")


def _wrong_arguments(maker: ValueMaker, parameter: SpecParameter, value: Any) -> Iterator[tuple[str, Any]]:
    if parameter.schema is None or parameter.media_type or isinstance(value, dict):
        return
    outline = maker.outline([parameter.schema])
    of_list = isinstance(value, list) and outline.type == "array" and not outline.prefix
    if of_list and not outline.is_chosen and outline.items:
        outline = maker.outline(outline.items)
    if outline.is_chosen or outline.type in ("array", "object") or parameter.allow_empty:
        return
    for kind, wrong in _wrong_values(outline, as_text=True):
        yield kind, [wrong] if of_list else wrong


def _wrong_values(outline: Outline, *, as_text: bool) -> Iterator[tuple[str, Any]]:
    """Values that break a rule of ``outline`` each. ``as_text``: they are read from text, by their type."""
    types = outline.types or ()
    if types and not (as_text and "string" in types):
        yield "type", _WRONG_TEXT if as_text else _OF_OTHER_TYPE.get(outline.type, {})
    if types and outline.values is not None and all(isinstance(each, str) for each in outline.values):
        if outline.type == "string":
            yield "enum", UNDECLARED
    elif outline.values is None:
        yield from _wrong_numbers(outline) if outline.type in ("integer", "number") else ()
        yield from _wrong_texts(outline) if outline.type == "string" and types else ()


def _wrong_numbers(outline: Outline) -> Iterator[tuple[str, Any]]:
    bounds = outline.bounds
    for keyword, step in (("minimum", -1), ("exclusiveMinimum", 0), ("maximum", 1), ("exclusiveMaximum", 0)):
        if keyword in bounds and abs(bounds[keyword]) < 2**53 and outline.types:
            yield "bound", bounds[keyword] + step
    if outline.type == "integer" and outline.types:
        yield from (("format", 2 ** _BITS[name]) for name in outline.formats if name in _BITS)


def _wrong_texts(outline: Outline) -> Iterator[tuple[str, Any]]:
    least, most = outline.bounds.get("minLength", 0), outline.bounds.get("maxLength")
    if "binary" in outline.formats:
        return
    if most is not None and most < _MAX_LENGTH:
        yield "length", "x" * (most + 1)
    if 2 <= least < _MAX_LENGTH:
        yield "length", "x" * (least - 1)
    for pattern in outline.patterns:
        wrong = next((text for text in _NO_PATTERN if not matches(pattern, text)), None)
        if wrong is not None and _is_readable(pattern):
            yield "pattern", wrong
    yield from (("format", _WRONG_TEXT) for name in outline.formats if name in SAMPLES and name not in _LOOSE)


def _is_readable(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, OverflowError):
        return False
    return True


def _of_body(made: Draft) -> Iterator[Mutation]:
    """What is wrong with the body as a whole."""
    sent, body, content = write(made), made.operation.body, made.content
    if body is None or content is None or sent.body is None:
        return
    others = [field for field in sent.fields if field[0] != "content-type"]
    if body.required:
        yield _mutation("missing_body", msgspec.structs.replace(sent, fields=others, body=None))
    if sent.body and not any(each.media_range.is_range for each in body.content):
        fields = [*others, ("content-type", f"application/x-{UNDECLARED}")]
        yield _mutation("media_type", msgspec.structs.replace(sent, fields=fields))
    if content.reading is None:
        cut = sent.body[:-1] if isinstance(made.document, dict | list) else sent.body + b","
        yield _mutation("malformed_json", msgspec.structs.replace(sent, body=cut))
        if isinstance(made.document, dict) and made.document:
            key, value = next(iter(made.document.items()))
            again = b"{%b:%b,%b" % (orjson.dumps(key), orjson.dumps(value), sent.body[1:])
            yield _mutation("duplicate_key", msgspec.structs.replace(sent, body=again))


def _of_fields(maker: ValueMaker, made: Draft) -> Iterator[Mutation]:
    """What is wrong within the body."""
    content = made.content
    if content is None or content.schema is None or made.document is NOTHING:
        return
    if content.reading is None:
        for site in _sites(maker, (), [content.schema], made.document):
            for kind, wrong, codes in _wrong_parts(maker, site):
                yield _mutation(kind, write(_changed(made, site, wrong)), *codes)
    elif isinstance(content.reading, SpecForm | SpecParts):
        yield from _of_form(maker, made, content.reading, content.schema)


def _of_form(maker: ValueMaker, made: Draft, form: SpecForm | SpecParts, schema: str) -> Iterator[Mutation]:
    """What is wrong with the fields of a form, but not within them: they are written in many ways."""
    texts = _text_fields(form)
    for site in _sites(maker, (), [schema], made.document):
        name = site.path[0] if site.path else ""
        if len(site.path) > 1 or (site.path and name not in texts):
            continue
        for kind, wrong, codes in _wrong_parts(maker, site):
            is_left_out = kind == "missing_field" and (not wrong or made.document.keys() - wrong.keys() - texts)
            if kind != "field_type" and not is_left_out:  # a form that is left empty is no body
                yield _mutation(kind, write(_changed(made, site, wrong)), *codes)
        if site.path and site.outline.type in ("integer", "number", "boolean"):
            yield _mutation("field_type", write(_changed(made, site, _WRONG_TEXT)), "wrong_type")
        if site.path and isinstance(form, SpecForm):
            sent = write(made)
            again = f"{sent.body.decode()}&{quote_plus(str(name))}=1" if sent.body is not None else ""
            yield _mutation("duplicate_key", msgspec.structs.replace(sent, body=again.encode()))


def _text_fields(form: SpecForm | SpecParts) -> set[str]:
    """The names of fields that hold one text."""
    if isinstance(form, SpecForm):
        return {
            field.name
            for field in form.fields
            if field.style == "form" and not field.media_type and not (field.shape.items or field.shape.properties)
        }
    return {part.name for part in form.parts if part.form == "text" and not part.is_list and not part.is_deep}


def _changed(made: Draft, site: _Site, wrong: Any) -> Draft:
    return msgspec.structs.replace(made, document=_with(made.document, site.path, wrong))


def _wrong_parts(maker: ValueMaker, site: _Site) -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    """Values instead of the one at ``site``: what is wrong with each, and the codes that say so."""
    outline, value = site.outline, site.value
    for kind, wrong in _wrong_values(outline, as_text=False):
        codes = ("wrong_type", "schema") if kind == "type" and outline.values is not None else ("schema",)
        yield f"field_{kind}", wrong, ("wrong_type",) if kind == "type" and outline.values is None else codes
    if isinstance(value, list):
        yield from _wrong_lists(outline, value)
    if not isinstance(value, dict):
        return
    for name in outline.required:
        if name in value and (name not in outline.properties or not maker.is_hidden(outline, name)):
            yield "missing_field", {key: each for key, each in value.items() if key != name}, ("missing_field",)
    if outline.is_closed and not outline.is_partial:
        yield "undeclared_field", {**value, UNDECLARED: 1}, ("undeclared_field",)
        for name in outline.properties:
            if name not in value and maker.is_hidden(outline, name):
                try:
                    hidden = maker.make(outline.properties[name][0])
                except UnmakeableError:
                    continue
                yield "read_only_field", {**value, name: hidden}, ("undeclared_field",)


def _wrong_lists(outline: Outline, value: list[Any]) -> Iterator[tuple[str, Any, tuple[str, ...]]]:
    least, most = outline.bounds.get("minItems", 0), outline.bounds.get("maxItems")
    if least > 0 and len(value) >= least:
        yield "field_items", value[: least - 1], ("schema",)
    if most is not None and value and most < 200:
        yield "field_items", [value[0]] * (most + 1), ("schema",)
    if outline.is_unique and value and (most is None or most >= 2):
        yield "field_unique", [value[0], value[0]], ("schema",)


def _sites(maker: ValueMaker, path: Path, schemas: list[str], value: Any) -> Iterator[_Site]:
    """The values within ``value`` of which is said the same whatever else it holds."""
    outline = maker.outline(schemas)
    if outline.is_chosen or outline.is_partial or len(path) > _MAX_DEPTH or value is None:
        return
    yield _Site(path, outline, value)
    if isinstance(value, dict):
        for name, each in value.items():
            below = outline.properties.get(name) or outline.extra
            if below:
                yield from _sites(maker, (*path, name), below, each)
    elif isinstance(value, list) and outline.items and not outline.prefix:
        for number, each in enumerate(value[:1]):
            yield from _sites(maker, (*path, number), outline.items, each)


def _with(value: Any, path: Path, wrong: Any) -> Any:
    """``value`` with ``wrong`` where ``path`` leads."""
    if not path:
        return wrong
    first, rest = path[0], path[1:]
    if isinstance(value, list):
        return [_with(each, rest, wrong) if index == first else each for index, each in enumerate(value)]
    return {name: _with(each, rest, wrong) if name == first else each for name, each in value.items()}
