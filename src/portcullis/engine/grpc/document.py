"""A gRPC API as an OpenAPI document: a path for each method, which takes and gives messages.

So everything that holds for operations holds for it: who may call, how often, what is recorded. What is in messages is
the business of ``validate.grpc``.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from portcullis.engine.grpc.descriptors import Method, read_methods

MEDIA_TYPES: Final = ("application/grpc", "application/grpc+proto")
_KINDS: Final = {
    (False, False): "One message, answered by one.",
    (True, False): "Many messages, answered by one.",
    (False, True): "One message, answered by many.",
    (True, True): "Many messages, answered by many.",
}


def as_openapi(source: str, content: bytes) -> bytes:
    """The OpenAPI document, as JSON, of the API whose descriptor set is ``content``.

    Raises :class:`ConfigurationError`.
    """
    methods = read_methods(source, content)
    document = {
        "openapi": "3.1.0",
        "info": {"title": source, "version": hashlib.sha256(content).hexdigest()},
        "paths": {path: {"post": _operation(method)} for path, method in methods.items()},
    }
    return json.dumps(document, indent=1).encode()


def _operation(method: Method) -> dict[str, Any]:
    kind = _KINDS[method.streams_requests, method.streams_answers]
    return {
        "operationId": f"{method.service}.{method.name}",
        "summary": method.comment or kind,
        "description": f"{method.request.DESCRIPTOR.full_name} -> {method.answer.DESCRIPTOR.full_name}. {kind}",
        "tags": [method.service],
        "requestBody": {"required": True, "content": {name: {} for name in MEDIA_TYPES}},
        "responses": {
            "200": {"description": "Its outcome is in the trailers.", "content": {n: {} for n in MEDIA_TYPES}}
        },
    }
