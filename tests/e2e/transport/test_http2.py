"""HTTP/2 on the client's side, over real sockets: by real clients, and by one that sends what it likes."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme
from debian import debian_program
from gateway import Gateway, serving, wait_for
from http2_client import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GET,
    HEADERS,
    PING,
    POST,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Fields,
    Http2Client,
    connect,
    frame,
    setting,
    word,
)
from http2_faults import FAULTS, Fault
from upstream import Exchange, Upstream, hang, slowly

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths:
  /a:
    get: {responses: {"200": {description: For the table of faults.}}}
    post: {requestBody: {content: {application/json: {}}}, responses: {"200": {description: The same.}}}
  /items:
    get: {responses: {"200": {description: Items.}}}
    head: {responses: {"200": {description: Items.}}}
    post: {requestBody: {content: {application/json: {schema: {}}}}, responses: {"200": {description: Item.}}}
    delete: {responses: {"204": {description: Gone.}}}
  /files/{name}:
    parameters: [{name: name, in: path, required: true, schema: {type: string}}]
    get: {responses: {"200": {description: A file.}}}
    put: {requestBody: {content: {application/octet-stream: {}}}, responses: {"200": {description: Kept.}}}
"""
CONFIGURATION = """\
listeners:
  public:
    bind: "127.0.0.1:0"
    tls: {certificate: shop.pem, key: shop.key}
    timeouts: {header: 1s, body: 2s, idle: 3s}
  patient:
    bind: "127.0.0.1:0"
    tls: {certificate: shop.pem, key: shop.key}
    http2: {max_concurrent_streams: 1000, max_resets_per_minute: 50, max_control_frames_per_minute: 1000}
  clear: {bind: "127.0.0.1:0", protocols: [h2, http/1.1]}
  known: {bind: "127.0.0.1:0", protocols: [h2]}
  admin: {bind: "127.0.0.1:0"}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"], max_connections: 2000}
    max_body: 8MiB
    versions: {v1: {spec: shop.yaml}}
    public: true
"""
AUTHORITY = trustme.CA()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    service = Upstream()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    issued = AUTHORITY.issue_cert("shop.example")
    issued.private_key_pem.write_to_path(folder / "shop.key")
    issued.cert_chain_pems[0].write_to_path(folder / "shop.pem")
    AUTHORITY.cert_pem.write_to_path(folder / "authority.pem")
    with serving(folder, SPEC, CONFIGURATION, upstream.url) as running:
        yield running


@pytest.fixture
def context() -> ssl.SSLContext:
    made = ssl.create_default_context()
    AUTHORITY.configure_trust(made)
    made.set_alpn_protocols(["h2"])
    return made


@pytest.fixture
def client(gateway: Gateway, context: ssl.SSLContext) -> Iterator[Http2Client]:
    with connect(gateway.address, context) as connected:
        yield connected


@pytest.fixture
def patient(gateway: Gateway, context: ssl.SSLContext) -> Iterator[Http2Client]:
    with connect(address_of(gateway, "patient"), context) as connected:
        yield connected


def address_of(gateway: Gateway, listener: str) -> tuple[str, int]:
    host, _, port = gateway.urls[listener].rpartition("/")[2].rpartition(":")
    return host, int(port)


def curl(gateway: Gateway, *arguments: str, listener: str = "public", path: str = "/items") -> tuple[str, str, bytes]:
    """The protocol, the status and the body that curl saw."""
    program = shutil.which("curl")
    if program is None:
        pytest.skip("curl is not installed")
    scheme, _, place = gateway.urls[listener].partition("://")
    port = place.rpartition(":")[2]
    done = subprocess.run(
        [
            *(program, "-sS", "--max-time", "20", "--cacert", str(gateway.directory / "authority.pem")),
            *("--resolve", f"shop.example:{port}:127.0.0.1", "-w", "\n%{http_version} %{http_code}", *arguments),
            f"{scheme}://shop.example:{port}{path}",
        ],
        capture_output=True,
        check=True,
    )
    body, _, line = done.stdout.rpartition(b"\n")
    version, status = line.decode().split()
    return version, status, body


# Real clients.


def test_curl_is_answered_by_http2(gateway: Gateway, upstream: Upstream) -> None:
    assert curl(gateway, "--http2") == ("2", "200", b'{"ok": true}')
    seen = upstream.seen[-1]
    assert seen.line == "GET /items HTTP/1.1"
    assert seen.field("via") == "2.0 portcullis"
    assert seen.field("forwarded") is not None
    assert seen.field("x-forwarded-proto") == "https"


