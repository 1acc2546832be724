"""Is this an OpenAPI document? Its shape by the official schemas, and every reference in it.

The schemas are the OpenAPI Initiative's, as ``openapi-spec-validator`` ships them. Its own checks on top of them
are not used: they say no place, resolve references over the network, fail on some documents with an exception, and
take seconds where these take milliseconds. What they check is checked here and in
:mod:`portcullis.engine.openapi.operations`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any, Final

import jsonschema_rs

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.violations import Explainer, Schema, TooComplexError, Violation
from portcullis.engine.openapi.wording import sentence, suggestion

_VERSION: Final = re.compile(r"3\.([01])\.[0-9]{1,3}(?:-[0-9A-Za-z.\-]{1,40})?")
_DIALECTS: Final = (
    "https://spec.openapis.org/oas/3.1/dialect/base",
    "https://json-schema.org/draft/2020-12/schema",
)
_LOOKS: Final = 100_000

# Below these keys stand names that the author chose; everywhere else keys are keywords.
_NAMED: Final = frozenset(
    (
        *("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "schemas", "responses"),
        *("parameters", "headers", "requestBodies", "callbacks", "links", "securitySchemes", "pathItems", "content"),
        *("paths", "webhooks", "encoding", "variables"),
    )
)
# What stands below these is data, however much it may look like a reference.
_DATA: Final = frozenset(("example", "examples", "default", "enum", "const", "mapping", "scopes", "security"))


def version_of(root: Any) -> tuple[str, str | None]:
    """The version that a document says, and ``None`` or why it can't be used."""
    if not isinstance(root, dict):
        return "", "not an OpenAPI document: a mapping with the key openapi is expected"
    if "swagger" in root:
        return str(root["swagger"])[:20], f"Swagger {str(root['swagger'])[:20]} is not supported"
    version = root.get("openapi")
    if version is None:
        return "", "not an OpenAPI document: the key openapi is missing"
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        return str(version)[:20], f"OpenAPI {str(version)[:20]} is not supported"
    return version, None


def check_structure(root: dict[str, Any], version: str, problems: Problems) -> None:
    """Note what is wrong with the shape of a document of a supported ``version``, and with its references."""
    schema_roots = list(_check_references(root, problems))
    if version.startswith("3.0"):
        _check_against(_metaschema_30(), root, "", problems)
        return
    _check_against(_metaschema_31(), root, "", problems)
    dialect = root.get("jsonSchemaDialect", _DIALECTS[0])
    if dialect not in _DIALECTS:
        problems.error("/jsonSchemaDialect", f"the dialect {str(dialect)[:80]} is not supported", f"{_DIALECTS[1]} is")
    for pointer, schema in schema_roots:
        if not _schema_2020().is_valid(schema):
            for error in _schema_2020().iter_errors(schema):
                place = pointers.join(pointer, *error.instance_path)
                problems.error(place, f"not a JSON Schema: {_said(error)}")


def _said(error: jsonschema_rs.ValidationError) -> str:
    found = Violation(tuple(error.instance_path), error.kind.name, {error.kind.name: error.kind.value}, "", None)
    return sentence(found)


def _check_references(root: dict[str, Any], problems: Problems) -> Iterator[tuple[str, Any]]:
    """Note references that lead nowhere or out of the document; yields the schemas on the way, with their pointers."""
    pending: list[tuple[str, Any, bool]] = [("", root, False)]
    while pending:
        pointer, value, named = pending.pop()
        if isinstance(value, list):
            pending.extend((f"{pointer}/{index}", item, False) for index, item in enumerate(value))
        elif isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str) and not named:
                _check_reference(root, pointer, reference, problems)
            for key, item in value.items():
                if not named and (key in _DATA or key.startswith("x-")):
                    continue
                below = pointers.join(pointer, key)
                if (key == "schema" and not named) or pointer == "/components/schemas":
                    yield below, item
                pending.append((below, item, key in _NAMED and not named and isinstance(item, dict)))


