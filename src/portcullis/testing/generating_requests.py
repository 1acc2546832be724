"""Requests that fit an operation of a document, made from its schemas or of its own examples.

A :class:`Draft` holds values; :func:`write` makes of it what goes over the wire, by the styles of RFC 6570 and the
media type of the body. Who wants a wrong request changes the draft, or what was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Literal
from urllib.parse import quote, quote_plus

import msgspec
import orjson

from portcullis.engine.openapi.body_reading import SpecBytes, SpecContent, SpecText
from portcullis.engine.openapi.form_reading import FURTHER, SpecForm
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.multipart_reading import SpecPart, SpecParts
from portcullis.engine.openapi.operations import SpecOperation
from portcullis.engine.openapi.parameter_reading import Location, SpecParameter
from portcullis.testing.generating import UnmakeableError, ValueMaker, examples_beside, examples_of

BOUNDARY: Final = "portcullis-boundary"
NOTHING: Final = msgspec.UNSET
"""The body of a draft without one."""

Source = Literal["schemas", "examples"]
_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")
_UNRESERVED: Final = "-._~"
Key = tuple[Location, str]


class Draft(msgspec.Struct):
    """A request that is not written yet.

    ``arguments``: values of parameters by location and name; ``content``: the media type of its body, ``None`` if it
    has none; ``document``: the value that its body holds.
    """

    operation: SpecOperation
    arguments: dict[Key, Any]
    content: SpecContent | None = None
    document: Any = NOTHING


class Written(msgspec.Struct):
    """A request as it is sent: ``target`` as in a request line, ``fields`` of its header; ``body``, if it has one."""

    method: str
    target: str
    fields: list[tuple[str, str]]
    body: bytes | None = None


def makeable_contents(operation: SpecOperation) -> list[SpecContent]:
    """The media types of the operation's body that drafts can have, JSON first."""
    contents = operation.body.content if operation.body is not None else ()
    found = [each for each in contents if each.holds_json and each.reading is None]
    return found + [each for each in contents if isinstance(each.reading, SpecForm | SpecParts | SpecText | SpecBytes)]


def draft(
    graph: SchemaGraph,
    operation: SpecOperation,
    *,
    source: Source = "schemas",
    everything: bool = False,
    attempt: int = 0,
    content: SpecContent | None = None,
) -> Draft:
    """A request for ``operation``, whose schemas are in ``graph``.

    ``source``: values are made of schemas alone, or where a parameter or the body has an example that is taken;
    ``everything``: all parameters and fields, instead of only those that are required; ``attempt``: see
    :class:`~portcullis.testing.generating.ValueMaker`; ``content``: of its body, one of
    :func:`makeable_contents`. Raises :class:`~portcullis.testing.generating.UnmakeableError`.
    """
    maker = ValueMaker(graph, everything=everything, attempt=attempt)
    made = Draft(operation, {})
    for parameter in operation.parameters:
        if parameter.required or everything:
            try:
                value = _argument(maker, parameter, source)
            except UnmakeableError:
                if parameter.required:
                    raise
                continue
            made.arguments[parameter.location, parameter.name] = value
    if content is not None:
        made.content = content
        made.document = _document(maker, content, source)
    return made


def _argument(maker: ValueMaker, parameter: SpecParameter, source: Source) -> Any:
    if source == "examples":
        for example in examples_beside(maker.graph, parameter.pointer):
            return example
        for example in examples_of(maker.graph, parameter.schema) if parameter.schema is not None else ():
            return example
    value = "text" if parameter.schema is None else maker.make(parameter.schema)
    if parameter.location == "path" and isinstance(value, str) and ("/" in value or value in ("", ".", "..")):
        raise UnmakeableError(f"{parameter.pointer}: its value can't stand in a path")
    return value


def _document(maker: ValueMaker, content: SpecContent, source: Source) -> Any:
    if source == "examples":
        for example in examples_beside(maker.graph, content.pointer):
            return example
        for example in examples_of(maker.graph, content.schema) if content.schema is not None else ():
            return example
    if isinstance(content.reading, SpecBytes):
        return "x" * max(1, content.reading.bounds.least)
    if content.schema is None:
        return {"text": "text"} if isinstance(content.reading, SpecForm | SpecParts) else "text"
    made = maker.make(content.schema)
    if made == {} and isinstance(content.reading, SpecForm | SpecParts):
        # A form without fields is no body at all.
        filled = ValueMaker(maker.graph, everything=True, attempt=maker.attempt).make(content.schema)
        return dict(list(filled.items())[:1])
    return made


def write(made: Draft) -> Written:
    """The request of a draft."""
    query: list[str] = []
    cookies: list[str] = []
    fields: list[tuple[str, str]] = []
    in_path: dict[str, str] = {}
    for parameter in made.operation.parameters:
        if (parameter.location, parameter.name) not in made.arguments:
            continue
        value = made.arguments[parameter.location, parameter.name]
        match parameter.location:
            case "path":
                in_path[parameter.name] = _in_one_text(parameter, value, _encoded).removeprefix(";")
            case "query":
                query += [f"{_encoded(name)}={text}" for name, text in _pairs(parameter, value, _encoded)]
            case "header":
                fields.append((parameter.name, _in_one_text(parameter, value, str)))
            case "cookie":
                cookies += [f"{name}={text}" for name, text in _pairs(parameter, value, _encoded)]
    if cookies:
        fields.append(("cookie", "; ".join(cookies)))
    path = _VARIABLE.sub(lambda match: in_path[match[1]], made.operation.route)
    target = path + ("?" + "&".join(query) if query else "")
    body = None
    if made.content is not None and made.document is not NOTHING:
        content_type, body = _body(made.content, made.document)
        fields.append(("content-type", content_type))
    return Written(made.operation.method, target, fields, body)


