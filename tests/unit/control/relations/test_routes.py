from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from rows import rows

from portcullis.control.api import create_control_api
from portcullis.control.keys import KeyService
from portcullis.control.relations.orders import PageOrder
from portcullis.control.relations.routes import MAX_LINE, relation_routes
from portcullis.control.relations.service import BATCH, RelationService


@pytest.fixture
async def client(relations: RelationService, service: KeyService) -> AsyncIterator[httpx.AsyncClient]:
    app = create_control_api(service, relation_routes(relations))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        yield client


async def test_relations_are_changed_and_asked_for(client: httpx.AsyncClient) -> None:
    added = await client.post("/v1/relations/add", json={"tuples": ["order:1#owner@user:a"]})
    assert (added.status_code, added.json()) == (200, {"given": 1, "added": 1, "removed": 0})
    asked = await client.post("/v1/relations/check", json={"tuple": "order:1#viewer@user:a"})
    assert asked.json() == {"related": True}
    page = await client.post("/v1/relations/page", json={"wanted": {"type": "order"}})
    assert page.json() == {"tuples": ["order:1#owner@user:a"]}
    removed = await client.post("/v1/relations/remove", json={"tuples": ["order:1#owner@user:a"]})
    assert removed.json()["removed"] == 1


@pytest.mark.slow
async def test_lines_are_imported_however_they_are_cut(client: httpx.AsyncClient, relations: RelationService) -> None:
    lines = "".join(f"order:{n}#owner@user:ü{n}\n" for n in range(2 * BATCH)).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(lines), 7919):
            yield lines[at : at + 7919]
        yield b"order:last#owner@user:a"

    answer = await client.post("/v1/relations/import", content=pieces())
    assert answer.json() == {"given": 2 * BATCH + 1, "added": 2 * BATCH + 1, "removed": 0}
    answer = await client.post("/v1/relations/import?replace=true", content=b"\norder:1#owner@user:b\n\n")
    assert answer.json() == {"given": 1, "added": 1, "removed": 2 * BATCH + 1}
    assert relations.page(PageOrder()).tuples == ["order:1#owner@user:b"]


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"order:1\n", "line 1: 'order:1'"),
        (b"order:1#owner@user:\xff\n", "a line is no UTF-8"),
        (b"x" * (MAX_LINE + 1), f"a line has more than {MAX_LINE} bytes"),
    ],
)
async def test_what_is_no_tuple_is_not_imported(
    client: httpx.AsyncClient, relations: RelationService, content: bytes, detail: str
) -> None:
    answer = await client.post("/v1/relations/import", content=b"order:0#owner@user:a\n" * 0 + content)
    assert (answer.status_code, answer.json()["code"]) == (422, "relations.invalid")
    assert answer.json()["detail"].startswith(detail)
    assert relations.page(PageOrder()).tuples == []
    assert (await client.post("/v1/relations/import", content=b"order:0#owner@user:a")).status_code == 200


@rows("path", ["add", "remove", "check", "page"])
@rows("body", [b"", b"[]", b'{"tuples": 1}', b'{"tuple": []}', b'{"what": "else"}'])
async def test_an_order_that_makes_no_sense_is_refused(client: httpx.AsyncClient, path: str, body: bytes) -> None:
    refused = await client.post(f"/v1/relations/{path}", content=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "relations.invalid")
