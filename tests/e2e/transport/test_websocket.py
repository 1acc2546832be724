"""WebSockets through a running gateway, by a client's library and by bytes on the wire."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from commands import portcullis
from gateway import Gateway, create_key, serving, wait_for
from websocket_service import WebSocketService, Wire, field, frame, switching
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

PATHS = ("feed", "open", "chat", "slow", "keyed", "rated", "packed", "brief", "inspected", "orders")
SPEC = (
    """\
openapi: 3.1.0
info: {title: Feed, version: "1"}
paths:
"""
    + "".join(f"  /{name}: {{get: {{responses: {{'101': {{description: Frames.}}}}}}}}\n" for name in PATHS)
    + "  /plain: {get: {responses: {'200': {description: Anything.}}}}\n"
)
CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {partners: {api_key: {}}}
apis:
  feed:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    public: true
    operations:
      "GET /feed": {websocket: {origins: ["https://app.example.com"], messages: {max_size: 100KiB}}}
      "GET /open": {websocket: {without_origin: refuse}}
      "GET /chat":
        websocket: {subprotocols: [v2.chat], messages: {from_client: message.yaml, from_service: message.yaml}}
      "GET /slow": {websocket: {idle: 1s}}
      "GET /keyed": {public: false, authenticate: [partners], websocket: {}}
      "GET /rated": {websocket: {messages: {per_second: 2}}}
      "GET /packed": {websocket: {compression: allow}}
      "GET /brief": {websocket: {lifetime: 1s}}
      "GET /orders": {websocket: {messages: {asyncapi: feed.asyncapi.yaml, channel: feed}}}
      "GET /inspected": {websocket: {messages: {inspect: true, binary: refuse}}}
observe: {access_log: {path: access.jsonl}}
process: {drain: 2s}
"""
SCHEMA = """\
type: object
required: [text]
properties: {text: {type: string, maxLength: 20}}
additionalProperties: false
"""
STOP = """\
stop: {type: object, required: [type], properties: {type: {const: stop}}}
"""
ASYNCAPI = """\
asyncapi: 3.0.0
info: {title: Feed, version: "1"}
channels:
  feed:
    messages:
      buy: {payload: {type: object, required: [type, count], properties: {type: {const: buy}, count: {type: integer}}}}
      stop: {payload: {$ref: "message.yaml#/stop"}}
operations:
  take: {action: receive, channel: {$ref: "#/channels/feed"}}
  tell: {action: send, channel: {$ref: "#/channels/feed"}, messages: [{$ref: "#/channels/feed/messages/buy"}]}
"""
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
MASK = b"\x01\x02\x03\x04"