def test_a_client_that_prefers_http_1_1_gets_it(gateway: Gateway) -> None:
    assert curl(gateway, "--http1.1")[:2] == ("1.1", "200")


@pytest.mark.parametrize("listener", ["clear", "known"])
def test_who_knows_that_http2_is_spoken_in_clear_may_begin_with_it(gateway: Gateway, listener: str) -> None:
    assert curl(gateway, "--http2-prior-knowledge", listener=listener)[:2] == ("2", "200")


def test_a_listener_in_clear_that_speaks_both_still_speaks_http_1_1(gateway: Gateway) -> None:
    assert curl(gateway, "--http1.1", listener="clear")[:2] == ("1.1", "200")


def test_an_upgrade_to_http2_is_not_offered(gateway: Gateway) -> None:
    assert curl(gateway, "--http2", listener="clear")[:2] == ("1.1", "400")


def test_one_connection_serves_many_requests(client: Http2Client) -> None:
    for _ in range(3):
        streams = [client.request(GET) for _ in range(20)]
        for stream in streams:
            answer = client.wait(stream)
            assert (answer.status, answer.body) == (200, b'{"ok": true}')
            assert answer.fields["content-length"] == "12"


def test_nghttp_fetches_many_at_a_time(gateway: Gateway) -> None:
    program = debian_program("nghttp", "nghttp2-client")
    urls = [f"{gateway.url}/files/{number}" for number in range(30)]
    argv = [program, "-nv", "-H", ":authority: shop.example", *urls]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0
    assert done.stdout.count(":status: 200") == 30


