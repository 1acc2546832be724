"""Other documents made of one: changes of its tree instead of its bytes, so that most are still documents."""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import Any

import orjson

Place = tuple[Any, Any]
"""A collection and the key or index of one of its members."""

SAMPLES: dict[str, list[Any]] = {
    "$ref": [
        "#",
        "#/",
        "#/components/schemas/A",
        "#/definitions/A",
        "#/paths/~1a",
        "b.json",
        "b.json#/x",
        "x#y",
        "//h/x",
    ],
    "type": ["object", "array", "string", "integer", "number", "boolean", "null", ["string", "null"], [], "file"],
    "properties": [{}, {"a": {}}, {"a": {"$ref": "#/components/schemas/A"}, "b": {"type": "integer"}}],
    "patternProperties": [{"^a": {}}, {"(": {}}, {"(a+)+$": {"type": "string"}}],
    "additionalProperties": [True, False, {}, {"type": "string"}],
    "unevaluatedProperties": [False, {}],
    "items": [{}, True, {"$ref": "#/components/schemas/A"}],
    "prefixItems": [[], [{}, {"type": "string"}]],
    "allOf": [[], [{}], [{"$ref": "#/components/schemas/A"}, {"required": ["a"]}]],
    "oneOf": [[{}, {}], [{"$ref": "#/components/schemas/A"}, {"type": "null"}]],
    "anyOf": [[{}], [{"type": "string"}, {"type": "array"}]],
    "not": [{}, {"type": "string"}],
    "if": [{"required": ["a"]}],
    "enum": [[], [None], ["a", 1], [{"a": 1}]],
    "const": [None, 1.0, {}, "a"],
    "pattern": ["^a$", "(", "(a+)+$", "\\p{L}", "[^\\d]{1,99999}", "(?<=a)b", "\\1"],
    "format": ["date-time", "uuid", "int64", "binary", "regex", "nonsense"],
    "minimum": [0, -1e308, 1.5, 2**63],
    "maximum": [0, 1e308, 10**400],
    "exclusiveMinimum": [True, 0],
    "multipleOf": [0, 0.01, 1e-300, -1],
    "minLength": [0, 2**64, -1],
    "maxLength": [0, 10, 10**30],
    "minItems": [0, 3],
    "maxItems": [0, 10**9],
    "uniqueItems": [True],
    "required": [[], ["a"], ["a", "a"], True, [1]],
    "nullable": [True],
    "readOnly": [True],
    "writeOnly": [True],
    "deprecated": [True],
    "discriminator": [{"propertyName": "a"}, {"propertyName": "a", "mapping": {"x": "#/components/schemas/A"}}, "a"],
    "example": [1, None],
    "default": ["x", {}],
    "in": ["query", "path", "header", "cookie", "body", "formData"],
    "name": ["a", "", "a[]", "A-b", "x\r\ny"],
    "style": ["form", "simple", "label", "matrix", "spaceDelimited", "pipeDelimited", "deepObject"],
    "explode": [True, False],
    "collectionFormat": ["csv", "multi", "pipes"],
    "allowReserved": [True],
    "content": [{}, {"application/json": {"schema": {}}}, {"multipart/form-data": {"schema": {"type": "object"}}}],
    "encoding": [{"a": {"contentType": "text/plain", "style": "form"}}],
    "schema": [{}, True, {"type": "object"}],
    "servers": [[], [{"url": "/{v}", "variables": {"v": {"default": "1"}}}], [{"url": "https://h/x"}, {"url": "/y"}]],
    "basePath": ["/v1", "v1/", "/{x}"],
    "responses": [{}, {"200": {"description": "d"}}, {"2XX": {"description": "d"}, "default": {"$ref": "#/x"}}],
    "parameters": [[], [{"name": "q", "in": "query", "schema": {"type": "array", "items": {}}}]],
    "requestBody": [{"content": {"application/json": {}}}],
    "security": [[], [{"k": []}]],
    "openapi": ["3.0.0", "3.1.0", "3.2.0", 3.1],
    "swagger": ["2.0", 2.0],
    "x-a": [1],
}
JUNK: list[Any] = [None, True, 0, -1, 1.5, 1e400, "", "x", "#/", [], {}, [[]], {"": {}}, "\0", "é", 2**70]


def mutate_json(data: bytes, chance: Random) -> bytes | None:
    """``data`` with one to three changes; ``None`` if it is not JSON."""
    try:
        root = [orjson.loads(data)]
    except orjson.JSONDecodeError:
        return None
    for _ in range(chance.randrange(1, 4)):
        places = _places(root)
        chance.choice(CHANGES)(chance, chance.choice(places), places)
    try:
        return orjson.dumps(root[0])
    except (TypeError, ValueError, RecursionError):
        return None


def _places(root: Any) -> list[Place]:
    found: list[Place] = []
    pending = [root]
    while pending and len(found) < 5_000:
        collection = pending.pop()
        for key in list(collection) if isinstance(collection, dict) else range(len(collection)):
            found.append((collection, key))
            if isinstance(collection[key], dict | list):
                pending.append(collection[key])
    return found


def _replace(chance: Random, place: Place, _places: list[Place]) -> None:
    collection, key = place
    collection[key] = copy.deepcopy(chance.choice(SAMPLES.get(key, JUNK) if isinstance(key, str) else JUNK))


def _spoil(chance: Random, place: Place, _places: list[Place]) -> None:
    place[0][place[1]] = copy.deepcopy(chance.choice(JUNK))


def _copy(chance: Random, place: Place, places: list[Place]) -> None:
    collection, key = chance.choice(places)
    place[0][place[1]] = copy.deepcopy(collection[key])


def _add(chance: Random, place: Place, _places: list[Place]) -> None:
    target = place[0][place[1]]
    keyword = chance.choice(list(SAMPLES))
    if isinstance(target, dict):
        target[keyword] = copy.deepcopy(chance.choice(SAMPLES[keyword]))
    elif isinstance(target, list):
        target.append(copy.deepcopy(chance.choice(target or JUNK)))


def _remove(_chance: Random, place: Place, places: list[Place]) -> None:
    if len(places) > 1 and place is not places[0]:
        place[0].pop(place[1])


def _rename(chance: Random, place: Place, _places: list[Place]) -> None:
    collection, key = place
    if isinstance(collection, dict):
        collection[chance.choice([*SAMPLES, key + "x", key.upper(), "/" + key])] = collection.pop(key)


CHANGES: tuple[Callable[[Random, Place, list[Place]], None], ...] = (
    _replace,
    _spoil,
    _copy,
    _add,
    _add,
    _remove,
    _rename,
)