@pytest.fixture(scope="module")
def service() -> Iterator[WebSocketService]:
    running = WebSocketService()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def gateway(service: WebSocketService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    directory = tmp_path_factory.mktemp("gateway")
    (directory / "message.yaml").write_text(SCHEMA + STOP)
    (directory / "feed.asyncapi.yaml").write_text(ASYNCAPI)
    with serving(directory, SPEC, CONFIGURATION, service.url) as running:
        yield running


def opened(gateway: Gateway, path: str, **options: object) -> ClientConnection:
    url = gateway.url.replace("http://", "ws://") + path
    return connect(url, compression=options.pop("compression", None), open_timeout=10, **options)  # type: ignore[arg-type]


def refused(gateway: Gateway, path: str, **options: object) -> int:
    with pytest.raises(InvalidStatus) as caught:
        opened(gateway, path, **options)
    return caught.value.response.status_code


def handshake(gateway: Gateway, path: str, *lines: bytes, **changed: bytes) -> bytes:
    """What comes to a handshake in bytes; ``changed`` by name, with underscores, and empty for none."""
    fields = {
        "Upgrade": b"websocket",
        "Connection": b"Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": b"13",
    }
    fields.update({name.replace("_", "-"): value for name, value in changed.items()})
    head = [f"GET {path} HTTP/1.1".encode(), b"Host: feed"]
    head += [name.encode() + b": " + value for name, value in fields.items() if value]
    return b"\r\n".join([*head, *lines]) + b"\r\n\r\n"


WIRES: list[Wire] = []


@pytest.fixture(autouse=True)
def _close_wires() -> Iterator[None]:
    yield
    while WIRES:
        WIRES.pop().socket.close()


def wired(gateway: Gateway, path: str = "/feed", *lines: bytes) -> Wire:
    client = gateway.connect()
    client.sendall(handshake(gateway, path, *lines))
    wire = Wire(client)
    WIRES.append(wire)
    wire.answer = wire.head()
    assert wire.answer.startswith(b"HTTP/1.1 101 ")
    return wire


def end_of(gateway: Gateway, session: Wire | ClientConnection) -> dict[str, Any]:
    """The record of the end of ``session``, as soon as it is written."""
    if isinstance(session, Wire):
        request_id = field(session.answer, b"x-request-id").decode()
    else:
        assert session.response is not None
        request_id = session.response.headers["x-request-id"]

    def find() -> dict[str, Any] | None:
        found = [each for each in gateway.records() if each["request_id"] == request_id and each["session"] == "end"]
        return found[0] if found else None

    return wait_for(find, "the end of a session")


def test_messages_pass_in_both_directions_and_are_counted(gateway: Gateway, service: WebSocketService) -> None:
    with opened(gateway, "/feed") as client:
        for message in ("a", "ü" * 1000, b"\0" * 70_000, ""):
            client.send(message)
            assert client.recv(timeout=5) == message
        assert client.ping().wait(5)
    record = end_of(gateway, client)
    assert (record["messages_in"], record["messages_out"], record["close_code"]) == (4, 4, 1000)
    assert record["decision"] == "allow"
    assert record["bytes_in"] > 72_000
    assert record["bytes_out"] > 72_000
    opening = [each for each in gateway.records() if each["request_id"] == record["request_id"]]
    assert [each["session"] for each in opening] == ["open", "end"]
    assert opening[0]["status"] == 101
    assert "messages_in" not in opening[0]
    assert service.closes[-1][:2] == b"\x03\xe8"


def test_a_fragmented_message_passes_with_a_ping_inside(gateway: Gateway) -> None:
    wire = wired(gateway)
    parts = (frame(1, b"Hel", fin=False, mask=MASK), frame(9, b"?", mask=MASK), frame(0, b"lo", mask=MASK))
    for byte in b"".join(parts):
        wire.socket.sendall(bytes([byte]))
    assert [wire.frame() for _ in range(3)] == [(0x01, b"Hel"), (0x8A, b"?"), (0x80, b"lo")]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Sec_WebSocket_Version": b"8"}, b"426"),
        ({"Sec_WebSocket_Version": b""}, b"426"),
        ({"Sec_WebSocket_Key": b""}, b"400"),
        ({"Sec_WebSocket_Key": b"c2hvcnQ="}, b"400"),
        ({"Sec_WebSocket_Key": KEY + b", " + KEY}, b"400"),
        ({"Sec_WebSocket_Protocol": b"a, a"}, b"400"),
        ({"Sec_WebSocket_Protocol": b"a b"}, b"400"),
        ({"Upgrade": b"h2c"}, b"400"),
        ({"Upgrade": b""}, b"426"),
        ({"Connection": b"keep-alive"}, b"426"),
        ({"Content_Length": b"1"}, b"400"),
        ({"Origin": b"https://evil.example"}, b"403"),
        ({"Origin": b"null"}, b"403"),
        ({"Origin": b"https://app.example.com.evil.example"}, b"403"),
        ({"Cookie": b"session=1"}, b"403"),
    ],
)
def test_a_wrong_handshake_never_reaches_the_service(
    gateway: Gateway, service: WebSocketService, changed: dict[str, bytes], status: bytes
) -> None:
    before = len(service.heads)
    with gateway.connect() as client:
        client.sendall(handshake(gateway, "/feed", **changed) + b"x")
        assert client.recv(65536).startswith(b"HTTP/1.1 " + status)
    assert len(service.heads) == before


@pytest.mark.parametrize("origin", [b"https://app.example.com", b"http://feed"])
def test_pages_of_the_file_and_of_the_host_may_connect_with_cookies(gateway: Gateway, origin: bytes) -> None:
    wired(gateway, "/feed", b"Origin: " + origin, b"Cookie: session=1").socket.close()


