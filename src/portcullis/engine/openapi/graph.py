"""The schemas of a document by JSON pointer, each read as JSON Schema 2020-12 on its own level.

OpenAPI 3.1 schemas are JSON Schema 2020-12. Those of 3.0 are an older dialect, which is turned into it here:
``nullable``, ``exclusiveMinimum: true``, and ``$ref``, beside which nothing counts.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import jsonschema_rs

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.problems import Problems

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
_KNOWN_31: Final = ASSERTIONS | IN_PLACE | _BELOW
_KNOWN_30: Final = frozenset(
    (
        *("type", "enum", "multipleOf", "maximum", "minimum", "maxLength", "minLength", "pattern", "maxItems"),
        *("minItems", "uniqueItems", "maxProperties", "minProperties", "required", "not", *IN_PLACE_LISTS),
        *("properties", "additionalProperties", "items"),
    )
)
_ANY_SCHEMA: Final = {"type": ["object", "boolean"]}
_NAMED_SCHEMAS: Final = {"type": "object", "additionalProperties": _ANY_SCHEMA}
_LISTED_SCHEMAS: Final = {"type": "array", "items": _ANY_SCHEMA}
_NAMES: Final = {"type": "array", "items": {"type": "string"}}
_is_schema: Final = jsonschema_rs.Draft202012Validator(
    {
        **_ANY_SCHEMA,
        "properties": {
            "$ref": {"type": "string"},
            "type": {"anyOf": [{"type": "string"}, _NAMES]},
            "enum": {"type": "array"},
            "pattern": {"type": "string"},
            "required": _NAMES,
            **dict.fromkeys(("properties", "patternProperties", "dependentSchemas"), _NAMED_SCHEMAS),
            **dict.fromkeys((*IN_PLACE_LISTS, "prefixItems"), _LISTED_SCHEMAS),
            **dict.fromkeys(("items", "not", "if", "then", "else", "contains", "propertyNames"), _ANY_SCHEMA),
            **dict.fromkeys(("additionalProperties", "unevaluatedProperties", "unevaluatedItems"), _ANY_SCHEMA),
        },
    },
    offline=True,
).is_valid
_REBASING: Final = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef")


class SchemaGraph:
    """The schemas of ``root``, a document whose shape and references are in order."""

    def __init__(self, root: dict[str, Any], version: str, problems: Problems) -> None:
        self.root = root
        self.problems = problems
        self._is_30 = version.startswith("3.0")
        self._views: dict[str, View] = {}
        self._heirs: dict[str, list[str]] | None = None

    def view(self, pointer: str) -> View:
        """The schema at ``pointer``."""
        view = self._views.get(pointer)
        if view is None:
            raw = pointers.look_up(self.root, pointer)
            view = self._views[pointer] = self._read(raw, pointer)
        return view

    def target(self, pointer: str) -> str:
        """The pointer of the schema that the one at ``pointer`` refers to."""
        return pointers.of_reference(self.view(pointer)["$ref"])

    def raw(self, pointer: str, keyword: str) -> Any:
        """What the document says under ``keyword`` of the schema at ``pointer``, also if that is no assertion."""
        raw = pointers.look_up(self.root, pointer)
        return raw.get(keyword) if isinstance(raw, dict) else None

    def subtypes(self, pointer: str) -> list[str]:
        """The components that say ``allOf`` the schema at ``pointer``, directly or by way of others, and more."""
        if self._heirs is None:
            self._heirs = self._find_heirs()
        found: dict[str, None] = {}
        pending = [pointer]
        while pending:
            for heir in self._heirs.get(pending.pop(), ()):
                if heir not in found and heir != pointer:
                    found[heir] = None
                    pending.append(heir)
        return list(found)

    def _find_heirs(self) -> dict[str, list[str]]:
        heirs: dict[str, list[str]] = {}
        for name, schema in self.root.get("components", {}).get("schemas", {}).items():
            for part in schema.get("allOf", ()) if isinstance(schema, dict) else ():
                if isinstance(part, dict) and "$ref" in part:
                    base = pointers.of_reference(part["$ref"])
                    heirs.setdefault(base, []).append(pointers.join("/components/schemas", name))
        return heirs

    def _read(self, raw: Any, pointer: str) -> View:
        # The schemas of a document have been checked where a document has schemas, but a reference may lead elsewhere.
        if not _is_schema(raw):
            self.problems.error(pointer, "this is not a schema")
            return {}
        if not isinstance(raw, dict):
            return {NEVER: True} if raw is False else {}
        if "$ref" in raw and not self._leads_somewhere(raw["$ref"]):
            self.problems.error(pointers.join(pointer, "$ref"), f"{raw['$ref'][:100]} leads nowhere")
            return {}
        if self._is_30:
            view = self._read_30(raw)
        else:
            view = {keyword: value for keyword, value in raw.items() if keyword in _KNOWN_31}
            for keyword in _REBASING:
                if keyword in raw:
                    self.problems.error(
                        pointers.join(pointer, keyword), f"{keyword} is not supported in schemas", "use $ref: #/..."
                    )
        for pattern in (view.get("pattern"), *view.get("patternProperties", ())):
            if isinstance(pattern, str) and not _is_linear(pattern):
                self.problems.error(
                    pointers.join(pointer, "pattern" if pattern == view.get("pattern") else "patternProperties"),
                    f"the pattern {pattern[:80]} can't be matched in linear time",
                    "patterns are ECMA-262 regular expressions without lookaround and backreferences",
                )
        return view

    def _leads_somewhere(self, reference: str) -> bool:
        try:
            pointers.look_up(self.root, pointers.of_reference(reference))
        except (ValueError, LookupError):
            return False
        return True

    def _read_30(self, raw: dict[str, Any]) -> View:
        if "$ref" in raw:
            return {"$ref": raw["$ref"]}
        view = {keyword: value for keyword, value in raw.items() if keyword in _KNOWN_30}
        for keyword in ("Minimum", "Maximum"):
            if raw.get(f"exclusive{keyword}") is True and keyword.lower() in view:
                view[f"exclusive{keyword}"] = view.pop(keyword.lower())
        if raw.get("nullable") is True:
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


@lru_cache(maxsize=4096)
def _is_linear(pattern: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator(
            {"pattern": pattern}, offline=True, pattern_options=jsonschema_rs.RegexOptions()
        )
    except (jsonschema_rs.ValidationError, ValueError):
        return False
    return True