def _check_reference(root: dict[str, Any], pointer: str, reference: str, problems: Problems) -> None:
    seen: list[str] = []
    while True:
        try:
            target = pointers.of_reference(reference)
            value = pointers.look_up(root, target)
        except ValueError as error:
            problems.error(f"{pointer}/$ref", f"{reference[:100]}: {error}")
            return
        except LookupError:
            problems.error(f"{pointer}/$ref", f"{reference[:100]} leads nowhere")
            return
        # A chain of references that closes on itself never says anything; cycles through schemas are fine.
        if not isinstance(value, dict) or not isinstance(value.get("$ref"), str) or len(value) > 1:
            return
        if target in seen:
            problems.error(f"{pointer}/$ref", f"{reference[:100]} leads back to itself")
            return
        seen.append(target)
        reference = value["$ref"]


class _Metaschema:
    """A schema of documents: quick to say yes, and able to explain a no."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema
        self.is_valid: Callable[[Any], bool] = jsonschema_rs.Draft202012Validator(
            schema, offline=True, pattern_options=jsonschema_rs.RegexOptions()
        ).is_valid

    def resolve(self, reference: str) -> Schema:
        found: Schema = pointers.look_up(self.schema, pointers.of_reference(reference))
        return found


def _check_against(metaschema: _Metaschema, value: Any, pointer: str, problems: Problems) -> None:
    if metaschema.is_valid(value):
        return
    explainer = Explainer(metaschema.resolve, budget=_LOOKS, limit=100)
    try:
        found = explainer.violations(metaschema.schema, value)
    except TooComplexError:
        found = ()
    for violation in found:
        path = violation.path
        if violation.keyword.endswith("Properties") and violation.names:
            path = (*path, violation.names[0])
        problems.error(
            pointers.join(pointer, *path), f"{_subject(violation)}{sentence(violation)}", suggestion(violation)
        )
    if not found:
        problems.error(pointer, "not a valid OpenAPI document")


def _subject(violation: Violation) -> str:
    name = violation.path[-1] if violation.path else ""
    return f"{name} " if isinstance(name, str) and 0 < len(name) <= 60 else "this "


@cache
def _metaschema_30() -> _Metaschema:
    schema = _by_reference(_without(_official("schema_v30"), "id", "$schema", "format"))
    # The one keyword that draft 4 writes differently.
    positive = schema["definitions"]["Schema"]["properties"]["multipleOf"]
    positive["exclusiveMinimum"] = positive.pop("minimum")
    return _Metaschema(schema)


def _by_reference(value: Any) -> Any:
    """Turn "one of this or a reference" into "a reference if it says ``$ref``": so it is clear which one was meant."""
    if isinstance(value, list):
        return [_by_reference(item) for item in value]
    if not isinstance(value, dict):
        return value
    match value.get("oneOf"):
        case [meant, {"$ref": "#/definitions/Reference"} as reference]:
            return {"if": {"type": "object", "required": ["$ref"]}, "then": reference, "else": meant}
    return {key: _by_reference(item) for key, item in value.items()}


@cache
def _metaschema_31() -> _Metaschema:
    # Schema objects are checked on their own, by their own schema.
    return _Metaschema(_without(_official("schema_v31"), "$id", "$schema", "format", "$dynamicRef", "$dynamicAnchor"))


@cache
def _schema_2020() -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator(
        {"$ref": _DIALECTS[1]}, offline=True, pattern_options=jsonschema_rs.RegexOptions()
    )


def _official(name: str) -> dict[str, Any]:
    # Imported only where documents are read: the package brings 9 MiB of others with it.
    return dict(getattr(import_module("openapi_spec_validator.schemas"), name))


def _without(value: Any, *keywords: str, named: bool = False) -> Any:
    """A copy of a schema without some ``keywords``."""
    if isinstance(value, list):
        return [_without(item, *keywords) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _without(item, *keywords, named=not named and (key in _NAMED or key in ("definitions", "$defs")))
        for key, item in value.items()
        if named or key not in keywords
    }