def test_an_upgrade_elsewhere_is_refused(gateway: Gateway) -> None:
    assert refused(gateway, "/plain") == 400
    assert refused(gateway, "/nothing") == 404
    assert refused(gateway, "/open") == 403


def test_what_follows_a_refused_handshake_is_no_request(gateway: Gateway) -> None:
    smuggled = b"GET /plain HTTP/1.1\r\nHost: feed\r\n\r\n"
    received = gateway.exchange(handshake(gateway, "/feed", Origin=b"https://evil.example") + smuggled)
    assert received.count(b"HTTP/1.1 ") == 1


def test_a_subprotocol_is_one_of_the_file(gateway: Gateway, service: WebSocketService) -> None:
    with opened(gateway, "/chat", subprotocols=["v1.chat", "v2.chat"]) as client:
        assert client.subprotocol == "v2.chat"
    with opened(gateway, "/chat", subprotocols=["v1.chat"]) as client:
        assert client.subprotocol is None
    assert b"protocol" not in service.heads[-1].lower()


def test_compression_is_agreed_on_only_where_the_file_lets_it(gateway: Gateway, service: WebSocketService) -> None:
    with opened(gateway, "/feed", compression="deflate") as client:
        client.send("plain")
        assert client.recv(timeout=5) == "plain"
    assert b"permessage-deflate" not in service.heads[-1]
    service.answers["/packed"] = lambda head: switching(head, b"Sec-WebSocket-Extensions: permessage-deflate")
    with opened(gateway, "/packed", compression="deflate") as client:
        client.send("packed " * 100)
        assert client.recv(timeout=5) == "packed " * 100


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
        b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        "protocol",
        "extension",
    ],
)
def test_a_service_that_does_not_open_what_was_asked_for_is_not_believed(
    gateway: Gateway, service: WebSocketService, answer: bytes | str
) -> None:
    extra = {"protocol": b"Sec-WebSocket-Protocol: evil", "extension": b"Sec-WebSocket-Extensions: permessage-deflate"}
    service.answers["/feed"] = lambda head: answer if isinstance(answer, bytes) else switching(head, extra[answer])
    try:
        assert refused(gateway, "/feed") == 502
    finally:
        del service.answers["/feed"]


def test_another_answer_of_the_service_is_passed_on(gateway: Gateway, service: WebSocketService) -> None:
    service.answers["/open"] = lambda _: b"HTTP/1.1 404 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    try:
        assert refused(gateway, "/open", origin=gateway.url) == 404
    finally:
        del service.answers["/open"]


MALFORMED = {
    "not masked": frame(1, b"a"),
    "a reserved bit": frame(1, b"a", mask=MASK, rsv=0x40),
    "a reserved opcode": frame(3, b"a", mask=MASK),
    "a reserved control opcode": frame(11, b"a", mask=MASK),
    "a ping in parts": frame(9, b"a", fin=False, mask=MASK),
    "a ping of 126 bytes": frame(9, b"a" * 126, mask=MASK),
    "a part of nothing": frame(0, b"a", mask=MASK),
    "a message in a message": frame(1, b"a", fin=False, mask=MASK) + frame(1, b"b", mask=MASK),
    "a long length": b"\x81\xfe\x00\x05" + MASK + b"hello",
    "a close of one byte": frame(8, b"\x03", mask=MASK),
    "a close with a code of nobody": frame(8, b"\x03\xed", mask=MASK),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_frames_against_the_rules_end_the_session(gateway: Gateway, data: bytes) -> None:
    wire = wired(gateway)
    wire.socket.sendall(frame(1, b"fine", mask=MASK))
    assert wire.frame() == (0x81, b"fine")
    wire.socket.sendall(data)
    first, payload = wire.frame()
    if first == 0x01:
        first, payload = wire.frame()
    assert (first, payload) == (0x88, b"\x03\xea")
    record = end_of(gateway, wire)
    assert (record["code"], record["close_code"]) == ("guard.frame_malformed", 1002)


def test_a_large_message_ends_the_session_before_it_is_passed_on(gateway: Gateway) -> None:
    with opened(gateway, "/feed") as client:
        client.send(b"a" * 102_400)
        assert len(client.recv(timeout=5)) == 102_400
        client.send(b"a" * 102_401)
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(timeout=5)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009


def test_who_still_sends_when_it_ends_is_told_why(gateway: Gateway) -> None:
    for _ in range(4):
        with opened(gateway, "/feed") as client:
            with suppress(ConnectionClosed):
                client.send(b"x" * 4_000_000)
            with pytest.raises(ConnectionClosed) as caught:
                client.recv(timeout=10)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1009


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('{"text": 7}', 1008),
        ('{"text": "a", "text": "b"}', 1008),
        ("hello", 1008),
        (b"{}", 1008),
        ('{"text":"' + "a" * 21 + '"}', 1008),
    ],
)
def test_a_message_that_does_not_fit_its_schema_never_reaches_the_service(
    gateway: Gateway, service: WebSocketService, message: str | bytes, code: int
) -> None:
    with opened(gateway, "/chat") as client:
        client.send('{"text": "hello"}')
        assert client.recv(timeout=5) == '{"text": "hello"}'
        client.send(message)
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(timeout=5)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == code
    record = end_of(gateway, client)
    assert (record["code"], record["messages_out"]) == ("validate.message", 1)
    assert record["verdicts"][-1]["finding"]["source"].startswith("message.yaml")  # type: ignore[index]


