"""What an OpenAPI document is made of: which kind of object stands under which key, in each version.

Whoever walks a document by this knows what he looks at. Only what stands here is ever read, so an example that holds
``$ref``, an extension and a property whose name is ``enum`` are nothing but data, and nothing in them is followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from portcullis.engine.openapi import pointer as pointers

Kind: TypeAlias = str
"""``"document"``, ``"operation"``, ``"schema"`` ...: the OpenAPI Specification's name of an object."""

Trail: TypeAlias = tuple[Any, ...]
"""How a walk came to an object: ``(trail of what is around it, token)``, or ``(pointer,)`` where it began.

Pointers are made from it when somebody asks, which is seldom; making them for every object takes longer than the walk.
"""

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
REFERENCE: Final = "$ref"


class Part(NamedTuple):
    """What stands under a key: one object of ``kind``, a list of them, or a mapping from names to them."""

    form: Literal["one", "list", "map"]
    kind: Kind


class Anatomy:
    """The objects of one version. ``below``: for each kind, what stands under which keys; ``keys``: all keys it has.

    Kinds that are not in ``keys`` may have any. ``siblings``: the kinds in which a reference does not replace what
    stands beside it.
    """

    def __init__(
        self,
        below: Mapping[Kind, Mapping[str, Part]],
        documentation: Mapping[Kind, str],
        assertions: Mapping[Kind, str],
        siblings: frozenset[Kind],
    ) -> None:
        self.below = below
        self.siblings = siblings
        self.documentation = {kind: frozenset(documentation.get(kind, "").split()) for kind in below}
        self.keys = {
            kind: frozenset((*parts, *documentation.get(kind, "").split(), *assertions[kind].split(), REFERENCE))
            for kind, parts in below.items()
            if kind in assertions
        }

    def children(self, kind: Kind, value: dict[str, Any], trail: Trail) -> Iterator[tuple[Any, Kind, Trail]]:
        """What stands directly below ``value``, an object of ``kind``."""
        parts = self.below[kind]
        for key, item in value.items():
            part = parts.get(key)
            if part is None:
                if kind == "callback" and not key.startswith("x-"):
                    yield item, "path item", (trail, key)
            elif part.form == "one":
                yield item, part.kind, (trail, key)
            elif part.form == "list":
                if isinstance(item, list):
                    below = (trail, key)
                    for index, each in enumerate(item):
                        yield each, part.kind, (below, index)
            elif isinstance(item, dict):
                below = (trail, key)
                extensible = part.kind in _EXTENSIBLE
                for name, each in item.items():
                    if not (extensible and name.startswith("x-")):
                        yield each, part.kind, (below, name)


def pointer_of(trail: Trail) -> str:
    """The JSON pointer of what ``trail`` leads to."""
    tokens = []
    while len(trail) == 2:
        trail, token = trail
        tokens.append(token)
    start: str = trail[0]
    return pointers.join(start, *reversed(tokens))


def _one(kind: Kind) -> Part:
    return Part("one", kind)


def _list(kind: Kind) -> Part:
    return Part("list", kind)


def _map(kind: Kind) -> Part:
    return Part("map", kind)


_EXTENSIBLE: Final = frozenset(("path item", "response"))  # maps of these hold extensions beside them

_SCHEMA_30: Final = {
    **dict.fromkeys(("items", "additionalProperties", "not"), _one("schema")),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), _list("schema")),
    "properties": _map("schema"),
}
_SCHEMA_31: Final = {
    **_SCHEMA_30,
    **dict.fromkeys(("if", "then", "else", "contains", "propertyNames"), _one("schema")),
    **dict.fromkeys(("unevaluatedItems", "unevaluatedProperties"), _one("schema")),
    "prefixItems": _list("schema"),
    **dict.fromkeys(("patternProperties", "dependentSchemas", "$defs"), _map("schema")),
}
_COMPONENTS_30: Final = {
    "schemas": _map("schema"),
    "responses": _map("response"),
    "parameters": _map("parameter"),
    "requestBodies": _map("request body"),
    "headers": _map("header"),
    "securitySchemes": _map("security scheme"),
    "links": _map("link"),
    "callbacks": _map("callback"),
}
_CONTENT: Final = {"schema": _one("schema"), "content": _map("media type")}
_BELOW_30: Final[dict[Kind, dict[str, Part]]] = {
    "document": {"paths": _map("path item"), "components": _one("components")},
    "components": _COMPONENTS_30,
    "path item": {**dict.fromkeys(METHODS, _one("operation")), "parameters": _list("parameter")},
    "operation": {
        "parameters": _list("parameter"),
        "requestBody": _one("request body"),
        "responses": _map("response"),
        "callbacks": _map("callback"),
    },
    "callback": {},  # path items under names that the author chose
    "parameter": _CONTENT,
    "header": _CONTENT,
    "request body": {"content": _map("media type")},
    "media type": {"schema": _one("schema"), "encoding": _map("encoding")},
    "encoding": {"headers": _map("header")},
    "response": {"headers": _map("header"), "content": _map("media type"), "links": _map("link")},
    "link": {},
    "security scheme": {},
    "schema": _SCHEMA_30,
}
_BELOW_31: Final[dict[Kind, dict[str, Part]]] = {
    **_BELOW_30,
    "document": {**_BELOW_30["document"], "webhooks": _map("path item")},
    "components": {**_COMPONENTS_30, "pathItems": _map("path item")},
    "schema": _SCHEMA_31,
}
_BELOW_32: Final[dict[Kind, dict[str, Part]]] = {
    **_BELOW_31,
    "components": {**_BELOW_31["components"], "mediaTypes": _map("media type")},
    "path item": {
        **_BELOW_31["path item"],
        "query": _one("operation"),
        "additionalOperations": _map("operation"),
    },
    "media type": {
        **_BELOW_31["media type"],
        "itemSchema": _one("schema"),
        "itemEncoding": _one("encoding"),
        "prefixEncoding": _list("encoding"),
    },
    "encoding": {
        **_BELOW_31["encoding"],
        "encoding": _map("encoding"),
        "itemEncoding": _one("encoding"),
        "prefixEncoding": _list("encoding"),
    },
}
_BELOW_20: Final[dict[Kind, dict[str, Part]]] = {
    "document": {
        "paths": _map("path item"),
        "definitions": _map("schema"),
        "parameters": _map("parameter"),
        "responses": _map("response"),
        "securityDefinitions": _map("security scheme"),
    },
    "path item": {
        **dict.fromkeys((method for method in METHODS if method != "trace"), _one("operation")),
        "parameters": _list("parameter"),
    },
    "operation": {"parameters": _list("parameter"), "responses": _map("response")},
    "parameter": {"schema": _one("schema"), "items": _one("items")},
    "header": {"items": _one("items")},
    "items": {"items": _one("items")},
    "response": {"schema": _one("schema"), "headers": _map("header")},
    "security scheme": {},
    "schema": {key: part for key, part in _SCHEMA_30.items() if key not in ("anyOf", "oneOf", "not")},
}

