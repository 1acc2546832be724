"""What the control socket offers of users."""

from __future__ import annotations

from functools import partial
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from portcullis.control.api_messages import MAX_IMPORT, decode_order, json_answer, read_body
from portcullis.control.users.orders import InvalidUserOrder, NewPassword, NewRoles, NewUser, UserRecord
from portcullis.control.users.service import UserService

T = TypeVar("T")


def user_routes(users: UserService) -> list[BaseRoute]:
    """``/v1/users``: list, add, export, import, and what is done to one. The service runs in threads."""

    async def listing(_request: Request) -> Response:
        return json_answer(200, {"users": await run_in_threadpool(users.listing)})

    async def export(_request: Request) -> Response:
        return json_answer(200, {"users": await run_in_threadpool(users.export)})

    async def add(request: Request) -> Response:
        return json_answer(201, await run_in_threadpool(users.add, _order(await read_body(request), NewUser)))

    async def import_records(request: Request) -> Response:
        records = _order(await read_body(request, MAX_IMPORT), list[UserRecord])
        return json_answer(200, await run_in_threadpool(users.import_records, records))

    async def set_password(request: Request) -> Response:
        order = _order(await read_body(request), NewPassword)
        return json_answer(200, await run_in_threadpool(users.set_password, _name(request), order))

    async def set_roles(request: Request) -> Response:
        order = _order(await read_body(request), NewRoles)
        return json_answer(200, await run_in_threadpool(users.set_roles, _name(request), order))

    async def set_disabled(request: Request, *, disabled: bool) -> Response:
        change = partial(users.set_disabled, _name(request), disabled=disabled)
        return json_answer(200, await run_in_threadpool(change))

    async def remove(request: Request) -> Response:
        return json_answer(200, await run_in_threadpool(users.remove, _name(request)))

    return [
        Route("/v1/users", listing, methods=["GET"]),
        Route("/v1/users", add, methods=["POST"]),
        Route("/v1/users/export", export, methods=["GET"]),
        Route("/v1/users/import", import_records, methods=["POST"]),
        Route("/v1/users/{name}/password", set_password, methods=["POST"]),
        Route("/v1/users/{name}/roles", set_roles, methods=["POST"]),
        Route("/v1/users/{name}/disable", partial(set_disabled, disabled=True), methods=["POST"]),
        Route("/v1/users/{name}/enable", partial(set_disabled, disabled=False), methods=["POST"]),
        Route("/v1/users/{name}/remove", remove, methods=["POST"]),
    ]


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    return name


def _order(body: bytes, wanted: type[T]) -> T:
    try:
        return decode_order(body, wanted)
    except ValueError as error:
        raise InvalidUserOrder(str(error)) from error
