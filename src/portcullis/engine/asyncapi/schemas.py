"""Payloads of messages: a schema that stands for itself, its validator, and the field that tells messages apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import jsonschema_rs

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.anatomy import REFERENCE, Anatomy
from portcullis.engine.openapi.compiling import compile_schema

_DROPPED: Final = frozenset(("$id", "$schema", "definitions"))
"""Names by which a schema could be referred to, and would change where its own references lead."""

Schema = dict[str, Any]


def standing_alone(root: Mapping[str, Any], pointer: str, anatomy: Anatomy) -> Schema | bool:
    """The schema at ``pointer`` of the tree ``root``, with all that it refers to in it.

    References of the tree lead somewhere, and only within it. It is said in the keywords of 2020-12, which has more
    formats; beside a reference nothing counts, as draft-07 has it. Raises ``ValueError`` and ``LookupError`` for
    references at places where none are followed.
    """
    numbers: dict[str, int] = {}
    pending: list[str] = []

    def copied(schema: Any) -> Any:
        if not isinstance(schema, dict):
            return schema
        reference = schema.get(REFERENCE)
        if isinstance(reference, str):
            target = pointers.of_reference(reference)
            if target not in numbers:
                numbers[target] = len(numbers)
                pending.append(target)
            return {REFERENCE: f"#/$defs/{numbers[target]}"}
        return _as_2020({key: below(key, value) for key, value in schema.items() if key not in _DROPPED})

    def below(key: str, value: Any) -> Any:
        part = anatomy.below["schema"].get(key)
        if part is None:
            return value
        if isinstance(value, list):  # also that of items, one for each place
            return [copied(each) for each in value]
        if part.form == "map" and isinstance(value, dict):
            return {name: copied(each) for name, each in value.items()}
        return copied(value)

    whole = copied(pointers.look_up(root, pointer))
    definitions: Schema = {}
    while pending:
        target = pending.pop()
        definitions[str(numbers[target])] = copied(pointers.look_up(root, target))
    if not definitions:
        return whole if isinstance(whole, bool) else dict(whole)
    return {"allOf": [whole], "$defs": definitions}


def validator_of(schema: Schema | bool) -> jsonschema_rs.Validator:
    """Its validator; raises ``ValueError`` if it is no valid schema."""
    return compile_schema(schema)


def telling_field(schemas: Sequence[Schema | bool]) -> tuple[str, dict[str, int]] | None:
    """The field whose value tells which of ``schemas`` a message is meant to fit, and the number of each by it.

    It is one that all of them require of an object and give one text or several, no two of them the same.
    """
    told = [_texts(_resolved(schema)) for schema in schemas]
    for name in told[0] if told else ():
        numbers: dict[str, int] = {}
        count = 0
        for number, texts in enumerate(told):
            values = texts.get(name, ())
            count += len(values) if values else 1
            numbers |= dict.fromkeys(values, number)
        if len(numbers) == count and all(name in texts for texts in told):
            return name, numbers
    return None


def _as_2020(schema: Schema) -> Schema:
    """``schema`` of draft-07 without what 2020-12 calls otherwise."""
    if isinstance(schema.get("items"), list):
        schema["prefixItems"] = schema.pop("items")
        if "additionalItems" in schema:
            schema["items"] = schema.pop("additionalItems")
    dependencies = schema.pop("dependencies", None)
    if isinstance(dependencies, dict):
        for name, needed in dependencies.items():
            keyword = "dependentRequired" if isinstance(needed, list) else "dependentSchemas"
            schema.setdefault(keyword, {})[name] = needed
    return schema


def _resolved(schema: Any) -> Any:
    """``schema`` or what it only refers to."""
    if isinstance(schema, dict) and schema.keys() == {"allOf", "$defs"}:
        definitions, schema = schema["$defs"], schema["allOf"][0]
        seen: set[str] = set()
        while isinstance(schema, dict) and REFERENCE in schema and schema[REFERENCE] not in seen:
            seen.add(schema[REFERENCE])
            schema = definitions[schema[REFERENCE].rpartition("/")[2]]
    return schema


def _texts(schema: Any) -> dict[str, frozenset[str]]:
    """For each field that must be there and has one of some texts: those."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return {}
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return {}
    found = {}
    for name, each in properties.items():
        if name in required and isinstance(each, dict):
            values = [each["const"]] if "const" in each else each.get("enum")
            if isinstance(values, list) and values and all(isinstance(value, str) for value in values):
                found[name] = frozenset(values)
    return found
