"""Answers of the token service's endpoints."""

from __future__ import annotations

from typing import Final

import msgspec

from portcullis.engine.decision import Answer

_JSON: Final = (b"content-type", b"application/json")
_UNSTORED: Final = ((b"cache-control", b"no-store"), (b"pragma", b"no-cache"))
_CHALLENGE: Final = (b"www-authenticate", b'Basic realm="token service", charset="UTF-8"')
UNAUTHORIZED: Final = 401


def endpoint_answer(status: int, body: bytes) -> Answer:
    """An answer that nobody may keep (RFC 6749 5.1); one that asks for another client has the challenge (5.2)."""
    fields = (*((_JSON,) if body else ()), *_UNSTORED)
    return Answer(status, (*fields, _CHALLENGE) if status == UNAUTHORIZED else fields, body)


def error_answer(error: str, description: str, status: int = 400) -> Answer:
    """An error of RFC 6749 5.2, whose description repeats nothing of the request."""
    return endpoint_answer(status, error_body(error, description))


def error_body(error: str, description: str) -> bytes:
    """The JSON of an error."""
    return msgspec.json.encode({"error": error, "error_description": description})


def document_answer(body: bytes, age: int) -> Answer:
    """A public document, which may be kept for ``age`` seconds."""
    return Answer(200, (_JSON, (b"cache-control", b"public, max-age=%d" % age)), body)
