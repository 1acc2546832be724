"""An API of big bodies: a film can be sent and fetched, and neither is looked into."""

from __future__ import annotations

PATH = "/films"

MEBIBYTES = 100
"""Size of a film."""

LARGEST = 128
"""What is accepted, in MiB."""


def document() -> dict[str, object]:
    """Its OpenAPI document."""
    film = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Films", "version": "1.0.0"},
        "paths": {
            PATH: {
                "get": {"operationId": "fetch", "responses": {"200": {"description": "The film.", **film}}},
                "post": {
                    "operationId": "send",
                    "requestBody": {"required": True, **film},
                    "responses": {"204": {"description": "It is here."}},
                },
            }
        },
    }