def test_messages_are_those_of_an_asyncapi_channel(gateway: Gateway) -> None:
    with opened(gateway, "/orders") as client:
        client.send('{"type": "buy", "count": 2}')
        assert client.recv(timeout=5) == '{"type": "buy", "count": 2}'
        client.send('{"type": "buy", "count": "2"}')
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(timeout=5)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1008
    record = end_of(gateway, client)
    finding = record["verdicts"][-1]["finding"]  # type: ignore[index]
    assert (record["code"], finding["pointer"]) == ("validate.message", "/message/count")
    assert finding["source"].startswith("feed.asyncapi.yaml#/channels/feed/messages/buy")


def test_what_an_asyncapi_channel_gives_to_clients_is_judged_too(gateway: Gateway) -> None:
    with opened(gateway, "/orders") as client:
        client.send('{"type": "stop"}')
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(timeout=5)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1011


def test_text_that_is_not_utf8_ends_with_1007_where_it_is_read(gateway: Gateway) -> None:
    wire = wired(gateway, "/chat")
    wire.socket.sendall(frame(1, b"\xff", mask=MASK))
    assert wire.frame() == (0x88, b"\x03\xef")


def test_a_message_of_the_service_is_judged_too(gateway: Gateway, service: WebSocketService) -> None:
    service.sessions["/chat"] = lambda wire: wire.socket.sendall(frame(1, b'{"secret": 1}')) or wire.frame()  # type: ignore[func-returns-value]
    try:
        with opened(gateway, "/chat") as client, pytest.raises(ConnectionClosed) as caught:
            client.recv(timeout=5)
    finally:
        del service.sessions["/chat"]
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1011


@pytest.mark.parametrize("message", ["' OR 1=1 --", '{"a": "\\u003cscript>alert(1)</script>"}', b"binary"])
def test_attacks_and_binary_messages_are_refused(gateway: Gateway, message: str | bytes) -> None:
    with opened(gateway, "/inspected") as client:
        client.send("It's a nice day, or is it?")
        assert client.recv(timeout=5) == "It's a nice day, or is it?"
        client.send(message)
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(timeout=5)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1008


def test_a_flood_ends_the_session(gateway: Gateway) -> None:
    wire = wired(gateway, "/rated")
    wire.socket.sendall(frame(9, mask=MASK) * 40)  # at once: the gateway closes before it has all of them
    while (got := wire.frame())[0] != 0x88:
        pass
    assert got == (0x88, b"\x03\xf0")
    assert end_of(gateway, wire)["code"] == "limit.message_rate"


@pytest.mark.parametrize(("path", "code"), [("/slow", "guard.stream_idle"), ("/brief", "guard.stream_lifetime")])
def test_a_session_ends_when_nothing_comes_and_when_it_has_lasted_long_enough(
    gateway: Gateway, path: str, code: str
) -> None:
    begun = time.monotonic()
    with opened(gateway, path) as client, pytest.raises(ConnectionClosed) as caught:
        client.recv(timeout=5)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001
    assert 0.8 < time.monotonic() - begun < 3.5
    assert end_of(gateway, client)["code"] == code


