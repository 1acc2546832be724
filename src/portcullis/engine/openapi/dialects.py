"""What a schema says in each version of OpenAPI, in the keywords of JSON Schema 2020-12.

Schemas of OpenAPI 3.1 are JSON Schema 2020-12. Those of 3.0 and of Swagger 2.0 are older dialects, which are turned
into it here: ``nullable``, ``exclusiveMinimum: true``, ``type: file``, and ``$ref``, beside which nothing counts. In
Swagger 2.0 a parameter is its own schema, so that a schema may hold what only a parameter has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from portcullis.engine.openapi.compiling import compile_schema

View = dict[str, Any]
"""The keywords of one schema that say something about values. Subschemas stand in it as they are in the document."""

NEVER: Final = "x-never"
"""In a view: the schema ``false``, which nothing fits."""
NULLABLE: Final = "x-nullable"
"""In a view: ``null`` fits, whatever the other keywords say."""

ASSERTIONS: Final = frozenset(
    (
        *("type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"),
        *("maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "minContains", "maxContains"),
        *("maxProperties", "minProperties", "required", "dependentRequired"),
    )
)
IN_PLACE_LISTS: Final = ("allOf", "anyOf", "oneOf")
IN_PLACE: Final = frozenset(("$ref", "if", "then", "else", "not", "dependentSchemas", *IN_PLACE_LISTS))
"""Keywords with schemas for the same value."""
_BELOW: Final = frozenset(
    (
        *("properties", "patternProperties", "additionalProperties", "propertyNames", "unevaluatedProperties"),
        *("items", "prefixItems", "contains", "unevaluatedItems"),
    )
)
_KNOWN_31: Final = frozenset((*ASSERTIONS, *IN_PLACE, *_BELOW, "format"))
_KNOWN_30: Final = frozenset(
    (
        *("type", "enum", "multipleOf", "maximum", "minimum", "maxLength", "minLength", "pattern", "maxItems"),
        *("minItems", "uniqueItems", "maxProperties", "minProperties", "required", "not", *IN_PLACE_LISTS),
        *("properties", "additionalProperties", "items", "format"),
    )
)
_ANY_SCHEMA: Final = {"type": ["object", "boolean"]}
_NAMED_SCHEMAS: Final = {"type": "object", "additionalProperties": _ANY_SCHEMA}
_LISTED_SCHEMAS: Final = {"type": "array", "items": _ANY_SCHEMA}
_NAMES: Final = {"type": "array", "items": {"type": "string"}}
has_schema_shape: Final[Callable[[Any], bool]] = compile_schema(
    {
        **_ANY_SCHEMA,
        "properties": {
            "$ref": {"type": "string"},
            "type": {"anyOf": [{"type": "string"}, _NAMES]},
            "enum": {"type": "array"},
            "pattern": {"type": "string"},
            "required": _NAMES,
            "minimum": {"type": "number"},
            "maximum": {"type": "number"},
            "minLength": {"type": "integer"},
            "maxLength": {"type": "integer"},
            **dict.fromkeys(("properties", "patternProperties", "dependentSchemas"), _NAMED_SCHEMAS),
            **dict.fromkeys((*IN_PLACE_LISTS, "prefixItems"), _LISTED_SCHEMAS),
            **dict.fromkeys(("items", "not", "if", "then", "else", "contains", "propertyNames"), _ANY_SCHEMA),
            **dict.fromkeys(("additionalProperties", "unevaluatedProperties", "unevaluatedItems"), _ANY_SCHEMA),
        },
    }
).is_valid
"""Whether a value can be walked as a schema. Only what is relied on here is looked at."""


def _read_31(raw: dict[str, Any]) -> View:
    view = {keyword: value for keyword, value in raw.items() if keyword in _KNOWN_31}
    if not isinstance(view.get("format", ""), str):
        del view["format"]
    return view


def _read_30(raw: dict[str, Any], nullable: str = "nullable") -> View:
    if "$ref" in raw:
        return {"$ref": raw["$ref"]}
    view = {keyword: value for keyword, value in raw.items() if keyword in _KNOWN_30}
    if not isinstance(view.get("format", ""), str):
        del view["format"]
    for keyword in ("Minimum", "Maximum"):
        if raw.get(f"exclusive{keyword}") is True and keyword.lower() in view:
            view[f"exclusive{keyword}"] = view.pop(keyword.lower())
    if raw.get(nullable) is True:
        # Strictly, nullable counts beside a type only, and null must be in an enum. Documents that say nullable
        # beside allOf, or beside an enum without null, mean it nevertheless.
        if view.keys() & IN_PLACE:
            view[NULLABLE] = True
        else:
            if "type" in view:
                view["type"] = [view["type"], "null"]
            if "enum" in view and None not in view["enum"]:
                view["enum"] = [*view["enum"], None]
    return view


def _read_20(raw: dict[str, Any]) -> View:
    view = _read_30(raw, "x-nullable")
    if view.get("type") in ("file", ["file", "null"]):
        del view["type"]  # bytes of any kind
    return view


def _as_schema_20(raw: Any) -> Any:
    """``raw`` without the ``required: true`` of a parameter."""
    if isinstance(raw, dict) and isinstance(raw.get("required"), bool):
        return {keyword: value for keyword, value in raw.items() if keyword != "required"}
    return raw


class Dialect:
    """How the schemas of one version are read.

    ``name``: ``"2.0"``, ``"3.0"`` or ``"3.1"``; ``siblings_count``: keywords beside ``$ref`` say something too.
    """

    def __init__(self, name: str, read: Callable[[dict[str, Any]], View]) -> None:
        self.name = name
        self.read = read
        self.siblings_count = name == "3.1"

    def prepare(self, raw: Any) -> Any:
        """``raw``, which stands where a schema is expected, without what is no part of it as a schema."""
        return _as_schema_20(raw) if self.name == "2.0" else raw


_DIALECTS: Final[Mapping[str, Dialect]] = {
    "2.0": Dialect("2.0", _read_20),
    "3.0": Dialect("3.0", _read_30),
    "3.1": Dialect("3.1", _read_31),
}


def dialect_of(version: str) -> Dialect:
    """The dialect of a document of ``version`` (``"2.0"``, ``"3.0.3"``)."""
    return _DIALECTS.get(version[:3], _DIALECTS["3.1"])