def _encoded(text: str) -> str:
    return quote(text, safe=_UNRESERVED)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _flat(value: dict[str, Any]) -> list[str]:
    return [each for name, field in value.items() for each in (name, _text(field))]


def _in_one_text(parameter: SpecParameter, value: Any, encode: Any) -> str:
    """``value`` in the styles that have all of it in one text."""
    if parameter.media_type:
        return str(encode(_json_or_text(parameter, value)))
    style, name, explode = parameter.style, parameter.name, parameter.explode
    before = {"label": ".", "matrix": f";{name}="}.get(style, "")
    between = {"label": "." if explode else ",", "matrix": f";{name}=" if explode else ","}.get(style, ",")
    if isinstance(value, dict):
        if explode and style != "delimited":
            pairs = [f"{encode(key)}={encode(_text(each))}" for key, each in value.items()]
            return (";" if style == "matrix" else before) + (";" if style == "matrix" else between).join(pairs)
        parts = _flat(value)
    else:
        parts = [_text(each) for each in value] if isinstance(value, list) else [_text(value)]
    if style == "delimited":
        return str(encode(_delimited(value, parameter.separators) if isinstance(value, list) else "".join(parts)))
    return before + between.join(encode(part) for part in parts)


def _delimited(value: Any, separators: tuple[str, ...]) -> str:
    if not isinstance(value, list) or not separators:
        return _text(value)
    return separators[0].join(_delimited(each, separators[1:]) for each in value)


def _json_or_text(parameter: SpecParameter, value: Any) -> str:
    return orjson.dumps(value).decode() if parameter.holds_json else _text(value)


def _pairs(parameter: SpecParameter, value: Any, encode: Any) -> Iterator[tuple[str, str]]:
    """``value`` as the names and texts of a query or form."""
    name = parameter.name
    if parameter.media_type:
        yield name, encode(_json_or_text(parameter, value))
    elif parameter.style == "deepObject":
        yield from ((name + brackets, encode(text)) for brackets, text in _in_brackets(value))
    elif not parameter.explode or not isinstance(value, dict | list):
        yield name, _in_one_text(parameter, value, encode)
    elif isinstance(value, list):
        yield from ((name, encode(_text(each))) for each in value)
    else:
        for field, each in value.items():
            yield from ((field, encode(_text(one))) for one in (each if isinstance(each, list) else [each]))


def _in_brackets(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from ((f"[{key}]{below}", text) for below, text in _in_brackets(each))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from ((f"[{number}]{below}", text) for below, text in _in_brackets(each))
    else:
        yield "", _text(value)


def _body(content: SpecContent, document: Any) -> tuple[str, bytes]:
    """The Content-Type and the bytes of a body that holds ``document``."""
    media_type = str(content.media_range)
    match content.reading:
        case SpecForm(fields):
            return media_type, _form(fields, document).encode()
        case SpecParts(parts):
            return f"{media_type}; boundary={BOUNDARY}", _multipart(parts, document)
        case SpecText() | SpecBytes():
            concrete = media_type.replace("/*", "/plain" if media_type.startswith("text/") else "/png")
            return concrete, _text(document).encode()
    return ("application/json" if content.media_range.is_range else media_type), orjson.dumps(document)


def _form(fields: tuple[SpecParameter, ...], document: Any) -> str:
    by_name = {field.name: field for field in fields}
    pairs: list[tuple[str, str]] = []
    for name, value in document.items():
        field = by_name.get(name)
        if field is None or name == FURTHER:
            pairs.append((name, quote_plus(_text(value))))
        else:
            pairs += _pairs(field, value, quote_plus)
    return "&".join(f"{quote_plus(name)}={text}" for name, text in pairs)


def _multipart(parts: tuple[SpecPart, ...], document: Any) -> bytes:
    by_name = {part.name: part for part in parts}
    further = by_name.get(FURTHER, SpecPart(FURTHER, "text"))
    lines: list[bytes] = []
    for name, value in document.items():
        part = by_name.get(name, further)
        for below, one in _of_part(part, value):
            disposition = f'form-data; name="{name}{below}"' + ('; filename="a.bin"' if part.form == "bytes" else "")
            lines += [f"--{BOUNDARY}".encode(), f"Content-Disposition: {disposition}".encode()]
            content_type = str(part.types[0]).replace("*", "x") if part.types else ""
            if part.form == "json" and not content_type:
                content_type = "application/json"
            lines += [f"Content-Type: {content_type}".encode()] if content_type else []
            lines += [b"", orjson.dumps(one) if part.form == "json" else _text(one).encode()]
    return b"\r\n".join([*lines, f"--{BOUNDARY}--".encode(), b""])


def _of_part(part: SpecPart, value: Any) -> Iterator[tuple[str, Any]]:
    """The values of the parts that hold ``value``, each with what stands behind the name."""
    if part.is_deep:
        yield from _in_brackets(value)
    elif part.separator and isinstance(value, list):
        yield "", part.separator.join(map(_text, value))
    elif part.is_list and isinstance(value, list):
        yield from (("", each) for each in value)
    else:
        yield "", value
