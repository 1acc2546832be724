"""gRPC through the gateway, over real sockets: a real client, a real service, and bodies that neither would send."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from gateway import Gateway, create_key, portcullis, serving, wait_for
from grpc_service import Client, Shop, serving_shop
from grpc_shop import descriptor_set, messages
from http2_client import Http2Client, connect

CONFIGURATION = """\
listeners:
  public:
    bind: "127.0.0.1:0"
    tls: {certificate: shop.pem, key: shop.key}
  clear: {bind: "127.0.0.1:0", protocols: [h2]}
identities: {partners: {api_key: {header: X-API-Key}}}
apis:
  shop:
    hosts: ["*"]
    base_path: /
    upstream: {targets: ["UPSTREAM"], protocols: [h2], SETTINGS}
    versions: {v1: {spec: shop.binpb}}
    public: true
    inspect: {injection: {}}
    validate: {grpc: {max_message: 100KiB, max_deadline: 20s}}
    stream: {idle: 3s, lifetime: 30s}
    operations: {"POST /shop.Orders/Watch": {public: false, authenticate: [partners]}}
observe: {access_log: {path: access.jsonl}}
"""
AUTHORITY = trustme.CA()
Order = messages()["Order"]
Inner = messages(inner=True)["Order"]


def prepare(folder: Path) -> None:
    issued = AUTHORITY.issue_cert("shop.example")
    issued.private_key_pem.write_to_path(folder / "shop.key")
    issued.cert_chain_pems[0].write_to_path(folder / "shop.pem")
    (folder / "shop.binpb").write_bytes(descriptor_set().SerializeToString())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Shop]]:
    folder = tmp_path_factory.mktemp("grpc")
    prepare(folder)
    with serving_shop() as (shop, url), serving(folder, "", CONFIGURATION.replace(", SETTINGS", ""), url) as gateway:
        yield gateway, shop


@pytest.fixture
def gateway(running: tuple[Gateway, Shop]) -> Gateway:
    return running[0]


@pytest.fixture
def shop(running: tuple[Gateway, Shop]) -> Shop:
    running[1].seen.clear()
    return running[1]


@pytest.fixture
def client(gateway: Gateway) -> Iterator[Client]:
    with Client(gateway.urls["clear"].rpartition("/")[2]) as made:
        yield made


@pytest.fixture
def wire(gateway: Gateway) -> Iterator[Http2Client]:
    host, _, port = gateway.urls["clear"].rpartition("/")[2].rpartition(":")
    with connect((host, int(port))) as made:
        yield made


def refused(call: Any, *arguments: Any, **options: Any) -> tuple[grpc.StatusCode, str]:
    try:
        result = call(*arguments, timeout=10, **options)
        answers = list(result) if hasattr(result, "__next__") else [result]
    except grpc.RpcError as error:
        failure: Any = error
        return failure.code(), failure.details()
    raise AssertionError(f"it was answered: {answers}")


def last_record(gateway: Gateway) -> dict[str, Any]:
    time.sleep(0.3)
    record: dict[str, Any] = gateway.records()[-1]
    return record


# What passes.


def test_a_call_is_answered(client: Client, shop: Shop, gateway: Gateway) -> None:
    answer, call = client.method("Get").with_call(Order(id="a", items=[{"name": "pen", "count": 2}]), timeout=10)
    assert (answer.id, answer.state) == ("a", 1)
    assert dict(call.trailing_metadata())["x-cost"] == "7"
    assert dict(call.trailing_metadata())["trace-bin"] == b"\0\1"
    assert shop.seen[-1].items[0].name == "pen"
    record = last_record(gateway)
    assert (record["operation"], record["status"], record["grpc_status"]) == ("POST /shop.Orders/Get", 200, 0)


def test_also_by_tls(gateway: Gateway, shop: Shop) -> None:
    address = gateway.urls["public"].rpartition("/")[2]
    with Client(address, AUTHORITY.cert_pem.bytes()) as client:
        assert client.method("Get")(Order(id="b"), timeout=10).id == "b"
    assert shop.seen[-1].id == "b"


def test_and_with_a_service_under_https(tmp_path: Path) -> None:
    issued = AUTHORITY.issue_cert("127.0.0.1")
    certificate = issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes()
    prepare(tmp_path)
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    with (
        serving_shop(certificate) as (_, url),
        serving(tmp_path, "", CONFIGURATION.replace("SETTINGS", "ca: ca.pem"), url) as gateway,
        Client(gateway.urls["clear"].rpartition("/")[2]) as client,
    ):
        assert client.method("Get")(Order(id="c"), timeout=10).id == "c"


def test_many_messages_from_the_service(client: Client, gateway: Gateway) -> None:
    key = create_key(gateway.directory, "partner")
    wait_for(lambda: watched(client, key) == ["0", "1", "2"], "the key to be known")


def watched(client: Client, key: str) -> list[str]:
    try:
        found = client.method("Watch", "unary_stream")(Order(id="3"), timeout=10, metadata=(("x-api-key", key),))
        return [each.id for each in found]
    except grpc.RpcError:
        return []


def test_many_messages_to_the_service(client: Client, shop: Shop) -> None:
    orders = (Order(id=str(number), payload=b"x" * 5000) for number in range(300))
    assert client.method("Import", "stream_unary")(orders, timeout=20).count == 300
    assert len(shop.seen) == 300


def test_both_talk_in_turns(client: Client) -> None:
    said: list[str] = []
    more = threading.Semaphore(1)

    def orders() -> Iterator[Any]:
        for number in range(5):
            more.acquire(timeout=5)
            yield Order(id=str(number))

    for answer in client.method("Chat", "stream_stream")(orders(), timeout=20):
        said.append(answer.id)
        more.release()
    assert said == [f"re: {number}" for number in range(5)]


def test_messages_may_be_compressed(client: Client, shop: Shop) -> None:
    order = Order(id="a" * 2000)
    answer = client.method("Get")(order, timeout=10, compression=grpc.Compression.Gzip)
    assert (answer.id, shop.seen[-1].id) == (order.id, order.id)


def test_a_large_answer_passes_up_to_the_bound(client: Client) -> None:
    assert len(client.method("Get")(Order(id="90000"), timeout=10).payload) == 90_000


def test_calls_one_after_the_other_and_at_once(client: Client) -> None:
    futures = [client.method("Get").future(Order(id=f"f{number}"), timeout=20) for number in range(200)]
    assert [future.result().id for future in futures] == [f"f{number}" for number in range(200)]


# What the service says.


def test_the_services_own_status_reaches_the_client(client: Client, gateway: Gateway) -> None:
    assert refused(client.method("Get"), Order(id="missing")) == (
        grpc.StatusCode.NOT_FOUND,
        "no such order: 100% sure",
    )
    record = last_record(gateway)
    assert (record["decision"], record["grpc_status"]) == ("allow", 5)


def test_a_stack_trace_does_not(client: Client) -> None:
    assert refused(client.method("Get"), Order(id="broken")) == (grpc.StatusCode.INTERNAL, "The service failed")


def test_a_field_that_is_not_in_the_descriptor_set_is_taken_out(client: Client) -> None:
    answer = client.method("Get", inner=True)(Inner(id="a"), timeout=10)
    assert (answer.id, answer.margin) == ("a", 0)


def test_an_answer_that_is_too_large_is_refused(client: Client, gateway: Gateway) -> None:
    code, _ = refused(client.method("Get"), Order(id="150000"))
    assert code is grpc.StatusCode.UNAVAILABLE
    assert last_record(gateway)["code"] in ("validate.grpc_response", "upstream.answer_too_large")


# What is refused.


def test_who_does_not_say_who_he_is(client: Client, gateway: Gateway) -> None:
    code, details = refused(client.method("Watch", "unary_stream"), Order(id="3"))
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert "authenticate" in details
    record = last_record(gateway)
    assert (record["decision"], record["status"], record["grpc_status"]) == ("refuse", 200, 16)


def test_methods_that_there_are_not(client: Client) -> None:
    assert refused(client.method("Delete"), Order())[0] is grpc.StatusCode.UNIMPLEMENTED
    assert refused(client.method("/shop.Admin/Get"), Order())[0] is grpc.StatusCode.UNIMPLEMENTED


def test_reflection(client: Client) -> None:
    call = client.method("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "stream_stream")
    assert refused(call, iter([Order()]))[0] is grpc.StatusCode.PERMISSION_DENIED


def test_fields_that_the_type_does_not_have(client: Client, shop: Shop, gateway: Gateway) -> None:
    code, _ = refused(client.method("Get", inner=True), Inner(id="a", margin=1))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert shop.seen == []
    assert last_record(gateway)["code"] == "validate.grpc_message"


def test_values_that_an_enumeration_does_not_have(client: Client) -> None:
    assert refused(client.method("Get"), Order(state=7))[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_a_message_that_is_too_large(client: Client, shop: Shop) -> None:
    code, details = refused(client.method("Get"), Order(payload=b"x" * 200_000))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert shop.seen == []
    assert details


def test_a_message_that_decompresses_to_more(client: Client, shop: Shop) -> None:
    order = Order(payload=b"x" * 5_000_000)
    code, _ = refused(client.method("Get"), order, compression=grpc.Compression.Gzip)
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert shop.seen == []


def test_what_looks_like_an_attack_wherever_it_stands(client: Client, shop: Shop) -> None:
    attack = "1' UNION SELECT password FROM users--"
    for order in (
        Order(id=attack),
        Order(items=[{"name": attack}]),
        Order(notes={"a": attack}),
        Order(notes={attack: "a"}),
    ):
        assert refused(client.method("Get"), order)[0] is grpc.StatusCode.PERMISSION_DENIED
    assert shop.seen == []


@pytest.mark.parametrize(
    "bad",
    [Inner(id="x", margin=1), Order(state=9), Order(payload=b"x" * 200_000), Order(id="<script>alert(1)</script>")],
)
def test_one_bad_message_among_many_ends_the_call(client: Client, shop: Shop, bad: Any) -> None:
    def orders() -> Iterator[Any]:
        yield Order(id="good")
        time.sleep(0.2)
        yield bad

    code, _ = refused(client.method("Import", "stream_unary"), orders())
    assert code in (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.PERMISSION_DENIED,
    )
    assert [each.id for each in shop.seen] in (["good"], [])


# Time.


def test_the_service_is_told_how_long_it_may_take(client: Client, shop: Shop) -> None:
    client.method("Get")(Order(id="a"), timeout=5)
    assert shop.deadline is not None
    assert 3 < shop.deadline < 5.5
    client.method("Get")(Order(id="a"), timeout=500)
    assert 15 < shop.deadline < 20.5
    client.method("Get")(Order(id="a"))
    assert 15 < shop.deadline < 20.5


def test_a_call_that_its_client_gives_up_is_given_up(client: Client, shop: Shop) -> None:
    before = shop.cancelled
    call = client.method("Get").future(Order(id="slow"), timeout=0.5)
    with pytest.raises(grpc.RpcError):
        call.result()
    wait_for(lambda: shop.cancelled > before, "the service to learn of it")


def test_a_call_in_which_nothing_happens_ends(client: Client) -> None:
    forever = threading.Event()

    def orders() -> Iterator[Any]:
        yield Order(id="a")
        forever.wait(20)

    began = time.monotonic()
    with pytest.raises(grpc.RpcError):
        list(client.method("Chat", "stream_stream")(orders(), timeout=15))
    assert 2 < time.monotonic() - began < 10
    forever.set()


# Bodies that no library would send.

HEAD = [
    *((":method", "POST"), (":scheme", "http"), (":authority", "shop"), (":path", "/shop.Orders/Get")),
    *(("content-type", "application/grpc"), ("te", "trailers")),
]
GOOD = Order(id="a").SerializeToString()


def framed(message: bytes, flag: int = 0, length: int | None = None) -> bytes:
    return bytes([flag]) + (len(message) if length is None else length).to_bytes(4) + message


def status_on(wire: Http2Client, head: list[tuple[str, str]], body: bytes) -> str:
    answer = wire.wait(wire.request(head, body))
    assert answer.status == 200
    return answer.fields.get("grpc-status", "")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", "3"),
        (framed(GOOD) * 2, "3"),
        (framed(GOOD)[:-1], "3"),
        (b"\0\0\0", "3"),
        (framed(GOOD, flag=2), "3"),
        (framed(GOOD, flag=1), "3"),
        (framed(b"\xff\xff\xff"), "3"),
        (framed(b"\x0a\x02\xff\xfe"), "3"),
        (framed(b"", length=2**32 - 1), "8"),
        (framed(GOOD) + b"x", "3"),
    ],
)
def test_bodies_that_are_no_message(wire: Http2Client, body: bytes, status: str) -> None:
    assert status_on(wire, HEAD, body) == status


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("grpc-timeout", "5", "3"),
        ("grpc-timeout", "999999999S", "3"),
        ("grpc-timeout", "-1S", "3"),
        ("grpc-encoding", "snappy", "12"),
        ("trace-bin", "not base64!", "3"),
        ("content-type", "application/grpc+json", "3"),
    ],
)
def test_heads_that_are_no_call(wire: Http2Client, field: str, value: str, status: str) -> None:
    head = [each for each in HEAD if each[0] != field] + [(field, value)]
    assert status_on(wire, head, framed(GOOD)) == status


def test_what_is_right_is_answered(wire: Http2Client, shop: Shop) -> None:
    answer = wire.wait(wire.request(HEAD, framed(GOOD)))
    assert (answer.fields["grpc-status"], Order.FromString(answer.body[5:]).id) == ("0", "a")
    assert shop.seen[-1].id == "a"


def test_without_te_it_is_no_call(wire: Http2Client) -> None:
    assert status_on(wire, [each for each in HEAD if each[0] != "te"], framed(GOOD)) == "3"


def test_a_bomb_is_refused_before_it_goes_off(wire: Http2Client) -> None:
    head = [*HEAD, ("grpc-encoding", "gzip")]
    assert status_on(wire, head, framed(gzip.compress(b"\0" * 50_000_000), flag=1)) == "8"


# The file.


@pytest.mark.parametrize(
    ("content", "change", "told"),
    [
        (b"garbage", ("", ""), "it is no descriptor set"),
        (b"", ("", ""), "it is an empty descriptor set"),
        (None, ("protocols: [h2], ", ""), "gRPC is spoken with services by HTTP/2"),
        (None, ("    tls: {certificate: shop.pem, key: shop.key}\n", "    protocols: [http/1.1]\n"), ""),
        (None, ("Orders/Watch", "Orders/Wotch"), 'did you mean "POST /shop.Orders/Watch"'),
    ],
)
def test_mistakes_are_told(tmp_path: Path, content: bytes | None, change: tuple[str, str], told: str) -> None:
    prepare(tmp_path)
    if content is not None:
        (tmp_path / "shop.binpb").write_bytes(content)
    text = CONFIGURATION.replace("UPSTREAM", "http://127.0.0.1:9").replace("SETTINGS", "path: keep")
    (tmp_path / "portcullis.yaml").write_text(text.replace(*change))
    done = portcullis(tmp_path, "check", "portcullis.yaml")
    if told:
        assert done.returncode == 2
        assert told in done.stdout + done.stderr
    else:
        assert done.returncode == 0, done.stdout + done.stderr
