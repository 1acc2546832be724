"""The official schemas of OpenAPI documents, made usable: quick, without a network, able to say what is wrong where.

They are the OpenAPI Initiative's, as ``openapi-spec-validator`` ships them. There are two forms of each. The *strict*
one is theirs. The *lenient* one asks only for what matters to the enforcement of a document: descriptions, examples,
tags and the like may be anything, and what the specification wants for the sake of form may be missing. A document
that only the lenient one takes can be enforced, and its author is warned.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from typing import Any, Final

import jsonschema_rs
import orjson

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.anatomy import Kind
from portcullis.engine.openapi.violations import Explainer, Schema, Violation

DIALECTS: Final = (
    "https://spec.openapis.org/oas/3.1/dialect/base",
    "https://json-schema.org/draft/2020-12/schema",
    "https://spec.openapis.org/oas/3.2/dialect/2025-09-17",
)
_LOOKS: Final = 200_000
LIMIT: Final = 1_000
"""How many violations are looked for at most."""

_DEFINITIONS_20: Final[dict[Kind, str]] = {
    "path item": "#/definitions/pathItem",
    "operation": "#/definitions/operation",
    "parameter": "#/definitions/parameter",
    "response": "#/definitions/response",
    "header": "#/definitions/header",
    "schema": "#/definitions/schema",
}
_DEFINITIONS_30: Final[dict[Kind, str]] = {
    "path item": "#/definitions/PathItem",
    "operation": "#/definitions/Operation",
    "parameter": "#/definitions/Parameter",
    "request body": "#/definitions/RequestBody",
    "media type": "#/definitions/MediaType",
    "response": "#/definitions/Response",
    "header": "#/definitions/Header",
    "callback": "#/definitions/Callback",
    "link": "#/definitions/Link",
    "security scheme": "#/definitions/SecurityScheme",
    "schema": "#/definitions/Schema",
}
_DEFINITIONS_31: Final[dict[Kind, str]] = {
    "path item": "#/$defs/path-item",
    "operation": "#/$defs/operation",
    "parameter": "#/$defs/parameter",
    "request body": "#/$defs/request-body",
    "media type": "#/$defs/media-type",
    "response": "#/$defs/response",
    "header": "#/$defs/header",
    "callback": "#/$defs/callbacks",
    "link": "#/$defs/link",
    "security scheme": "#/$defs/security-scheme",
}

# Below these keys stand names, everywhere else keys are keywords.
_NAMED: Final = frozenset(("properties", "patternProperties", "definitions", "$defs", "dependentSchemas"))
# What nobody needs who enforces a document.
_FREE: Final = frozenset(
    (
        *("info", "summary", "description", "title", "externalDocs", "example", "examples", "tags", "xml", "links"),
        *("callbacks", "webhooks", "deprecated", "operationId", "host", "schemes"),
        "swagger",  # which may be a number; the version was read before
    )
)
_NOT_REQUIRED: Final = (_FREE - {"webhooks"}) | {"version", "responses", "required"}
# Keywords of draft 4 that the schema of 2.0 borrows.
_DRAFT_4: Final[dict[str, Any]] = {
    "properties/title": {"type": "string"},
    "properties/description": {"type": "string"},
    "properties/default": {},
    "properties/multipleOf": {"type": "number", "exclusiveMinimum": 0},
    "properties/maximum": {"type": "number"},
    "properties/minimum": {"type": "number"},
    "properties/exclusiveMaximum": {"type": "boolean"},
    "properties/exclusiveMinimum": {"type": "boolean"},
    "properties/pattern": {"type": "string"},
    "properties/uniqueItems": {"type": "boolean"},
    "properties/enum": {"type": "array", "minItems": 1, "uniqueItems": True},
    "properties/type": {
        "anyOf": [
            {"$ref": "#/definitions/simpleType"},
            {"type": "array", "items": {"$ref": "#/definitions/simpleType"}, "minItems": 1, "uniqueItems": True},
        ]
    },
    "definitions/positiveInteger": {"type": "integer", "minimum": 0},
    "definitions/positiveIntegerDefault0": {"type": "integer", "minimum": 0},
    "definitions/stringArray": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
}
_SIMPLE_TYPE: Final = {"enum": ["array", "boolean", "integer", "null", "number", "object", "string"]}


class Metaschema:
    """A schema of documents. ``definitions``: which of its definitions describe which kind of object."""

    def __init__(self, schema: dict[str, Any], definitions: dict[Kind, str]) -> None:
        self.schema = schema
        self.definitions = definitions
        self.is_valid: Callable[[Any], bool] = _validator(schema).is_valid
        self._validators: dict[str, Callable[[Any], bool]] = {}

    def is_valid_as(self, kind: Kind, value: object) -> bool:
        """Whether ``value`` is an object of ``kind``; kinds that it does not describe may be anything."""
        return kind not in self.definitions or self._fits(self.definitions[kind], value)

    def violations(self, value: object, kind: Kind = "document") -> tuple[Violation, ...]:
        """What is wrong with ``value``, an object of ``kind``: at most ``LIMIT`` things.

        Raises :class:`TooComplexError` where that would take too long to find out.
        """
        explainer = Explainer(self._resolve, self._fits, budget=_LOOKS, limit=LIMIT)
        schema: Schema = self.schema if kind == "document" else {"$ref": self.definitions[kind]}
        return explainer.violations(schema, value)

    def _resolve(self, reference: str) -> Schema:
        found: Schema = pointers.look_up(self.schema, pointers.of_reference(reference))
        return found

    def _fits(self, reference: str, value: object) -> bool:
        if reference not in self._validators:
            held: dict[str, Any] = {key: self.schema[key] for key in ("definitions", "$defs") if key in self.schema}
            self._validators[reference] = _validator({**held, "$ref": reference}).is_valid
        return self._validators[reference](value)


@cache
def strict(version: str) -> Metaschema:
    """The official schema of documents of ``version`` (``"2.0"``, ``"3.0"``, ``"3.1"``, ``"3.2"``)."""
    if version == "2.0":
        schema = _by_location(_by_reference(_with_draft_4(_without(_official(version), *_FORMALITIES_4))))
        return Metaschema(schema, _DEFINITIONS_20)
    if version == "3.0":
        schema = _by_reference(_without(_official(version), *_FORMALITIES_4))
        # The one keyword that draft 4 writes differently.
        positive = schema["definitions"]["Schema"]["properties"]["multipleOf"]
        positive["exclusiveMinimum"] = positive.pop("minimum")
        return Metaschema(schema, _DEFINITIONS_30)
    # Schema objects are checked on their own, by their own schema.
    return Metaschema(_without(_official(version), *_FORMALITIES_2020), _DEFINITIONS_31)


@cache
def lenient(version: str) -> Metaschema:
    """The schema of documents of ``version`` that can be enforced."""
    exact = strict(version)
    schema = _relaxed(exact.schema)
    definitions = schema.get("definitions") or schema["$defs"]
    for name in ("ExampleXORExamples", "examples", "SecurityScheme", "security-scheme", "securityDefinitions"):
        if name in definitions:
            definitions[name] = {}
    # Any of them may be missing, even all.
    responses = definitions["Responses" if version == "3.0" else "responses"]
    for keyword in ("not", "if", "then"):
        responses.pop(keyword, None)
    return Metaschema(schema, exact.definitions)


@cache
def schema_2020() -> jsonschema_rs.Validator:
    """The schema of JSON Schemas."""
    return _validator({"$ref": DIALECTS[1]})


_FORMALITIES_4: Final = ("id", "$schema", "format")
_FORMALITIES_2020: Final = ("$id", "$schema", "format", "$dynamicRef", "$dynamicAnchor")


def _validator(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator(schema, offline=True, pattern_options=jsonschema_rs.RegexOptions())


def _official(version: str) -> dict[str, Any]:
    # Of the package only these files are wanted. To import it takes half a second and 20 MiB, for each worker again.
    spec = find_spec("openapi_spec_validator")
    if spec is None or not isinstance(spec.loader, SourceFileLoader) or not spec.submodule_search_locations:
        raise ModuleNotFoundError("openapi-spec-validator is not installed", name="openapi_spec_validator")
    path = f"{spec.submodule_search_locations[0]}/resources/schemas/v{version}/schema.json"
    schema: dict[str, Any] = orjson.loads(spec.loader.get_data(path))
    return schema


def _mapped(value: Any, change: Callable[[dict[str, Any]], Any]) -> Any:
    """A copy of the schema ``value`` in which ``change`` was made to each schema, after those below it."""
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    if not isinstance(value, dict):
        return value
    changed = {}
    for key, item in value.items():
        if key in _NAMED and isinstance(item, dict):
            changed[key] = {name: _mapped(below, change) for name, below in item.items()}
        elif key in ("enum", "const", "default", "required"):
            changed[key] = item
        else:
            changed[key] = _mapped(item, change)
    return change(changed)


def _without(schema: dict[str, Any], *keywords: str) -> dict[str, Any]:
    def change(schema: dict[str, Any]) -> dict[str, Any]:
        return {key: item for key, item in schema.items() if key not in keywords}

    changed: dict[str, Any] = _mapped(schema, change)
    return changed


def _with_draft_4(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of 2.0 with what it takes from the schema of draft 4 written out."""

    def change(schema: dict[str, Any]) -> dict[str, Any]:
        borrowed = schema.get("$ref", "").partition("http://json-schema.org/draft-04/schema#/")[2]
        return _DRAFT_4[borrowed] if borrowed else schema

    changed: dict[str, Any] = _mapped(schema, change)
    changed["definitions"]["simpleType"] = _SIMPLE_TYPE
    return changed


