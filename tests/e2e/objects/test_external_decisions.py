"""Decisions of others over sockets: each protocol to the letter, what is remembered, and what becomes of no answer."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from decision_servers import TOKEN, AuthZen, DecisionServer, Opa, OpenFga
from gateway import Gateway, create_key, end, start, wait_for
from shop import SPEC, Shop

KINDS: dict[str, tuple[type[DecisionServer], str]] = {
    "authzen": (AuthZen, 'kind: authzen, url: "URL/pdp"'),
    "opa": (Opa, 'kind: opa, url: "URL/v1/data/shop/allow"'),
    "openfga": (OpenFga, 'kind: openfga, url: "URL", store: 01STORE, model: 01MODEL'),
}
CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0"}
identities:
  partners: {api_key: {}}
decision_points:
  pdp: {POINT, token: "env:PDP_TOKEN", timeout: 1s, cache: {allow: 2s, deny: 500ms}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    operations:
      "POST /orders": {authorize: {every_caller: true}}
      "GET /orders":
        objects: {owner: 'decided("pdp", "read", "order", response.id)'}
      "GET /orders/{order_id}":
        authorize: {decision: {by: pdp, action: read, resource: "order:{request.path.order_id}"}}
      "DELETE /orders/{order_id}":
        objects: {owner: 'decided("pdp", "delete", "order", request.path.order_id)'}
observe: {access_log: {path: access.jsonl}}
outgoing: {timeout: 3s}
process: {drain: 5s}
"""


class World:
    """A gateway, a service behind it, and a decision point.

    ``first``: the number of the first of three orders; each test has its own, since answers are remembered.
    """

    def __init__(self, directory: Path, kind: str, url: str = "") -> None:
        made, settings = KINDS[kind]
        self.pdp, self.shop, self.directory = made(), Shop(), directory
        self.first = 1
        text = CONFIGURATION.replace("POINT", settings).replace("URL", url or self.pdp.url, 1)
        (directory / "shop.yaml").write_text(SPEC)
        (directory / "portcullis.yaml").write_text(text.replace("UPSTREAM", self.shop.url))
        os.environ["PDP_TOKEN"] = TOKEN
        try:
            self.gateway: Gateway = start(directory)
        finally:
            del os.environ["PDP_TOKEN"]
        self.key = create_key(directory, "alice")
        wait_for(lambda: self.call("POST", "/orders", json={"qty": 1}).status_code == 201, "the key")

    def begin(self) -> None:
        """Begin anew: with other orders, and a decision point that has been asked nothing."""
        self.first += 1000
        self.shop.orders = {}
        self.shop.add(*range(self.first, self.first + 3))
        self.pdp.decides, self.pdp.trouble = lambda *_: True, ""
        self.pdp.asked, self.pdp.requests, self.pdp.wrong = [], [], []

    def order(self, number: int) -> str:
        return f"/orders/{self.first + number}"

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        fields = {"X-API-Key": self.key}
        return httpx.request(method, f"{self.gateway.url}/shop{path}", headers=fields, timeout=30, **options)

    def end(self) -> None:
        end(self.gateway)
        self.shop.stop()
        self.pdp.stop()


@pytest.fixture(scope="module", params=KINDS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp(request.param), request.param)
    yield world
    world.end()


@pytest.fixture
def world(running: World) -> World:
    running.begin()
    return running


def test_each_protocol_is_spoken_to_the_letter_and_decides(world: World) -> None:
    pdp, shop, first = world.pdp, world.shop, world.first
    pdp.decides = lambda *asked: asked == ("user:alice", "read", f"order:{first}")
    assert world.call("GET", world.order(0)).json() == {"id": first, "qty": 1}
    refused = world.call("GET", world.order(1))
    assert (refused.status_code, refused.json()["code"]) == (403, "authorize.decision")
    assert refused.json().keys() == {"type", "title", "status", "code", "request_id"}
    before = len(shop.calls)
    assert world.call("DELETE", world.order(0)).status_code == 404
    assert len(shop.calls) == before
    assert world.call("GET", "/orders").json() == [{"id": first, "qty": 1}]
    assert set(pdp.asked) == {
        *(f"user:alice read order:{first + number}" for number in range(3)),
        f"user:alice delete order:{first}",
    }
    assert pdp.wrong == []
    verdict = world.gateway.record_of(refused.json()["request_id"])["verdicts"][-1]
    assert verdict["finding"]["found"] == f"user:alice may not read order:{first + 1}"
    assert TOKEN not in world.gateway.errors()


