"""What an AsyncAPI document is made of, as far as it says something about payloads of messages."""

from __future__ import annotations

import re
from typing import Any, Final

from portcullis.engine.openapi.anatomy import Anatomy, Kind, Part

SUPPORTED: Final = "AsyncAPI 2.0 to 2.6 and 3.0 are supported"
_VERSION: Final = re.compile(r"(?:2\.[0-6]|3\.0)\.[0-9]{1,3}")


def _of(form: Any, kind: Kind, *keys: str) -> dict[str, Part]:
    return dict.fromkeys(keys, Part(form, kind))


# Schemas are JSON Schema draft-07 and a few annotations, in all versions.
_SCHEMA: Final = {
    **_of("one", "schema", "items", "additionalItems", "contains", "additionalProperties", "propertyNames"),
    **_of("one", "schema", "if", "then", "else", "not"),
    **_of("list", "schema", "allOf", "anyOf", "oneOf"),
    **_of("map", "schema", "properties", "patternProperties", "definitions", "dependencies"),
}
_BELOW_2: Final[dict[Kind, dict[str, Part]]] = {
    "document": _of("map", "channel", "channels"),
    "channel": _of("one", "operation", "publish", "subscribe"),
    "operation": _of("one", "message", "message"),
    "message": {**_of("one", "schema", "payload"), **_of("list", "message", "oneOf")},
    "schema": _SCHEMA,
}
_BELOW_3: Final[dict[Kind, dict[str, Part]]] = {
    "document": {**_of("map", "channel", "channels"), **_of("map", "operation", "operations")},
    "channel": _of("map", "message", "messages"),
    "operation": {**_of("one", "channel", "channel"), **_of("list", "message", "messages")},
    "message": _of("one", "payload", "payload"),
    # Either a schema, or one beside the name of its format: no keyword of a schema is called "schema".
    "payload": {**_SCHEMA, **_of("one", "schema", "schema")},
    "schema": _SCHEMA,
}


def _anatomy(below: dict[Kind, dict[str, Part]]) -> Anatomy:
    return Anatomy(below, {}, {}, frozenset())


ANATOMIES: Final = {"2": _anatomy(_BELOW_2), "3": _anatomy(_BELOW_3)}
"""By the first digit of the version."""


def version_of(root: Any) -> tuple[str, str]:
    """The first digit of the version that a document says, and why it can't be used, if it can't."""
    said = root.get("asyncapi") if isinstance(root, dict) else None
    if said is None:
        return "", "not an AsyncAPI document: a mapping with the key asyncapi is expected"
    if not isinstance(said, str) or not _VERSION.fullmatch(said):
        return "", f"AsyncAPI {str(said)[:20]} is not supported"
    return said[0], ""