def _by_reference(schema: dict[str, Any]) -> dict[str, Any]:
    """Turn "one of this or a reference" into "a reference if it says ``$ref``": so it is clear which one was meant."""

    def change(schema: dict[str, Any]) -> dict[str, Any]:
        match schema.get("oneOf"):
            case [{"$ref": "#/definitions/Reference" | "#/definitions/jsonReference"} as reference, meant]:
                pass
            case [meant, {"$ref": "#/definitions/Reference" | "#/definitions/jsonReference"} as reference]:
                pass
            case [meant, {"$ref": "#/definitions/Reference"} as reference, {"type": "boolean"}]:
                meant = {"if": {"type": "boolean"}, "else": meant}
            case _:
                return schema
        return {"if": {"type": "object", "required": ["$ref"]}, "then": reference, "else": meant}

    changed: dict[str, Any] = _mapped(schema, change)
    return changed


def _by_location(schema: dict[str, Any]) -> dict[str, Any]:
    """Let ``in`` decide which of the schemas of parameters of 2.0 is meant."""
    definitions = schema["definitions"]
    kinds = {
        "body": "bodyParameter",
        "header": "headerParameterSubSchema",
        "formData": "formDataParameterSubSchema",
        "query": "queryParameterSubSchema",
        "path": "pathParameterSubSchema",
    }
    definitions["nonBodyParameter"].pop("oneOf")
    definitions["parameter"] = {
        "type": "object",
        "required": ["name", "in"],
        "properties": {"in": {"enum": list(kinds)}},
        "allOf": [
            {
                "if": {"properties": {"in": {"const": location}}, "required": ["in"]},
                "then": {"$ref": f"#/definitions/{name}"},
            }
            for location, name in kinds.items()
        ],
    }
    for location, name in kinds.items():
        if location != "body":
            definitions[name]["allOf"] = [{"$ref": "#/definitions/nonBodyParameter"}]
    return schema


def _relaxed(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of documents that asks only for what matters."""

    def change(schema: dict[str, Any]) -> dict[str, Any]:
        relaxed = {
            key: item
            for key, item in schema.items()
            if not (key in ("additionalProperties", "unevaluatedProperties") and item is False)
            and key not in ("propertyNames", "uniqueItems")
        }
        if "required" in relaxed and isinstance(relaxed["required"], list):
            relaxed["required"] = [name for name in relaxed["required"] if name not in _NOT_REQUIRED]
        if relaxed.get("minProperties") == 1 and "maxProperties" not in relaxed:
            del relaxed["minProperties"]
        properties = relaxed.get("properties", {})
        for name in properties:
            if name in _FREE:
                properties[name] = {}
            elif name == "required" and properties[name] in ({"enum": [True]}, {"const": True}):
                properties[name] = {"type": "boolean"}
            elif name == "required" and properties[name].get("type") == "array":
                properties[name] = {"type": "array", "items": {"type": "string"}}
        return relaxed

    changed: dict[str, Any] = _mapped(schema, change)
    return changed