def test_a_list_is_asked_about_in_one_request_where_the_protocol_has_one(world: World) -> None:
    numbers = range(world.first, world.first + 120)
    world.shop.add(*numbers)
    world.pdp.decides = lambda _subject, _action, resource: int(resource.partition(":")[2]) % 3 == 0
    seen = {order["id"] for order in world.call("GET", "/orders").json()}
    assert seen == {number for number in numbers if number % 3 == 0}
    wanted = {AuthZen: 1, Opa: 120, OpenFga: 3}[type(world.pdp)]
    assert len(world.pdp.requests) == wanted
    assert world.pdp.wrong == []


def test_answers_are_remembered_for_a_while_and_a_no_for_a_shorter_one(world: World) -> None:
    assert [world.call("GET", world.order(0)).status_code for _ in range(5)] == [200] * 5
    assert len(world.pdp.asked) == 1
    world.pdp.decides = lambda *_: False
    assert world.call("GET", world.order(0)).status_code == 200
    time.sleep(2.1)
    assert [world.call("GET", world.order(0)).status_code for _ in range(3)] == [403] * 3
    assert len(world.pdp.asked) == 2
    world.pdp.decides = lambda *_: True
    time.sleep(0.6)
    assert world.call("GET", world.order(0)).status_code == 200


def test_no_answer_is_never_a_yes(world: World) -> None:
    for trouble in ("500", "404", "401", "302", "garbage", "neither", "closed", "huge", "slow"):
        world.pdp.trouble = trouble
        before = len(world.shop.calls)
        refused = world.call("GET", world.order(0))
        assert (refused.status_code, refused.json()["code"]) == (503, "authorize.decision_unavailable"), trouble
        refused = world.call("DELETE", world.order(0))
        assert (refused.status_code, refused.json()["code"]) == (503, "objects.unavailable"), trouble
        assert len(world.shop.calls) == before, trouble
        refused = world.call("GET", "/orders")
        assert refused.status_code == 503, trouble
        assert b"qty" not in refused.content
    world.pdp.trouble = ""
    assert world.call("GET", world.order(0)).status_code == 200
    verdicts = [each for record in world.gateway.records(1) for each in record["verdicts"]]
    assert "pdp: no answer in 1 s" in {each["finding"]["found"] for each in verdicts if each.get("finding")}
    assert "decision point pdp: answers again" in world.gateway.errors()


def test_many_who_ask_the_same_at_once_are_one_question(world: World) -> None:
    world.pdp.decides = lambda *_: (time.sleep(0.3), True)[1]
    url = f"{world.gateway.url}/shop{world.order(0)}"
    with httpx.Client(headers={"X-API-Key": world.key}, timeout=30) as client, ThreadPoolExecutor(20) as pool:
        answers = [each.result().status_code for each in [pool.submit(client.get, url) for _ in range(20)]]
    assert answers == [200] * 20
    assert len(world.pdp.asked) == 1


def test_a_decision_point_that_is_not_there_is_no_answer(tmp_path: Path) -> None:
    world = World(tmp_path, "authzen", "http://127.0.0.1:9")
    try:
        world.begin()
        assert world.call("GET", world.order(0)).status_code == 503
        assert world.call("DELETE", world.order(0)).status_code == 503
    finally:
        world.end()


def test_without_its_token_nothing_is_served(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(SPEC)
    text = CONFIGURATION.replace("POINT", KINDS["opa"][1]).replace("URL", "http://127.0.0.1:9", 1)
    (tmp_path / "portcullis.yaml").write_text(text.replace("UPSTREAM", "http://127.0.0.1:9"))
    with pytest.raises(AssertionError, match=r"decision_points\.pdp\.token: the environment has no PDP_TOKEN"):
        start(tmp_path)
