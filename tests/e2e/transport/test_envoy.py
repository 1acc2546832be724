"""Envoy in front of the gateway, behind it, and on both sides: what one says, the other takes.

A client calls the Envoy in front; that calls the gateway by HTTP/1.1 or by HTTP/2, both agreed on by TLS; which calls
an Envoy behind it by each protocol that it may speak with services; which calls a service.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import trustme
from debian import debian_program
from envoy import Cluster, Envoy, Listener, envoy_program, running_envoy
from gateway import Gateway, serving
from grpc_service import Client, Shop, serving_shop
from grpc_shop import descriptor_set, messages
from rows import rows
from upstream import Upstream
from websocket_service import WebSocketService
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths:
  /items:
    get: {responses: {"200": {description: Items.}}}
    post:
      requestBody:
        required: true
        content: {application/json: {schema: {type: object, required: [name], properties: {name: {type: string}}}}}
      responses: {"200": {description: Item.}}
  /files/{name}:
    parameters: [{name: name, in: path, required: true, schema: {type: string}}]
    get: {responses: {"200": {description: A file.}}}
    put: {requestBody: {content: {application/octet-stream: {}}}, responses: {"200": {description: Kept.}}}
  /down: {get: {responses: {"200": {description: It works.}, "503": {description: It does not.}}}}
  /down/unsaid: {get: {responses: {"200": {description: It works.}}}}
  /feed: {get: {responses: {"101": {description: Frames.}}}}
"""
LISTENERS = """\
listeners:
  public:
    bind: "127.0.0.1:0"
    tls: {certificate: shop.pem, key: shop.key}
    trusted_proxies: ["127.0.0.1"]
  strange: {bind: "127.0.0.1:0", tls: {certificate: shop.pem, key: shop.key}}
  clear: {bind: "127.0.0.1:0", protocols: [h2, http/1.1]}
observe: {access_log: {path: access.jsonl}}
apis:
"""
API = """\
  NAME:
    hosts: [NAME.example]
    upstream: {targets: ["UPSTREAM"], protocols: [PROTOCOL], ca: ca.pem}
    max_body: 8MiB
    versions: {v1: {spec: shop.yaml}}
    public: true
    operations: {}
"""
GRPC = """\
  grpc:
    hosts: ["*"]
    base_path: /
    upstream: {targets: ["UPSTREAM"], protocols: [h2]}
    versions: {v1: {spec: shop.binpb}}
    public: true
"""
# By name, the listener of the Envoy behind the gateway that an API calls, and the protocol.
APIS = {
    "clear-h2": ("clear", "h2"),
    "clear-h1": ("clear", "http/1.1"),
    "tls-h2": ("tls", "h2"),
    "tls-h1": ("tls", "http/1.1"),
    "narrow-h2": ("narrow", "h2"),
    "counting-h2": ("counting", "h2"),
    "counting-h1": ("counting", "http/1.1"),
    "brief-h2": ("brief", "h2"),
    "brief-h1": ("brief", "http/1.1"),
}
FRONTS = ("h2", "h1")
WAYS = ("clear-h2", "clear-h1", "tls-h2", "tls-h1")
JSON = ("-H", "content-type: application/json")
OCTETS = {"content-type": "application/octet-stream"}
AUTHORITY = trustme.CA()
Order = messages()["Order"]


@dataclass
class Estate:
    """Everything that runs. ``front``, ``back``: the Envoys before and behind ``gateway``."""

    front: Envoy
    gateway: Gateway
    back: Envoy
    service: Upstream
    shop: Shop
    feed: WebSocketService
    client: httpx.Client

    def call(self, method: str, path: str, front: str = "h2", api: str = "clear-h2", **options: Any) -> httpx.Response:
        headers = {"host": f"{api}.example", **options.pop("headers", {})}
        return self.client.request(method, self.front.url(front) + path, headers=headers, **options)


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    envoy_program()
    folders = {name: tmp_path_factory.mktemp(name) for name in ("front", "gateway", "back")}
    ca = write_files(folders["gateway"])
    service, feed = Upstream(), WebSocketService()
    service.behaviours["/files/large"] = lambda exchange: exchange.answer(exchange.body)
    try:
        with (
            socket.socket() as nobody,
            serving_shop() as (shop, shop_url),
            running_envoy(
                folders["back"],
                listeners_behind((folders["gateway"] / "back.pem", folders["gateway"] / "back.key")),
                services(service, feed, shop_url, nobody),
            ) as back,
            serving(folders["gateway"], SPEC, configuration(back), "") as gateway,
            running_envoy(folders["front"], *in_front_of(gateway, ca)) as front,
            httpx.Client(timeout=20) as client,
        ):
            yield Estate(front, gateway, back, service, shop, feed, client)
    finally:
        service.stop()
        feed.stop()


