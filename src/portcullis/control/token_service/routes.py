"""What the control socket offers of the token service."""

from __future__ import annotations

from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from portcullis.control.api_messages import decode_order, json_answer, read_body
from portcullis.control.token_service.orders import (
    InvalidTokenOrder,
    NewClient,
    NewToken,
    RevocationById,
    SecretRotation,
    TokenText,
)
from portcullis.control.token_service.service import TokenService

T = TypeVar("T")


def token_routes(service: TokenService) -> list[BaseRoute]:
    """``/v1/tokens``: issue, inspect, revoke; ``/v1/token-clients``: list, add, rotate, remove."""

    async def list_clients(_request: Request) -> Response:
        return json_answer(200, {"clients": await service.list_clients()})

    async def add_client(request: Request) -> Response:
        return json_answer(201, await service.add_client(_order(await read_body(request), NewClient)))

    async def rotate_secret(request: Request) -> Response:
        order = _order(await read_body(request) or b"{}", SecretRotation)
        return json_answer(201, await service.rotate_secret(request.path_params["id"], order))

    async def remove_client(request: Request) -> Response:
        return json_answer(200, await service.remove_client(request.path_params["id"]))

    async def issue(request: Request) -> Response:
        return json_answer(201, await service.issue(_order(await read_body(request), NewToken)))

    async def inspect(request: Request) -> Response:
        return json_answer(200, await service.inspect(_order(await read_body(request), TokenText)))

    async def revoke(request: Request) -> Response:
        return json_answer(200, await service.revoke(_order(await read_body(request), TokenText)))

    async def revoke_by_id(request: Request) -> Response:
        return json_answer(200, await service.revoke_by_id(_order(await read_body(request), RevocationById)))

    return [
        Route("/v1/token-clients", list_clients, methods=["GET"]),
        Route("/v1/token-clients", add_client, methods=["POST"]),
        Route("/v1/token-clients/{id}/rotate", rotate_secret, methods=["POST"]),
        Route("/v1/token-clients/{id}/remove", remove_client, methods=["POST"]),
        Route("/v1/tokens", issue, methods=["POST"]),
        Route("/v1/tokens/inspect", inspect, methods=["POST"]),
        Route("/v1/tokens/revoke", revoke, methods=["POST"]),
        Route("/v1/tokens/revoke-by-id", revoke_by_id, methods=["POST"]),
    ]


def _order(body: bytes, wanted: type[T]) -> T:
    try:
        return decode_order(body, wanted)
    except ValueError as error:
        raise InvalidTokenOrder(str(error)) from error
