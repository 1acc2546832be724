from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from rows import rows
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from portcullis.control.api import create_control_api
from portcullis.control.api_messages import MAX_BODY
from portcullis.control.keys import KeyService
from portcullis.engine.api_key_format import is_well_formed
from portcullis.stores.database.connection import Database


@pytest.fixture
async def client(service: KeyService) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_control_api(service), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        yield client


def _problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["type"] == f"urn:portcullis:{code}"
    assert (problem["status"], problem["code"]) == (status, code)
    return problem


async def test_a_key_is_made_and_shown_once(client: httpx.AsyncClient) -> None:
    order = {"consumer": "acme", "plan": "gold", "scopes": ["orders:read"], "expires": "2099-01-01T00:00:00Z"}
    response = await client.post("/v1/keys", json=order)
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    key, record = response.json()["key"], response.json()["record"]
    assert is_well_formed(key.encode())
    assert (record["consumer"], record["plan"], record["scopes"]) == ("acme", "gold", ["orders:read"])
    assert record["expires"] == "2099-01-01T00:00:00Z"
    listing = await client.get("/v1/keys")
    assert listing.json() == {"keys": [record]}
    assert key[-40:] not in listing.text


async def test_keys_are_listed_by_consumer(client: httpx.AsyncClient) -> None:
    for consumer in ("acme", "globex"):
        await client.post("/v1/keys", json={"consumer": consumer})
    response = await client.get("/v1/keys", params={"consumer": "globex"})
    assert [record["consumer"] for record in response.json()["keys"]] == ["globex"]


async def test_a_key_is_rotated_and_revoked(client: httpx.AsyncClient) -> None:
    old = (await client.post("/v1/keys", json={"consumer": "acme"})).json()["record"]
    response = await client.post(f"/v1/keys/{old['id']}/rotate", json={"overlap_s": 60})
    assert response.status_code == 201
    assert is_well_formed(response.json()["key"].encode())
    response = await client.post(f"/v1/keys/{old['id']}/revoke")
    assert (response.status_code, response.json()["state"]) == (200, "revoked")


async def test_a_rotation_without_a_body_has_the_usual_overlap(client: httpx.AsyncClient) -> None:
    old = (await client.post("/v1/keys", json={"consumer": "acme"})).json()["record"]
    assert (await client.post(f"/v1/keys/{old['id']}/rotate")).status_code == 201
    listing = (await client.get("/v1/keys")).json()["keys"]
    assert "rotating" in [record["state"] for record in listing]


async def test_records_are_imported(client: httpx.AsyncClient) -> None:
    record = {"id": "abcdefgh", "digest": "sha256:" + 64 * "a", "consumer": "acme"}
    response = await client.post("/v1/keys/import", json=[record])
    assert response.json() == {"added": 1, "changed": 0, "unchanged": 0}


@rows(
    "body",
    [b"", b"{", b"[]", b"{}", b'{"consumer": 1}', b'{"consumer": "a", "plam": "x"}', b'{"consumer": "a b"}', b"\xff"],
)
async def test_an_order_that_makes_no_sense_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    _problem(await client.post("/v1/keys", content=body), 422, "keys.invalid")


async def test_refusals_say_why(client: httpx.AsyncClient) -> None:
    _problem(await client.post("/v1/keys/zzzzzzzz/revoke"), 404, "keys.unknown_id")
    await client.post("/v1/keys", json={"consumer": "acme", "plan": "gold"})
    problem = _problem(await client.post("/v1/keys", json={"consumer": "acme", "plan": "free"}), 409, "keys.conflict")
    assert problem["detail"] == "consumer acme exists with plan gold, not plan free"


async def test_a_body_that_is_too_large_is_not_read_to_its_end(client: httpx.AsyncClient) -> None:
    body = msgspec.json.encode({"consumer": "a" * MAX_BODY})
    _problem(await client.post("/v1/keys", content=body), 413, "control.http_413")


@rows(("method", "path", "status"), [("GET", "/", 404), ("DELETE", "/v1/keys", 405), ("GET", "/v1/keys/a", 404)])
async def test_what_is_not_offered_is_a_problem_too(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    _problem(await client.request(method, path), status, f"control.http_{status}")


async def test_a_database_that_fails_is_told(client: httpx.AsyncClient, database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE revisions")
    _problem(await client.post("/v1/keys", json={"consumer": "acme"}), 503, "control.store_failed")


async def test_a_bug_is_told_without_detail(
    client: httpx.AsyncClient, service: KeyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_consumer: str | None) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(service, "listing", fail)
    response = await client.get("/v1/keys")
    _problem(response, 500, "control.internal")
    assert "hunter2" not in response.text


async def test_other_parts_add_their_routes(service: KeyService) -> None:
    async def hello(_request: object) -> PlainTextResponse:
        return PlainTextResponse("hello")

    transport = httpx.ASGITransport(create_control_api(service, [Route("/v1/hello", hello)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        assert (await client.get("/v1/hello")).text == "hello"
