"""Why parameters can't be read, in words: a sentence for the author of the request, and a finding for the record."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from portcullis.engine.decision import Finding, shorten
from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.arguments.cookies import MAX_COOKIES
from portcullis.engine.openapi.arguments.errors import ArgumentError, Path
from portcullis.engine.openapi.arguments.query import MAX_QUERY_PARAMETERS
from portcullis.engine.openapi.arguments.splitting import MAX_ITEMS
from portcullis.engine.openapi.parameter_reading import SpecParameter
from portcullis.engine.openapi.parameters import MAX_DEPTH, Shape
from portcullis.engine.openapi.wording import found, listing

_MAX_POINTER = 200
_MAX_NAME = 60

_UNLIKE = "a cookie that holds none of those that are declared"
_NONE = {"query": "no query parameters", "cookie": "no cookies"}


def called(location: str, name: str) -> str:
    """A parameter as the beginning of a sentence."""
    return f"The {'cookie' if location == 'cookie' else f'{location} parameter'} {shorten(name, _MAX_NAME)}"


def place_of(parameter: SpecParameter) -> tuple[str, ...]:
    """Where the value of ``parameter`` is in a request: its fields, where these stand in the query themselves."""
    return (parameter.location,) if parameter.is_spread else (parameter.location, parameter.name)


def kinds(shape: Shape | None) -> str:
    """What a value may be: ``integer or list of string``."""
    if shape is None:
        return "nothing"
    parts = list(shape.scalars)
    if shape.items is not None:
        parts.append(f"list of {kinds(shape.items)}")
    if shape.properties is not None:
        parts.append("object")
    return " or ".join(parts) or "nothing"


def described(
    error: ArgumentError, parameters: Sequence[SpecParameter], operation: str, source: Callable[[str], str]
) -> tuple[str, Finding]:
    """The sentence and the finding for ``error``, of an operation with these ``parameters``.

    ``operation``: its JSON pointer; ``source``: what the record calls a JSON pointer of the document.
    """
    location, name, path = error.location, error.name, error.path
    parameter = next((each for each in parameters if (each.location, each.name) == (location, name)), None)
    if parameter is None:
        return _of_no_parameter(error, parameters, operation, source)
    what = called(location, name)
    if path:
        what = f"{_pointer(*path)} of {what[0].lower()}{what[1:]}"
    where = _pointer(*place_of(parameter), *path)
    stated = source(parameter.schema or parameter.pointer)
    shape = _at(parameter.shape, path)
    expected = "JSON" if parameter.holds_json else kinds(shape)
    match error.fault:
        case "missing":
            return f"{what} is required.", Finding(where, "", expected, source(parameter.pointer))
        case "undeclared":
            around = _at(parameter.shape, path[:-1])
            fields = listing(around.properties or ()) if around is not None else ""
            return f"{what} is not declared.", Finding(where, "", fields or "nothing", stated)
        case "repeated":
            return f"{what} is given more than once.", Finding(where, "", f"one {expected}", stated)
        case "separator":
            return f"{what} holds a semicolon, which must be sent as %3B.", Finding(where, ";", "%3B", stated)
        case "too many":
            return f"{what} has too many items.", Finding(where, "", f"at most {MAX_ITEMS} items", stated)
        case "too deep":
            return f"{what} is nested too deeply.", Finding(where, "", f"at most {MAX_DEPTH} levels", stated)
        case "alike":
            written = found(error.text, (location, name))
            return f"{what} may be read as another one.", Finding(where, written, _UNLIKE, stated)
    finding = Finding(where, found(error.text, (location, name, *path)), f"{expected}{_style(parameter)}", stated)
    return f"{what} must be {expected}.", finding


def _of_no_parameter(
    error: ArgumentError, parameters: Sequence[SpecParameter], operation: str, source: Callable[[str], str]
) -> tuple[str, Finding]:
    """The error of what is no parameter of the operation: a name, or all that is in a location."""
    location, name = error.location, error.name
    where = _pointer(location, name) if name else _pointer(location)
    if error.fault == "undeclared":
        declared = listing([each.name for each in parameters if each.location == location])
        finding = Finding(where, "", declared or _NONE.get(location, "nothing"), source(operation))
        return f"{called(location, name)} is not declared.", finding
    if location == "cookie":
        if error.fault == "too many":
            return "The cookies are too many.", Finding(where, "", f"at most {MAX_COOKIES}")
        if error.fault == "repeated":
            what = called(location, name) if name else "The header field Cookie"
            return f"{what} is given more than once.", Finding(where, "", "one")
        if error.fault == "alike":
            finding = Finding(where, found(error.text, (location, name)), _UNLIKE)
            return f"{called(location, name)} may be read as another one.", finding
        finding = Finding(where, found(error.text, (location, name)), "a cookie value (RFC 6265 4.1.1)")
        return f"{called(location, name)} is not written as a cookie.", finding
    if error.fault == "too many":
        return "The query has too many parameters.", Finding(where, "", f"at most {MAX_QUERY_PARAMETERS} parameters")
    if error.fault == "separator":
        return f"{called(location, name)} holds a semicolon, which must be sent as %3B.", Finding(where, ";", "%3B")
    return f"The {location} is not percent-encoded UTF-8.", Finding(where, "", "percent-encoded UTF-8")


def _at(shape: Shape | None, path: Path) -> Shape | None:
    for token in path:
        if shape is None:
            return None
        shape = shape.item(token) if isinstance(token, int) else shape.field(token)
    return shape


def _style(parameter: SpecParameter) -> str:
    return f" in style {parameter.style}" if parameter.style in ("label", "matrix", "deepObject") else ""


def _pointer(*tokens: str | int) -> str:
    return shorten(pointers.join("", *tokens), _MAX_POINTER)