def test_a_session_ends_when_its_key_is_revoked(gateway: Gateway) -> None:
    key = create_key(gateway.directory, "partner")
    assert refused(gateway, "/keyed") == 401
    shown = json.loads(
        portcullis(gateway.directory, "keys", "list", "-c", "portcullis.yaml", "--format", "json").stdout
    )
    identifier = (shown["keys"] if isinstance(shown, dict) else shown)[0]["id"]

    def let_in() -> ClientConnection | None:
        try:
            return opened(gateway, "/keyed", additional_headers={"X-API-Key": key})
        except InvalidStatus:
            return None

    with wait_for(let_in, "the key to be known") as client:
        client.send("a")
        assert client.recv(timeout=5) == "a"
        done = portcullis(gateway.directory, "keys", "revoke", identifier, "-c", "portcullis.yaml")
        assert done.returncode == 0, done.stderr
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(timeout=5)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1008
    record = end_of(gateway, client)
    assert (record["code"], record["consumer"]) == ("authenticate.no_longer_valid", "partner")


def test_who_goes_without_a_word_is_recorded_so(gateway: Gateway, service: WebSocketService) -> None:
    wire = wired(gateway)
    wire.socket.close()
    record = end_of(gateway, wire)
    assert (record["decision"], record["close_code"]) == ("abort", 1006)
    service.sessions["/feed"] = lambda wire: None
    try:
        wire = wired(gateway)
        assert wire.socket.recv(10) == b""
    finally:
        del service.sessions["/feed"]
    assert end_of(gateway, wire)["code"] == "upstream.closed"


def test_a_client_that_does_not_read_holds_the_service_back(gateway: Gateway, service: WebSocketService) -> None:
    sent = [0]

    def pour(wire: Wire) -> None:
        wire.socket.settimeout(2)
        piece = frame(2, b"a" * 65_000)
        try:
            for _ in range(2_000):
                wire.socket.sendall(piece)
                sent[0] += len(piece)
        except TimeoutError:
            pass

    service.sessions["/feed"] = pour
    try:
        wire = wired(gateway)
        wait_for(lambda: sent[0] and service.gone.acquire(timeout=5), "the service to give up", 10)
        assert sent[0] < 30_000_000
        wire.socket.close()
    finally:
        del service.sessions["/feed"]


def test_many_sessions_at_once(gateway: Gateway) -> None:
    wires = [wired(gateway, "/feed") for _ in range(200)]
    for wire in wires:
        wire.socket.sendall(frame(1, b"x", mask=MASK))
    assert all(wire.frame() == (0x81, b"x") for wire in wires)


def test_a_reload_ends_sessions_at_its_deadline_and_tells_them(gateway: Gateway) -> None:
    with opened(gateway, "/feed") as client:
        gateway.reload()
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(timeout=10)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("websocket: {compression: allow, messages: {inspect: true}}", "can't be looked into"),
        ("websocket: {messages: {from_client: missing.yaml}}", "missing.yaml can't be read"),
        ("websocket: {origins: [app.example.com]}", "must be an origin"),
        ("websocket: {subprotocol: [a]}", "subprotocols"),
    ],
)
def test_check_says_what_is_wrong_and_where(gateway: Gateway, tmp_path: Path, written: str, message: str) -> None:
    (tmp_path / "shop.yaml").write_text(SPEC)
    text = CONFIGURATION.replace("UPSTREAM", "http://127.0.0.1:1").replace("message.yaml", "shop.yaml")
    text = text.replace("websocket: {idle: 1s}", written)
    (tmp_path / "portcullis.yaml").write_text(text)
    done = portcullis(tmp_path, "check", "portcullis.yaml")
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert "portcullis.yaml:14:" in done.stdout + done.stderr


def test_a_plain_socket_is_closed_after_the_close_frames(gateway: Gateway) -> None:
    wire = wired(gateway)
    wire.socket.sendall(frame(8, b"\x03\xe8bye", mask=MASK))
    assert wire.frame() == (0x88, b"\x03\xe8bye")
    wire.socket.settimeout(3)
    assert wire.socket.recv(10) == b""
