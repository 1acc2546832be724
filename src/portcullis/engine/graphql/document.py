"""A GraphQL API as an OpenAPI document: one path, which takes queries as JSON, or in the URL.

So everything that holds for operations holds for it: who may call, how often, what is recorded. What a query may ask
for is the business of ``validate.graphql``.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

PATH: Final = "/graphql"
POST: Final = f"POST {PATH}"
GET: Final = f"GET {PATH}"

_TEXT: Final = {"type": "string", "maxLength": 1_000_000}
_OBJECT: Final = {"type": ["object", "null"]}
_REQUEST: Final = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "query": {"type": ["string", "null"], "maxLength": 1_000_000},
        "operationName": {"type": ["string", "null"], "maxLength": 256},
        "variables": _OBJECT,
        "extensions": _OBJECT,
    },
}
_ANSWERS: Final = {"default": {"description": "What was asked for."}}


def as_openapi(source: str, schema: bytes) -> bytes:
    """The OpenAPI document, as JSON, of the API whose GraphQL schema is ``schema``."""
    batch = {"type": "array", "minItems": 1, "maxItems": 100, "items": {"$ref": "#/components/schemas/Request"}}
    body = {"oneOf": [{"$ref": "#/components/schemas/Request"}, batch]}
    document = {
        "openapi": "3.1.0",
        "info": {"title": source, "version": hashlib.sha256(schema).hexdigest()},
        "paths": {
            PATH: {
                "post": {
                    "summary": "A query or a mutation",
                    "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
                    "responses": _ANSWERS,
                },
                "get": {
                    "summary": "A query",
                    "parameters": [
                        {"name": name, "in": "query", "schema": _TEXT}
                        for name in ("query", "operationName", "variables", "extensions")
                    ],
                    "responses": _ANSWERS,
                },
            }
        },
        "components": {"schemas": {"Request": _REQUEST}},
    }
    return json.dumps(document, indent=1).encode()
