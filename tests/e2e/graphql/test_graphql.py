"""A GraphQL service behind the gateway."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway import Gateway, create_key, serving, wait_for
from graphql import build_schema, graphql_sync
from upstream import Exchange, Upstream

SCHEMA = """\
type Query {
  me: Customer
  orders(first: Int = 20): [Order!]!
  node(id: ID!): Node
  broken: Int
}
interface Node { id: ID! }
type Customer implements Node { id: ID! name: String email: String orders: [Order!] }
type Order implements Node { id: ID! total: Int customer: Customer }
type Mutation { refund(order: ID!, amount: Int): Order }
"""
CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {partners: {api_key: {}}}
roles: {clerk: ["orders:refund"], guest: ["orders:read"]}
apis:
  shop:
    hosts: ["*"]
    base_path: /shop
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.graphql}}
    authenticate: [partners]
    validate:
      graphql:
        max_cost: 500
        fields:
          "Mutation.refund": {permissions: ["orders:refund"]}
          "Customer.email": {roles: [clerk]}
        SETTINGS
observe: {access_log: {path: access.jsonl}}
"""
QUERY = "query Me {\n  me { ...who }\n}\nfragment who on Customer { id name }\n"
UNKNOWN = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
DATA = {
    "me": {"id": "1", "name": "Ann", "email": "ann@shop.example", "orders": [{"id": "7", "total": 3}]},
    "orders": [{"id": str(number), "total": number} for number in range(3)],
}


def resolve(exchange: Exchange) -> None:
    """Answer as a GraphQL server does; the field ``broken`` fails with too many words."""
    schema = build_schema(SCHEMA)
    value = json.loads(exchange.body)
    answers = [
        graphql_sync(schema, each["query"], DATA, None, each.get("variables"), each.get("operationName")).formatted
        for each in (value if isinstance(value, list) else [value])
    ]
    for each in answers:
        if "broken" in json.dumps(value):
            trace = 'Traceback (most recent call last):\n File "/app/db.py", line 7, in connect'
            each["errors"] = [{"message": trace, "extensions": {"code": "E1", "stack": ["a"]}}, {"message": "Sold out"}]
            each["extensions"] = {"tracing": {"took": 1}}
    body = json.dumps(answers if isinstance(value, list) else answers[0]).encode()
    exchange.answer(body)


@pytest.fixture(scope="module")
def service() -> Iterator[Upstream]:
    upstream = Upstream({"/shop/graphql": resolve})
    yield upstream
    upstream.stop()