def write_files(folder: Path) -> Path:
    for name, host in (("shop", "shop.example"), ("back", "127.0.0.1")):
        issued = AUTHORITY.issue_cert(host)
        issued.private_key_pem.write_to_path(folder / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
    (folder / "shop.binpb").write_bytes(descriptor_set().SerializeToString())
    AUTHORITY.cert_pem.write_to_path(folder / "ca.pem")
    return folder / "ca.pem"


def listeners_behind(certificate: tuple[Path, Path]) -> dict[str, Listener]:
    routes = {
        "/shop.Orders/Chat": "nobody",
        "/shop.Orders/": "shop",
        "/feed": "feed",
        "/down": "nobody",
        "/": "service",
    }
    return {
        "clear": Listener(routes),
        "tls": Listener(routes, certificate),
        "narrow": Listener(routes, http2={"max_concurrent_streams": 5, "initial_stream_window_size": 65_535}),
        "counting": Listener(routes, connection={"max_requests_per_connection": 7}),
        "brief": Listener(routes, connection={"max_connection_duration": "0.1s"}),
    }


def services(service: Upstream, feed: WebSocketService, shop: str, nobody: socket.socket) -> dict[str, Cluster]:
    nobody.bind(("127.0.0.1", 0))  # and does not listen
    return {
        "service": Cluster(port_of(service.url)),
        "feed": Cluster(port_of(feed.url)),
        "shop": Cluster(port_of(shop), "h2"),
        "nobody": Cluster(nobody.getsockname()[1]),
    }


def configuration(back: Envoy) -> str:
    text = LISTENERS + GRPC.replace("UPSTREAM", back.url("clear"))
    for name, (listener, protocol) in APIS.items():
        url = back.url(listener)
        api = API.replace("UPSTREAM", url.replace("http:", "https:") if listener == "tls" else url)
        api = api if listener == "tls" else api.replace(", ca: ca.pem", "")
        if protocol == "http/1.1":
            api = api.replace("operations: {}", 'operations: {"GET /feed": {websocket: {messages: {max_size: 1KiB}}}}')
        text += api.replace("NAME", name).replace("PROTOCOL", protocol)
    return text


def in_front_of(gateway: Gateway, ca: Path) -> tuple[dict[str, Listener], dict[str, Cluster]]:
    port, clear = gateway.address[1], port_of(gateway.urls["clear"])
    clusters = {
        "h2": Cluster(port, "h2", ca),
        "h1": Cluster(port, "http/1.1", ca),
        "bounded": Cluster(port, "h2", ca, http2={"max_concurrent_streams": 100}),
        "strange": Cluster(port_of(gateway.urls["strange"]), "h2", ca),
        "clear": Cluster(clear, "h2"),
        "counting-h2": Cluster(port, "h2", ca, requests=7),
        "counting-h1": Cluster(port, "http/1.1", ca, requests=7),
    }
    return {name: Listener({"/": name}) for name in clusters}, clusters


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def loaded(estate: Estate, front: str, api: str, *options: str, path: str = "/items") -> str:
    """What h2load says of its calls, which go over one connection."""
    program = debian_program("h2load", "nghttp2-client")
    argv = [program, "-c1", "-H", f":authority: {api}.example", *options, estate.front.url(front) + path]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stdout


# Calls and bodies.


@rows("front", FRONTS)
@rows("api", WAYS)
def test_calls_and_large_bodies_pass_by_every_protocol(estate: Estate, front: str, api: str) -> None:
    assert estate.call("GET", "/items", front, api).json() == {"ok": True}
    assert estate.call("POST", "/items", front, api, json={"name": "pen"}).status_code == 200
    sent = os.urandom(4_000_000)
    answer = estate.call("PUT", "/files/large", front, api, content=sent, headers=OCTETS)
    assert (answer.status_code, answer.content == sent) == (200, True)
    via = estate.service.seen[-1].field("via") or ""
    assert via.startswith("2.0" if front == "h2" else "1.1")


@rows("front", FRONTS)
@rows("api", WAYS)
def test_a_body_of_unknown_length_passes(estate: Estate, front: str, api: str) -> None:
    pieces = [os.urandom(100_000) for _ in range(20)]
    answer = estate.call("PUT", "/files/large", front, api, content=iter(pieces), headers=OCTETS)
    assert answer.content == b"".join(pieces)


@rows("api", WAYS)
def test_many_calls_over_one_connection_lose_nothing(estate: Estate, api: str) -> None:
    said = loaded(estate, "h2", api, "-n2000", "-m80")
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in said
    assert "status codes: 2000 2xx" in said
    assert estate.front.count("cluster.h2.upstream_cx_total") == 1


def test_nor_do_more_than_either_side_takes_at_a_time(estate: Estate) -> None:
    said = loaded(estate, "bounded", "narrow-h2", "-n1000", "-m300")
    assert "status codes: 1000 2xx" in said
    sent = os.urandom(2_000_000)
    answer = estate.call("PUT", "/files/large", api="narrow-h2", content=sent, headers=OCTETS)
    assert answer.content == sent


def test_large_answers_at_a_time_share_a_connection(estate: Estate) -> None:
    large = b"x" * 1_000_000
    estate.service.behaviours["/files/much"] = lambda exchange: exchange.answer(large)
    said = loaded(estate, "h2", "clear-h2", "-n40", "-m20", path="/files/much")
    assert "40 succeeded, 0 failed" in said
    assert "status codes: 40 2xx" in said


def test_the_service_is_told_who_called_as_envoy_in_front_saw_it(estate: Estate) -> None:
    answer = estate.call("GET", "/items", headers={"x-forwarded-for": "198.51.100.1"})
    client = estate.gateway.record_of(answer.headers["x-request-id"])["client"]
    told = estate.service.seen[-1].field("x-forwarded-for") or ""
    assert told.split(",")[0] == client
    assert "198.51.100.1" not in told


# What the gateway refuses, and what Envoy does.


@rows("front", FRONTS)
def test_a_refusal_is_seen_through_envoy(estate: Estate, front: str) -> None:
    answer = estate.call("POST", "/items", front, json={"name": 1})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["code"] == "validate.wrong_type"
    assert estate.call("GET", "/nothing", front).json()["code"] == "guard.unknown_path"


def test_a_scheme_that_is_not_the_connections_is_believed_of_trusted_proxies_only(estate: Estate) -> None:
    """Envoy passes on the scheme that it was called by, here http, whatever it speaks to the gateway."""
    answer = estate.call("GET", "/items", "strange")
    assert (answer.status_code, answer.json()["code"]) == (400, "guard.malformed_request")


@rows("front", FRONTS)
def test_a_body_that_is_too_large_is_refused_while_it_comes(estate: Estate, front: str) -> None:
    answer = estate.call("PUT", "/files/large", front, content=b"x" * 12_000_000, headers=OCTETS)
    assert (answer.status_code, answer.json()["code"]) == (413, "guard.body_too_large")
    assert estate.call("GET", "/items", front).status_code == 200


@rows("api", WAYS)
def test_what_envoy_itself_answers_is_passed_on_if_the_document_says_so(estate: Estate, api: str) -> None:
    said = estate.call("GET", "/down", api=api)
    assert (said.status_code, said.headers["content-type"]) == (503, "text/plain")
    assert "upstream connect error" in said.text
    unsaid = estate.call("GET", "/down/unsaid", api=api)
    assert (unsaid.status_code, unsaid.json()["code"]) == (503, "validate.response")


# Connections that end.


@rows("front", ("h2", "h1"))
@rows("api", ("counting-h2", "counting-h1", "brief-h2", "brief-h1"))
def test_no_call_is_lost_where_envoy_behind_ends_connections(estate: Estate, front: str, api: str) -> None:
    said = loaded(estate, front, api, "-n800", "-m20")
    assert "status codes: 800 2xx" in said
    listener = APIS[api][0]
    assert estate.back.count(f"http.{listener}.downstream_cx_total") > 1


@rows("front", ("counting-h2", "counting-h1"))
def test_nor_where_envoy_in_front_does(estate: Estate, front: str) -> None:
    said = loaded(estate, front, "clear-h1", "-n300", "-m20")
    assert "status codes: 300 2xx" in said
    assert estate.front.count(f"cluster.{front}.upstream_cx_total") >= 300 // 7


@rows("api", ("counting-h2", "counting-h1"))
def test_calls_that_can_not_be_repeated_are_not_lost_either(estate: Estate, api: str, tmp_path: Path) -> None:
    (tmp_path / "item").write_text('{"name": "pen"}')
    said = loaded(estate, "counting-h2", api, "-n200", "-m20", "-d", str(tmp_path / "item"), *JSON)
    assert "status codes: 200 2xx" in said


@rows("api", ("counting-h2", "counting-h1"))
def test_bodies_are_not_lost_either(estate: Estate, api: str) -> None:

    def send(number: int) -> bool:
        sent = os.urandom(100_000 + number)
        return estate.call("PUT", "/files/large", api=api, content=sent, headers=OCTETS).content == sent

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(send, range(60)))


