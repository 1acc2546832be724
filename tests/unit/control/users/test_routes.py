from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from rows import rows

from portcullis.control.api import create_control_api
from portcullis.control.keys import KeyService
from portcullis.control.users.routes import user_routes
from portcullis.control.users.service import UserService

ALICE = {"name": "alice", "password": "correct horse battery"}


@pytest.fixture
async def client(users: UserService, service: KeyService) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_control_api(service, user_routes(users)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        yield client


async def test_a_listing_shows_no_hash_and_an_export_does(client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/users", json=ALICE)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    listing, exported = await client.get("/v1/users"), await client.get("/v1/users/export")
    assert listing.json() == {"users": [made.json()]}
    assert "argon2id" not in made.text + listing.text
    assert exported.json()["users"][0]["password"].startswith("$argon2id$")
    assert ALICE["password"] not in made.text + listing.text + exported.text


async def test_a_user_is_changed_and_removed(client: httpx.AsyncClient) -> None:
    await client.post("/v1/users", json=ALICE)
    for action, order, wanted in (
        ("password", {"password": "another horse battery"}, {}),
        ("roles", {"roles": ["clerk"]}, {"roles": ["clerk"]}),
        ("disable", None, {"state": "disabled"}),
        ("enable", None, {"state": "active"}),
        ("remove", None, {"name": "alice"}),
    ):
        answer = await client.post(f"/v1/users/alice/{action}", json=order)
        assert answer.status_code == 200
        assert wanted.items() <= answer.json().items()
    assert (await client.post("/v1/users/alice/enable")).json()["code"] == "users.unknown"


async def test_records_are_imported(client: httpx.AsyncClient) -> None:
    await client.post("/v1/users", json=ALICE)
    refused = await client.post("/v1/users/import", json=[{"name": "bob", "password": "hunter2"}])
    assert (refused.status_code, refused.json()["code"]) == (422, "users.invalid")
    assert "hunter2" not in refused.text


@rows(
    ("path", "body"),
    [
        ("", b""),
        ("", b"{}"),
        ("", b'{"name": "alice", "password": 7}'),
        ("", b'{"name": "alice", "password": "correct horse battery", "rols": []}'),
        ("/alice/password", b"{}"),
        ("/alice/roles", b'{"roles": "clerk"}'),
        ("/import", b"{}"),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(client: httpx.AsyncClient, path: str, body: bytes) -> None:
    refused = await client.post(f"/v1/users{path}", content=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "users.invalid")
