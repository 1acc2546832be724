"""The control API: what commands ask of a running gateway, as JSON over a Unix socket.

Whoever can open the socket may do anything here; its mode (0600) is the authentication. Errors are RFC 9457 problem
documents with a ``code``. Answers may hold a key in clear (the two that make one), so none may be stored by anyone.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from portcullis.control.api_messages import MAX_IMPORT, decode_order, json_answer, problem_answer, read_body
from portcullis.control.key_orders import InvalidOrder, IssuedKey, KeyRecord, NewKey, Rotation
from portcullis.control.keys import KeyService
from portcullis.control.service_errors import ServiceError
from portcullis.stores.database.connection import DatabaseError

Answer = Callable[[Request], Awaitable[Response]]
T = TypeVar("T")

_log = logging.getLogger(__name__)


def create_control_api(keys: KeyService, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """The API over ``keys``; ``routes`` are those of other parts of the control process."""
    return Starlette(
        routes=[*key_routes(keys), *routes],
        exception_handlers={
            ServiceError: _refused,
            DatabaseError: _store_failed,
            HTTPException: _http_error,
            Exception: _failed,
        },
    )


def key_routes(keys: KeyService) -> list[BaseRoute]:
    """``/v1/keys``: list, create, import, rotate, revoke. The service runs in threads, for it waits for the disk."""

    async def listing(request: Request) -> Response:
        consumer = request.query_params.get("consumer")
        return json_answer(200, {"keys": await run_in_threadpool(keys.listing, consumer)})

    async def create(request: Request) -> Response:
        order = _order(await read_body(request), NewKey)
        return _issued(await run_in_threadpool(keys.create, order))

    async def import_records(request: Request) -> Response:
        records = _order(await read_body(request, MAX_IMPORT), list[KeyRecord])
        return json_answer(200, await run_in_threadpool(keys.import_records, records))

    async def rotate(request: Request) -> Response:
        rotation = _order(await read_body(request) or b"{}", Rotation)
        return _issued(await run_in_threadpool(keys.rotate, request.path_params["id"], rotation))

    async def revoke(request: Request) -> Response:
        return json_answer(200, await run_in_threadpool(keys.revoke, request.path_params["id"]))

    return [
        Route("/v1/keys", listing, methods=["GET"]),
        Route("/v1/keys", create, methods=["POST"]),
        Route("/v1/keys/import", import_records, methods=["POST"]),
        Route("/v1/keys/{id}/rotate", rotate, methods=["POST"]),
        Route("/v1/keys/{id}/revoke", revoke, methods=["POST"]),
    ]


def _order(body: bytes, wanted: type[T]) -> T:
    try:
        return decode_order(body, wanted)
    except ValueError as error:
        raise InvalidOrder(str(error)) from error


def _issued(issued: IssuedKey) -> Response:
    return json_answer(201, {"key": issued.key.reveal(), "record": issued.record})


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, ServiceError):
        raise error
    return problem_answer(error.status, error.code, error.detail)


async def _store_failed(_request: Request, error: Exception) -> Response:
    _log.error("the database failed: %s", error)
    return problem_answer(503, "control.store_failed", str(error))


async def _http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return problem_answer(error.status_code, f"control.http_{error.status_code}", error.detail)


async def _failed(_request: Request, _error: Exception) -> Response:
    return problem_answer(500, "control.internal", "the control process failed; its log says why")
