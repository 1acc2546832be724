"""Violations in words: for the person who wrote the request, and for the one who wrote the document."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, Final

from portcullis.engine.openapi.formats import FORMATS, is_broken_by
from portcullis.engine.openapi.violations import HIDDEN, Schema, Violation

_MAX_OPTIONS: Final = 8
_MAX_TEXT: Final = 60
_MAX_VALUE: Final = 40
_SENSITIVE: Final = re.compile(
    "pass|pwd|secret|token|key|auth|cred|session|jwt|sig|pin$|otp|cvv|cvc|card|iban|ssn|account|^cookie$", re.IGNORECASE
)

HIDDEN_FIELDS: Final = {"readOnly": "read-only", "writeOnly": "write-only"}
"""Keywords that are broken by fields which are for the other direction, and what such a field is called."""
UNDECLARED: Final = frozenset({"additionalProperties", "unevaluatedProperties", "false", *HIDDEN_FIELDS})
"""Keywords that are broken by what is not declared, or not for this direction."""

_BOUNDS: Final = {
    "minimum": "minimum {}",
    "maximum": "maximum {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} fields",
    "maxProperties": "at most {} fields",
    "pattern": "matching {}",
}


def type_name(value: object) -> str:
    """The JSON type of ``value``."""
    if value is None:
        return "null"
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "value")


def listing(options: Iterable[object], joined_by: str = "or") -> str:
    """``"a", "b" or "c"``, shortened where it gets long."""
    texts = [_literal(option) for option in options]
    if len(texts) > _MAX_OPTIONS:
        texts = [*texts[:_MAX_OPTIONS], f"{len(texts) - _MAX_OPTIONS} more"]
    return f" {joined_by} ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def allowed(schema: Schema) -> str:
    """What ``schema`` asks of a value on its own level: ``integer, minimum 1``, ``one of "a" or "b"``."""
    if isinstance(schema, bool):
        return "nothing"
    parts: list[str] = []
    types = schema.get("type")
    known = FORMATS.get(schema.get("format", ""))
    if types and not (known is not None and types in ("integer", "number") and known.for_numbers is not None):
        parts.append(" or ".join([types] if isinstance(types, str) else types))
    if "const" in schema:
        parts.append(_literal(schema["const"]))
    if "enum" in schema:
        parts.append("one of " + listing(schema["enum"]))
    if known is not None:
        parts.append(known.meaning)
    parts += [
        text.format(_bound(schema[keyword]))
        for keyword, text in _BOUNDS.items()
        if keyword in schema and not is_broken_by(schema.get("format", ""), keyword, schema[keyword])
    ]
    if schema.get("uniqueItems"):
        parts.append("no item twice")
    if not parts and "properties" in schema:
        parts.append("object")
    return ", ".join(parts)


def sentence(violation: Violation) -> str:
    """What is wrong, as the end of a sentence that begins with the place: ``must be integer, minimum 1``.

    Tells what the document allows and which keys were sent, never the values that were sent; but for those that
    select an alternative: the document has them too.
    """
    if violation.selected is None:
        return _sentence(violation)
    name, value = violation.selected
    return f"{_sentence(violation)} (for {shorten(name)} {_literal(value)})"


def declared(schema: Schema) -> str:
    """The fields that ``schema`` itself declares, for this direction, as a list."""
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return listing(name for name, part in properties.items() if not (isinstance(part, dict) and HIDDEN in part))


def _sentence(violation: Violation) -> str:
    names = listing(violation.names, "and")
    match violation.keyword:
        case "required":
            return f"lacks {names}"
        case "additionalProperties" | "unevaluatedProperties":
            return f"has {names}, which is not declared" if len(violation.names) == 1 else f"has undeclared {names}"
        case "readOnly" | "writeOnly":
            kind = HIDDEN_FIELDS[violation.keyword]
            return f"has {names}, which is a {kind} field" if len(violation.names) == 1 else f"has {kind} {names}"
        case "false":
            return "is not declared"
        case "anyOf" | "oneOf" if violation.names:
            return "fits more than one of the alternatives"
        case "anyOf" | "oneOf":
            needed = _needed_by_each(violation)
            return f"lacks {listing(needed)}" if needed else "fits none of the alternatives"
        case "not" | "contains" | "dependentRequired" | "":
            return "does not fit its schema"
        case _:
            return f"must be {allowed(violation.schema)}"


def found(value: object, path: Iterable[str | int]) -> str:
    """``value``, which stood at ``path``, for the record: what it is, and itself if it is short and no secret.

    Fields whose name sounds like a secret (or have one around them that does) are never shown, and nor are cookies:
    ``path`` begins with where in the message the value stood.
    """
    kind = type_name(value)
    if isinstance(value, dict | list):
        return f"{kind} of {len(value)}"
    if any(isinstance(token, str) and _SENSITIVE.search(token) for token in path):
        return kind
    if isinstance(value, str):
        return f'{kind} "{shorten(value)}"' if len(value) <= _MAX_VALUE else f"{kind} of {len(value)} characters"
    return kind if value is None else f"{kind} {_literal(value)}"


def suggestion(violation: Violation) -> str:
    """For an undeclared key: the declared one that was probably meant, as a hint; or ``""``."""
    if (
        violation.keyword in ("required", *HIDDEN_FIELDS)
        or not violation.names
        or not isinstance(violation.schema, dict)
    ):
        return ""
    known: dict[str, Any] = violation.schema.get("properties", {})
    close = difflib.get_close_matches(violation.names[0], known, n=1)
    return f"did you mean {_literal(close[0])}?" if close else ""


def _needed_by_each(violation: Violation) -> list[str]:
    """The keys that alternatives ask for, if asking for a key is all that each of them does."""
    branches = violation.schema[violation.keyword] if isinstance(violation.schema, dict) else []
    needed = [branch["required"] for branch in branches if isinstance(branch, dict) and set(branch) == {"required"}]
    return [names[0] for names in needed] if len(needed) == len(branches) else []


def _bound(value: object) -> str:
    return shorten(value) if isinstance(value, str) else _literal(value)


def _literal(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f'"{shorten(value)}"'
    return shorten(str(value)) if isinstance(value, int | float) else type_name(value)


def shorten(text: str) -> str:
    """``text`` as something to print on one line."""
    text = text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