class Site:
    """A gateway, and the keys of a clerk and a guest."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.keys = {role: create_key(gateway.directory, role, "--role", role) for role in ("clerk", "guest")}
        query = "query Me { me { ...who } } fragment who on Customer { id name }"
        for role in self.keys:
            wait_for(lambda role=role: self.ask(query, role).status_code == 200, "the keys to work")

    def ask(self, query: str | None, role: str = "guest", **members: Any) -> httpx.Response:
        return self.send({**({} if query is None else {"query": query}), **members}, role)

    def send(self, value: Any, role: str = "guest") -> httpx.Response:
        headers = {"X-API-Key": self.keys[role]}
        return httpx.post(f"{self.gateway.url}/shop/graphql", json=value, headers=headers, timeout=10)

    def get(self, **parameters: str) -> httpx.Response:
        headers = {"X-API-Key": self.keys["guest"]}
        return httpx.get(f"{self.gateway.url}/shop/graphql", params=parameters, headers=headers, timeout=10)


def started(folder: Path, service: Upstream, settings: str = "") -> Iterator[Gateway]:
    (folder / "shop.graphql").write_text(SCHEMA)
    (folder / "queries").mkdir()
    (folder / "queries" / "me.graphql").write_text(QUERY)
    with serving(folder, "{}", CONFIGURATION.replace("SETTINGS", settings), service.url) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, service: Upstream) -> Iterator[Site]:
    for gateway in started(tmp_path_factory.mktemp("any"), service):
        yield Site(gateway)


@pytest.fixture(scope="module")
def open_site(tmp_path_factory: pytest.TempPathFactory, service: Upstream) -> Iterator[Site]:
    settings = "get: true\n        introspection: allow\n        max_batch: 3"
    for gateway in started(tmp_path_factory.mktemp("open"), service, settings):
        yield Site(gateway)


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory, service: Upstream) -> Iterator[Site]:
    for gateway in started(tmp_path_factory.mktemp("listed"), service, "documents: [queries/*.graphql]"):
        yield Site(gateway)


def test_a_query_is_answered_and_recorded_by_its_name(site: Site) -> None:
    answer = site.ask("query Who($n: Int) { me { id name } orders(first: $n) { id } }", variables={"n": 5})
    assert answer.status_code == 200
    assert answer.json()["data"]["me"] == {"id": "1", "name": "Ann"}
    record = site.gateway.record_of(answer.headers["x-request-id"])
    assert record["operation"] == "POST /graphql"
    assert {"policy": "validate.graphql", "outcome": "allow", "detail": "query Who"} in record["verdicts"]


@pytest.mark.parametrize(
    ("query", "members", "status", "code"),
    [
        ("{ me { id ", {}, 400, "syntax"),
        ("{ me { secret } }", {}, 400, "invalid"),
        ("{ __schema { types { name } } }", {}, 403, "introspection"),
        ('{ a: __type(name: "Order") { name } }', {}, 403, "introspection"),
        (
            "query Q($n: Int) { orders(first: $n) { id } }",
            {"variables": {"n": "many"}},
            400,
            "variables",
        ),
        ("query Q($n: Int) { orders(first: $n) { id } }", {"variables": {"m": 1}}, 400, "variables"),
        ("query Q($n: Int) { orders(first: $n) { id } }", {"variables": {"n": 501}}, 400, "limit"),
        ("{ orders(first: 501) { id } }", {}, 400, "limit"),
        ("{ me { orders { customer { orders { customer { orders { id } } } } } } }", {}, 400, "limit"),
        ("{" + " ".join(f"a{number}: me {{ id }}" for number in range(16)) + "}", {}, 400, "limit"),
        ("{" * 100, {}, 400, "limit"),
        ("subscription { changed }", {}, 400, "invalid"),
        (None, {}, 400, "request"),
        (None, {"operationName": 7}, 400, "request"),
        ("{ me { id } }", {"extra": 1}, 400, "request"),
        (None, {"extensions": UNKNOWN}, 403, "unknown_document"),
        ("query A { me { id } } query B { me { id } }", {}, 400, "request"),
    ],
)
def test_what_is_not_taken_is_refused_without_a_word_about_the_schema(
    site: Site, service: Upstream, query: str | None, members: dict[str, Any], status: int, code: str
) -> None:
    seen = len(service.seen)
    answer = site.ask(query, **members)
    assert (answer.status_code, answer.json()["code"]) == (status, f"validate.graphql_{code}")
    for word in ("Customer", "Order", "did you mean", "secret"):
        assert word.lower() not in answer.text.lower()
    assert len(service.seen) == seen


def test_batches_and_other_media_types_are_refused(site: Site) -> None:
    assert site.send([{"query": "{me{id}}"}] * 2).json()["code"] == "validate.graphql_limit"
    headers = {"X-API-Key": site.keys["guest"], "Content-Type": "text/plain"}
    answer = httpx.post(f"{site.gateway.url}/shop/graphql", content=b'{"query": "{me{id}}"}', headers=headers)
    assert answer.status_code == 415
    assert site.get(query="{me{id}}").status_code == 405


@pytest.mark.parametrize(
    "query",
    [
        "mutation { refund(order: 1) { id } }",
        "{ me { email } }",
        "{ node(id: 1) { ... on Customer { email } } }",
        "query { me { ...f } } fragment f on Customer { x: email }",
    ],
)
def test_fields_that_are_not_everybodys_are_kept(site: Site, service: Upstream, query: str) -> None:
    seen = len(service.seen)
    answer = site.ask(query)
    assert (answer.status_code, answer.json()["code"]) == (403, "validate.graphql_field")
    assert len(service.seen) == seen
    assert site.ask(query, "clerk").status_code == 200


def test_errors_of_the_service_tell_nothing_of_its_inside(site: Site) -> None:
    answer = site.ask("{ broken }").json()
    assert answer["errors"] == [
        {"message": "The request could not be answered.", "extensions": {"code": "E1"}},
        {"message": "Sold out"},
    ]
    assert "extensions" not in answer


def test_what_the_file_opens_is_open(open_site: Site, service: Upstream) -> None:
    assert open_site.ask("{ __schema { types { name } } }").status_code == 200
    answer = open_site.send([{"query": "{me{id}}"}, {"query": "{me{name}}"}])
    assert [each["data"]["me"] for each in answer.json()] == [{"id": "1"}, {"name": "Ann"}]
    service.behaviours["/shop/graphql"] = lambda exchange: exchange.answer(b'{"data": {}}')
    try:
        assert open_site.get(query="query Q($n:Int){orders(first:$n){id}}", variables='{"n": 3}').status_code == 200
        assert open_site.get(query="mutation{refund(order:1){id}}").json()["code"] == "validate.graphql_method"
        assert open_site.get(query="{me{id}}", variables="{").json()["code"] == "validate.graphql_request"
    finally:
        service.behaviours["/shop/graphql"] = resolve


def test_only_listed_operations_are_taken_however_they_are_written(listed: Site) -> None:
    for other in ("fragment who on Customer{name id} query Me{me{...who}}", "{ me { id } }"):
        assert listed.ask(other).json()["code"] == "validate.graphql_unknown_document"
    named = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(QUERY.encode()).hexdigest()}}
    answer = listed.ask(None, extensions=named)
    assert answer.json()["data"]["me"] == {"id": "1", "name": "Ann"}