# gRPC.


@rows("front", ("h2", "clear"))
def test_a_call_of_grpc_is_answered(estate: Estate, front: str) -> None:
    with Client(f"127.0.0.1:{estate.front.ports[front]}") as client:
        answer, call = client.method("Get").with_call(Order(id="200000"), timeout=10)
        assert (answer.state, len(answer.payload)) == (1, 200_000)
        assert dict(call.trailing_metadata())["x-cost"] == "7"
        many = client.method("Import", "stream_unary")((Order(id=str(each)) for each in range(100)), timeout=10)
        assert many.count == 100
        assert [each.id for each in client.method("Watch", "unary_stream")(Order(id="5"), timeout=10)] == list("01234")


@rows(
    ("method", "order", "status", "words"),
    [
        ("Get", "missing", "NOT_FOUND", "no such order: 100% sure"),
        ("/shop.Orders/Nothing", "a", "UNIMPLEMENTED", "guard.unknown_path"),
        ("Chat", "a", "UNAVAILABLE", "upstream connect error"),
    ],
    ids=("the service says", "the gateway says", "envoy says"),
)
def test_why_a_call_of_grpc_failed_reaches_the_client(
    estate: Estate, method: str, order: str, status: str, words: str
) -> None:
    with Client(f"127.0.0.1:{estate.front.ports['h2']}") as client, pytest.raises(grpc.RpcError) as caught:
        client.method(method)(Order(id=order), timeout=10)
    failure: grpc.Call = caught.value  # type: ignore[assignment]
    assert failure.code().name == status
    assert words in failure.details()


# WebSockets.


def opened(estate: Estate, api: str, front: str = "h1") -> ClientConnection:
    client = socket.create_connection(("127.0.0.1", estate.front.ports[front]))
    return connect(f"ws://{api}.example/feed", sock=client, open_timeout=10, compression=None)


@rows("api", ("clear-h1", "tls-h1"))
def test_frames_pass_through_both(estate: Estate, api: str) -> None:
    with opened(estate, api) as client:
        for message in ("text", b"\0binary", "x" * 1000):
            client.send(message)
            assert client.recv(timeout=5) == message
    assert estate.feed.closes[-1][:2] == b"\x03\xe8"


def test_a_message_that_is_refused_ends_the_session(estate: Estate) -> None:
    with opened(estate, "clear-h1") as client:
        client.send("x" * 2000)
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=5)
        assert client.close_code == 1009


def test_a_handshake_that_is_refused_is_answered(estate: Estate) -> None:
    with pytest.raises(InvalidStatus) as caught:
        opened(estate, "clear-h2")
    assert caught.value.response.status_code == 400
