"""Bodies of the control API: read within bounds, and written so that nobody keeps them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MAX_BODY: Final = 64 * 1024
MAX_IMPORT: Final = 32 * 1024 * 1024
T = TypeVar("T")


async def read_body(request: Request, limit: int = MAX_BODY) -> bytes:
    """The body of ``request``. Raises ``HTTPException`` (413) as soon as it has more than ``limit`` bytes."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def decode_order(body: bytes, wanted: type[T]) -> T:
    """What the JSON text ``body`` says. Raises ``ValueError``."""
    return msgspec.json.decode(body, type=wanted)


def json_answer(status: int, content: object, media_type: str = "application/json") -> Response:
    """An answer with ``content`` as JSON. It may hold a secret, so it may be stored by nobody."""
    return Response(msgspec.json.encode(content), status, {"cache-control": "no-store"}, media_type)


def problem_answer(status: int, code: str, detail: str) -> Response:
    """A problem document (RFC 9457) with a ``code``."""
    title = HTTPStatus(status).phrase
    content: dict[str, Any] = {"type": f"urn:portcullis:{code}", "title": title, "status": status, "code": code}
    return json_answer(status, content | {"detail": detail}, "application/problem+json")