def test_h2load_loses_nothing(gateway: Gateway) -> None:
    program = debian_program("h2load", "nghttp2-client")
    argv = [program, "-n2000", "-c4", "-m50", "-H", ":authority: shop.example", f"{gateway.url}/items"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in done.stdout
    assert "status codes: 2000 2xx" in done.stdout


# Requests and answers.


def test_curl_sends_a_large_body_and_gets_one_back(gateway: Gateway, upstream: Upstream, tmp_path: Path) -> None:
    body = bytes(range(256)) * 12_000
    (tmp_path / "body").write_bytes(body)
    upstream.behaviours["/files/large"] = lambda exchange: exchange.answer(exchange.body)
    options = ["--http2", "-T", str(tmp_path / "body"), "-H", "Content-Type: application/octet-stream"]
    assert curl(gateway, *options, path="/files/large") == ("2", "200", body)
    assert upstream.seen[-1].body == body


def test_head_and_no_content_have_no_body(client: Http2Client, upstream: Upstream) -> None:
    upstream.behaviours["/items"] = lambda exchange: exchange.send(
        b"HTTP/1.1 204 No Content\r\n\r\n"
        if exchange.line.startswith("DELETE")
        else b"HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n"
    )
    try:
        head = client.wait(client.request([(":method", "HEAD"), *GET[1:]]))
        assert (head.status, head.fields["content-length"], head.body, head.ended) == (200, "77", b"", True)
        gone = client.wait(client.request([(":method", "DELETE"), *GET[1:]]))
        assert (gone.status, gone.body, gone.ended) == (204, b"", True)
    finally:
        del upstream.behaviours["/items"]


def test_a_client_waits_for_100_continue(client: Http2Client) -> None:
    fields: Fields = [*POST, ("content-type", "application/json"), ("expect", "100-continue")]
    client.send(client.headers(1, fields, ended=False))
    while 1 not in client.answers:
        client.read()
    assert client.answers[1].informational == [100]
    client.send(frame(DATA, END_STREAM, 1, b"{}"))
    assert client.wait(1).status == 200


def test_an_answer_streams_as_it_comes(client: Http2Client, upstream: Upstream) -> None:
    upstream.behaviours["/files/slow"] = slowly([b"a", b"b", b"c"], 0.1)
    answer = client.wait(client.request([*GET[:3], (":path", "/files/slow")]))
    assert (answer.body, answer.ended) == (b"abc", True)
    assert [kind for kind, _, _, payload in client.frames if kind == DATA and payload] == [DATA] * 3


def test_an_answer_that_is_cut_is_reset(client: Http2Client, upstream: Upstream) -> None:
    upstream.behaviours["/files/cut"] = cut
    answer = client.wait(client.request([*GET[:3], (":path", "/files/cut")]))
    assert (answer.body, answer.ended, answer.reset) == (b"abc", False, 2)
    assert client.wait(client.request(GET)).status == 200


def cut(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nabc")
    exchange.socket.close()


def test_cookies_and_the_host_reach_the_service_as_http_1_1_has_them(client: Http2Client, upstream: Upstream) -> None:
    fields: Fields = [*GET, ("cookie", "a=1"), ("x-a", "1"), ("cookie", "b=2"), ("te", "trailers")]
    assert client.wait(client.request(fields)).status == 200
    seen = upstream.seen[-1]
    assert seen.field("te") is None
    assert seen.field("x-forwarded-host") == "shop.example"


# What a client does wrong, over the wire.


# Here bytes are used as they come, so that the window opens meanwhile.
ON_THE_WIRE = [fault for fault in FAULTS if fault.what != "more on a stream than its window"]


@pytest.mark.parametrize("fault", ON_THE_WIRE, ids=str)
def test_what_a_client_does_wrong_has_the_outcome_of_the_table(
    gateway: Gateway, upstream: Upstream, context: ssl.SSLContext, fault: Fault
) -> None:
    before = len(upstream.seen)
    with raw(gateway, context) as client:
        client.send(fault.wire)
        if fault.outcome == "GOAWAY":
            goaway = client.wait_for_end()
            assert goaway is not None
            assert goaway[1] in fault.codes
        else:
            answer = client.wait(1)
            if fault.outcome == "RST_STREAM":
                assert answer.reset in fault.codes
            else:
                assert answer.status == (200 if fault.outcome == "served" else fault.outcome)
            client.ping()
            assert not client.closed
    if fault.outcome not in ("served", "RST_STREAM", "GOAWAY") and not fault.sent.count(b"\0\x04\0\0\0\1"):
        assert len(upstream.seen) == before


def raw(gateway: Gateway, context: ssl.SSLContext) -> Http2Client:
    """A client that has sent nothing yet."""
    return connect(gateway.address, context, begins=False)


def test_the_gateway_is_well_after_all_that(gateway: Gateway) -> None:
    assert curl(gateway, "--http2")[:2] == ("2", "200")
    assert "Traceback" not in gateway.errors()
    assert "panicked" not in gateway.errors()


# Attacks.


def test_rapid_reset(gateway: Gateway, patient: Http2Client) -> None:
    for number in range(1, 2001, 2):
        patient.send(patient.headers(number, GET) + frame(RST_STREAM, 0, number, word(8)))
    goaway = patient.wait_for_end()
    assert goaway is None or goaway[1] == 11
    assert curl(gateway, "--http2", listener="patient")[:2] == ("2", "200")


def test_continuation_flood(patient: Http2Client) -> None:
    patient.send(frame(HEADERS, END_STREAM, 1, patient.encoder.encode(GET)))
    for _ in range(1000):
        patient.send(frame(CONTINUATION, 0, 1, b"\0\1a\1b" * 100))
    goaway = patient.wait_for_end()
    assert goaway is None or goaway[1] == 11


def test_hpack_bomb(patient: Http2Client) -> None:
    stream = patient.request([*GET, ("x-bomb", "x" * 3500)])
    assert patient.wait(stream).status == 200
    patient.send(frame(HEADERS, END_HEADERS | END_STREAM, 3, b"\xbe" * 16_000))
    goaway = patient.wait_for_end()
    assert goaway is not None
    assert goaway[1] == 11


@pytest.mark.parametrize(
    "flood",
    [
        frame(PING, 0, 0, bytes(8)),
        frame(SETTINGS, 0, 0, setting(4, 65535)),
        frame(SETTINGS, ACK, 0),
        frame(WINDOW_UPDATE, 0, 0, word(1)),
        frame(DATA, 0, 1),
        frame(0xBE, 0, 0, b"unknown"),
    ],
    ids=["ping", "settings", "acknowledged", "window", "empty", "unknown"],
)
def test_floods_of_frames_that_bring_nothing(gateway: Gateway, patient: Http2Client, flood: bytes) -> None:
    patient.send(patient.headers(1, [*POST, ("content-type", "application/json")], ended=False))
    for _ in range(20):
        patient.send(flood * 100)
    goaway = patient.wait_for_end()
    assert goaway is None or goaway[1] == 11
    assert curl(gateway, "--http2", listener="patient")[:2] == ("2", "200")


def test_answers_that_nobody_takes_are_given_up(gateway: Gateway, context: ssl.SSLContext, upstream: Upstream) -> None:
    body = b"x" * 1_000_000
    upstream.behaviours["/files/unwanted"] = lambda exchange: exchange.answer(body)
    with connect(gateway.address, context, setting(4, 1000), takes=False) as client:
        streams = [client.request([*GET[:3], (":path", "/files/unwanted")]) for _ in range(20)]
        for stream in streams:
            answer = client.wait(stream)
            assert (answer.body, answer.reset) == (b"x" * 1000, 8)
        assert client.wait(client.request([*GET[:3], (":path", "/files/none")])).status == 200


def test_a_socket_that_nobody_reads_is_cut_off(gateway: Gateway, context: ssl.SSLContext, upstream: Upstream) -> None:
    upstream.behaviours["/files/unread"] = lambda exchange: exchange.answer(b"x" * 4_000_000)
    client = connect(gateway.address, context, setting(4, 2**31 - 1), takes=False, receive_buffer=4096)
    with client:
        client.send(frame(WINDOW_UPDATE, 0, 0, word(2**30)))
        client.request([*GET[:3], (":path", "/files/unread")])
        time.sleep(6)
        client.wait_for_end()
        assert client.closed
        assert 1 not in client.answers or not client.answers[1].ended


def test_pings_that_are_never_read_do_not_fill_the_memory(patient: Http2Client) -> None:
    patient.socket.settimeout(3)
    for _ in range(500):
        patient.send(frame(PING, 0, 0, bytes(8)) * 1000)
        if patient.closed:
            break
    assert patient.closed


def test_a_slow_head_and_a_slow_preface_end(gateway: Gateway, context: ssl.SSLContext) -> None:
    with raw(gateway, context) as client:
        client.send(b"PRI * HTTP/2.0")
        assert client.wait_for_end() is not None
    with connect(gateway.address, context) as client:
        client.send(frame(HEADERS, END_STREAM, 1, b"\x82"))
        assert client.wait_for_end() is not None


def test_a_slow_body_is_answered_and_its_connection_lives(client: Http2Client) -> None:
    client.send(client.headers(1, [*POST, ("content-type", "application/json"), ("content-length", "9")], ended=False))
    assert client.wait(1).status == 408
    client.send(client.headers(3, GET))
    assert client.wait(3).status == 200


def test_an_idle_connection_is_sent_away(client: Http2Client) -> None:
    assert client.wait(client.request(GET)).status == 200
    assert client.wait_for_end() == (1, 0, b"")


def test_a_thousand_streams_at_a_time(patient: Http2Client, upstream: Upstream) -> None:
    upstream.behaviours["/files/slow"] = slowly([b"a"], 0.5)
    streams = [patient.request([*GET[:3], (":path", "/files/slow")]) for _ in range(1000)]
    assert {patient.wait(stream).status for stream in streams} == {200}


def test_one_stream_too_many_is_refused(client: Http2Client, upstream: Upstream) -> None:
    upstream.behaviours["/files/hang"] = hang
    streams = [client.request([*GET[:3], (":path", "/files/hang")]) for _ in range(101)]
    assert client.wait(streams[-1]).reset == 7


def test_a_client_that_cancels_lets_the_service_know(client: Http2Client, upstream: Upstream) -> None:
    upstream.behaviours["/files/hang"] = hang
    upstream.closed_by_gateway.clear()
    stream = client.request([*GET[:3], (":path", "/files/hang")])
    client.ping()
    time.sleep(0.2)
    client.send(frame(RST_STREAM, 0, stream, word(8)))
    assert upstream.closed_by_gateway.wait(5)


def test_connections_that_were_ended_are_counted_by_why(gateway: Gateway, patient: Http2Client) -> None:
    def counted() -> float:
        text = httpx.get(f"{gateway.urls['admin']}/metrics").text
        found = re.search(r'\nportcullis_http2_connections_ended_total{code="compression_error"} (\S+)\n', text)
        return float(found[1]) if found else 0

    before = counted()
    patient.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x80"))
    assert patient.wait_for_end() is not None
    wait_for(lambda: counted() == before + 1, "the connection to be counted")


# Reloads and stops.


def test_a_reload_loses_no_stream(gateway: Gateway, context: ssl.SSLContext, upstream: Upstream) -> None:
    upstream.behaviours["/files/slow"] = slowly([b"a", b"b"], 1.0)
    workers = gateway.workers()
    with connect(address_of(gateway, "patient"), context) as client:
        streams = [client.request([*GET[:3], (":path", "/files/slow")]) for _ in range(10)]
        client.ping()
        gateway.reload()
        while client.goaway is None:
            client.read()
        assert client.goaway[:2] == (2**31 - 1, 0)
        for stream in streams:
            answer = client.wait(stream)
            assert (answer.status, answer.body, answer.ended) == (200, b"ab", True)
        assert client.wait_for_end() == (streams[-1], 0, b"")
    assert curl(gateway, "--http2")[:2] == ("2", "200")
    wait_for(lambda: set(workers).isdisjoint(gateway.workers()), "the old workers to end")