_DOCUMENTATION_30: Final[dict[Kind, str]] = {
    "document": "info tags externalDocs",
    "components": "examples",
    "path item": "summary description",
    "operation": "tags summary description externalDocs operationId deprecated",
    "parameter": "description example examples deprecated",
    "header": "description example examples deprecated",
    "request body": "description",
    "media type": "example examples",
    "response": "description",
    "security scheme": "description bearerFormat",
    "link": "description",
    "schema": "title description default example externalDocs deprecated xml",
}
_DOCUMENTATION_31: Final[dict[Kind, str]] = {
    **_DOCUMENTATION_30,
    "document": "info tags externalDocs jsonSchemaDialect",
}
_DOCUMENTATION_32: Final[dict[Kind, str]] = {
    **_DOCUMENTATION_31,
    "document": "info tags externalDocs jsonSchemaDialect $self",
    "media type": "example examples description",
    "security scheme": "description bearerFormat deprecated oauth2MetadataUrl",
}
_DOCUMENTATION_20: Final[dict[Kind, str]] = {
    "document": "info tags externalDocs host schemes",
    "operation": "tags summary description externalDocs operationId deprecated schemes",
    "parameter": "description default",
    "header": "description default",
    "items": "default",
    "response": "description examples",
    "security scheme": "description scopes",
    "schema": "title description default example externalDocs xml",
}

_NUMBERS: Final = "multipleOf maximum exclusiveMaximum minimum exclusiveMinimum"
_VALUES: Final = f"type format enum {_NUMBERS} maxLength minLength pattern maxItems minItems uniqueItems"
_SCHEMA: Final = f"{_VALUES} maxProperties minProperties required readOnly discriminator"
_PARAMETER: Final = "name in required allowEmptyValue style explode allowReserved"
_ASSERTIONS_30: Final[dict[Kind, str]] = {
    "document": "openapi servers security",
    "components": "",
    "path item": "servers",
    "operation": "security servers",
    "parameter": _PARAMETER,
    "header": "required allowEmptyValue style explode allowReserved",
    "request body": "required",
    "media type": "",
    "encoding": "contentType style explode allowReserved",
    "response": "",
    "link": "operationRef operationId parameters requestBody server",
    "security scheme": "type name in scheme flows openIdConnectUrl",
    "schema": f"{_SCHEMA} nullable writeOnly",
}
# A schema of 3.1 may have any key: JSON Schema takes those that it does not know for annotations.
_ASSERTIONS_31: Final = {kind: keys for kind, keys in _ASSERTIONS_30.items() if kind != "schema"}
_ASSERTIONS_20: Final[dict[Kind, str]] = {
    "document": "swagger basePath consumes produces security",
    "path item": "",
    "operation": "consumes produces security",
    "parameter": f"name in required allowEmptyValue collectionFormat {_VALUES}",
    "header": f"collectionFormat {_VALUES}",
    "items": f"collectionFormat {_VALUES}",
    "response": "",
    "security scheme": "type name in flow authorizationUrl tokenUrl",
    "schema": _SCHEMA,
}

_V20: Final = Anatomy(_BELOW_20, _DOCUMENTATION_20, _ASSERTIONS_20, frozenset())
_V30: Final = Anatomy(_BELOW_30, _DOCUMENTATION_30, _ASSERTIONS_30, frozenset())
_V31: Final = Anatomy(_BELOW_31, _DOCUMENTATION_31, _ASSERTIONS_31, frozenset(("schema",)))
_V32: Final = Anatomy(_BELOW_32, _DOCUMENTATION_32, _ASSERTIONS_31, frozenset(("schema",)))


def anatomy_of(version: str) -> Anatomy:
    """The anatomy of documents of ``version`` (``"2.0"``, ``"3.0.3"`` ...)."""
    return {"2.": _V20, "3.0": _V30, "3.1": _V31}.get(version[:2] if version[0] == "2" else version[:3], _V32)
