"""``/v1/relations`` of the control API. The service runs in threads, for it waits for the disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from portcullis.control.api_messages import MAX_IMPORT, decode_order, json_answer, read_body
from portcullis.control.relations.orders import CheckOrder, InvalidTuples, PageOrder, TupleOrder
from portcullis.control.relations.service import BATCH, RelationService, RunningImport

MAX_LINE: Final = 4096
"""Bytes of one line of an import."""
T = TypeVar("T")


def relation_routes(relations: RelationService) -> list[BaseRoute]:
    """Add, remove, check, page, and import: the last takes tuples line by line, as many as there are."""

    async def add(request: Request) -> Response:
        order = _order(await read_body(request, MAX_IMPORT), TupleOrder)
        return json_answer(200, await run_in_threadpool(relations.add, order.tuples))

    async def remove(request: Request) -> Response:
        order = _order(await read_body(request, MAX_IMPORT), TupleOrder)
        return json_answer(200, await run_in_threadpool(relations.remove, order.tuples))

    async def check(request: Request) -> Response:
        order = _order(await read_body(request), CheckOrder)
        return json_answer(200, await run_in_threadpool(relations.check, order))

    async def page(request: Request) -> Response:
        order = _order(await read_body(request), PageOrder)
        return json_answer(200, await run_in_threadpool(relations.page, order))

    async def import_tuples(request: Request) -> Response:
        replace = request.query_params.get("replace") == "true"
        async with _importing(relations) as running:
            async for lines in _batches(request):
                await run_in_threadpool(running.take, lines)
            changed = await run_in_threadpool(running.finish, replace=replace)
        return json_answer(200, changed)

    return [
        Route("/v1/relations/add", add, methods=["POST"]),
        Route("/v1/relations/remove", remove, methods=["POST"]),
        Route("/v1/relations/check", check, methods=["POST"]),
        Route("/v1/relations/page", page, methods=["POST"]),
        Route("/v1/relations/import", import_tuples, methods=["POST"]),
    ]


@asynccontextmanager
async def _importing(relations: RelationService) -> AsyncIterator[RunningImport]:
    """An import that begins and ends in threads."""
    context = relations.importing()
    running = await run_in_threadpool(context.__enter__)
    try:
        yield running
    finally:
        await run_in_threadpool(context.__exit__, None, None, None)


async def _batches(request: Request) -> AsyncIterator[list[str]]:
    """The lines of a body as it comes in, some thousand at a time."""
    rest = b""
    lines: list[str] = []
    async for chunk in request.stream():
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE:
            raise InvalidTuples(f"a line has more than {MAX_LINE} bytes")
        lines += map(_text, whole)
        if len(lines) >= BATCH:
            yield lines
            lines = []
    yield [*lines, _text(rest)]


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise InvalidTuples("a line is no UTF-8") from None


def _order(body: bytes, wanted: type[T]) -> T:
    try:
        return decode_order(body, wanted)
    except ValueError as error:
        raise InvalidTuples(str(error)) from error
