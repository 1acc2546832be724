"""Handshakes by those who mean harm: each is bounded and recorded, and who means well is served meanwhile."""

from __future__ import annotations

import contextlib
import re
import resource
import socket
import ssl
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import httpx
import pytest
from gateway import Gateway, private_bytes, read_all, read_response, serving, wait_for
from items_shop import SPEC
from upstream import Upstream

from portcullis.testing.certificates import Authority

HANDSHAKE_SECONDS: Final = 3
CONFIGURATION = f"""\
listeners:
  public:
    bind: "127.0.0.1:0"
    tls: {{certificate: shop.pem, key: shop.key, certificates: [{{certificate: partner.pem, key: partner.key}}]}}
    timeouts: {{header: {HANDSHAKE_SECONDS}s}}
  admin: {{bind: "127.0.0.1:0"}}
apis:
  shop:
    hosts: ["*"]
    upstream: {{targets: ["UPSTREAM"]}}
    versions: {{v1: {{spec: shop.yaml}}}}
    public: true
observe: {{access_log: {{path: access.jsonl}}}}
"""
AUTHORITY = Authority("root")
SHOP, PARTNER = (AUTHORITY.issue(f"CN={name}", dns=[f"{name}.example"]) for name in ("shop", "partner"))
HALF_OPEN: Final = 10_000
KIB: Final = 1024


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=AUTHORITY.der)
    return context


def client_hello(name: str | None = "shop.example") -> bytes:
    """The first flight of a real client, as one record."""
    outgoing = ssl.MemoryBIO()
    client = trusting().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name or "shop.example")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


HELLO = client_hello()


def record(kind: int, payload: bytes, length: int | None = None) -> bytes:
    return bytes([kind, 3, 1]) + struct.pack(">H", len(payload) if length is None else length) + payload


def hello_with_names(names: Sequence[bytes], kind: int = 0) -> bytes:
    """The client's first flight with other server names in it (RFC 6066 3): lengths around them are put right."""
    (at,) = [i for i in range(len(HELLO)) if HELLO[i:].startswith(b"shop.example")]
    start = at - 9  # type and length of the extension, length of the list, type and length of the name
    size = int.from_bytes(HELLO[start + 2 : start + 4], "big")
    listed = b"".join(bytes([kind]) + struct.pack(">H", len(name)) + name for name in names)
    extension = struct.pack(">HHH", 0, len(listed) + 2, len(listed)) + listed
    grown = len(extension) - (size + 4)
    extensions_at = start - 2  # it is the first extension, or the search below fails
    while int.from_bytes(HELLO[extensions_at : extensions_at + 2], "big") != len(HELLO) - extensions_at - 2:
        extensions_at -= 1
    body = bytearray(HELLO[:start] + extension + HELLO[start + size + 4 :])
    body[extensions_at : extensions_at + 2] = struct.pack(">H", len(body) - extensions_at - 2)
    assert int.from_bytes(HELLO[6:9], "big") + grown == len(body) - 9
    return record(22, bytes(body[5:6]) + (len(body) - 9).to_bytes(3, "big") + bytes(body[9:]))


GARBAGE = {
    "random bytes": bytes((i * 197 + 31) % 256 for i in range(4096)),
    "zeros": bytes(65536),
    "a hello of SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\x07\x00\xc0" * 7 + bytes(16),
    "a record of SSL 3": b"\x16\x03\x00\x00\x04\x01\x00\x00\x00",
    "a record that is larger than records may be": record(22, bytes(20000), 20000),
    "a record that says it is larger than records may be": record(22, b"\x01", 0xFFFF),
    "a handshake message that says it is huge": record(22, b"\x01\xff\xff\xff" + bytes(1000)),
    "data before the handshake": record(23, b"GET / HTTP/1.1\r\n\r\n"),
    "an alert": record(21, b"\x02\x28"),
    "a warning without end": record(21, b"\x01\x00") * 1000,
    "empty records without end": record(22, b"") * 10000,
    "a change of ciphers at once": record(20, b"\x01") * 100,
    "a heartbeat": record(24, b"\x01\x40\x00"),
    "a hello twice": HELLO + HELLO,
    "a hello without anything": record(22, b"\x01\x00\x00\x00"),
    "a hello of another server's": record(22, b"\x02" + HELLO[6:]),
    "a hello that is cut and goes on as something else": HELLO[:60] + record(23, b"x" * 100),
    "an SSH client": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/2 in clear": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "a name with a NUL": hello_with_names([b"shop.example\0.evil.example"]),
    "a name that fills the record, and is cut": hello_with_names([b"a" * 15_000])[:15_000],
    "a name longer than names may be": hello_with_names([b"a." * 200 + b"shop.example"]),
    "an empty name": hello_with_names([b""]),
    "two names": hello_with_names([b"shop.example", b"partner.example"]),
    "a name of an unknown type": hello_with_names([b"shop.example"], kind=7),
    "a name that is not ASCII": hello_with_names(["schön.example".encode()]),
    "a name that is none of ours": hello_with_names([b"other.example"]),
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    running = Upstream()
    yield running
    running.stop()


def prepare(folder: Path) -> None:
    SHOP.write(folder / "shop.pem", folder / "shop.key")
    PARTNER.write(folder / "partner.pem", folder / "partner.key")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    prepare(folder)
    with serving(folder, SPEC, CONFIGURATION, upstream.url) as running:
        yield running


def calls(gateway: Gateway) -> int:
    """The status of a call by somebody who means well."""
    with trusting().wrap_socket(gateway.connect(), server_hostname="shop.example") as client:
        client.sendall(b"GET /items HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        return read_response(client)[0]


def open_files(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def test_the_hello_with_other_names_is_one_that_is_understood(gateway: Gateway) -> None:
    with gateway.connect() as client:
        client.sendall(hello_with_names([b"partner.example"]))
        assert client.recv(6)[5] == 2  # a ServerHello: so what the rows below get is for what is wrong with them


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
def test_garbage_ends_the_connection_and_nothing_else(gateway: Gateway, upstream: Upstream, data: bytes) -> None:
    seen, workers = len(upstream.seen), gateway.workers()
    begun = time.monotonic()
    with gateway.connect() as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = read_all(client)
    assert time.monotonic() - begun < HANDSHAKE_SECONDS + 3
    assert len(answer) < 16 * KIB
    assert len(upstream.seen) == seen
    assert calls(gateway) == 200
    assert gateway.workers() == workers
    assert "Traceback" not in gateway.errors()


def test_a_client_that_holds_small_segments_back_is_not_kept_waiting(gateway: Gateway) -> None:
    """It may not ask before it knows that the end of its handshake has come, which kernels tell 40 ms late."""
    context = trusting()
    seconds = []
    for _ in range(20):
        raw = socket.create_connection(gateway.address, timeout=10)  # with Nagle's algorithm, as sockets are
        with context.wrap_socket(raw, server_hostname="shop.example") as client:
            begun = time.monotonic()
            client.sendall(b"GET /items HTTP/1.1\r\nHost: shop.example\r\n\r\n")
            assert read_response(client)[0] == 200
            seconds.append(time.monotonic() - begun)
    assert min(seconds) < 0.03


def test_failed_handshakes_are_counted_by_why(gateway: Gateway) -> None:
    def counts() -> dict[str, float]:
        text = httpx.get(f"{gateway.urls['admin']}/metrics").text
        found = re.findall(r'^portcullis_tls_handshakes_failed_total\{reason="(\w+)"\} (\S+)$', text, re.MULTILINE)
        return {reason: float(count) for reason, count in found}

    time.sleep(1.5)  # workers tell what they counted once a second: by then all that came before is told
    before = counts()
    for data in (b"GET / HTTP/1.1\r\n\r\n", hello_with_names([b"other.example"]), HELLO[:50], b"\0" * 100):
        with gateway.connect() as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            read_all(client)
    wait_for(
        lambda: (
            {why: count - before.get(why, 0) for why, count in counts().items() if count != before.get(why, 0)}
            == {"plain_http": 1, "server_name": 1, "closed": 1, "protocol": 1}
        ),
        "the counts",
    )


@pytest.mark.parametrize("pause", [0.0, 0.05], ids=["quickly", "slowly"])
def test_a_hello_may_come_byte_by_byte_but_not_for_ever(gateway: Gateway, pause: float) -> None:
    begun = time.monotonic()
    with gateway.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = b""
        try:
            for byte in HELLO:
                client.sendall(bytes([byte]))
                time.sleep(pause)
            answer = client.recv(6)
        except ConnectionError:
            pass
    if pause:
        assert len(HELLO) * pause > HANDSHAKE_SECONDS + 3
        assert answer == b""
        assert time.monotonic() - begun < len(HELLO) * pause
    else:
        assert answer[5] == 2


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_ten_thousand_half_open_connections_cost_little_and_go(tmp_path: Path, upstream: Upstream) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < HALF_OPEN + 2_000:
        pytest.skip(f"this system allows a process {hard} open files (ulimit -Hn), and {HALF_OPEN + 2_000} are needed")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    prepare(tmp_path)
    patient = CONFIGURATION.replace(f"header: {HANDSHAKE_SECONDS}s", "header: 20s")
    try:
        with serving(tmp_path, SPEC, patient, upstream.url) as gateway, contextlib.ExitStack() as stack:
            (worker,) = gateway.workers()
            assert calls(gateway) == 200
            idle, files = private_bytes(worker), open_files(worker)
            begun = time.monotonic()
            for number in range(HALF_OPEN):
                client = stack.enter_context(socket.socket())
                client.bind((f"127.0.0.{1 + number // 900}", 0))
                client.connect(gateway.address)
                client.sendall(HELLO[:100])
            wait_for(lambda: open_files(worker) >= files + HALF_OPEN * 0.95, "the connections", 20)
            each = (private_bytes(worker) - idle) / HALF_OPEN
            assert calls(gateway) == 200
            print(f"\n{HALF_OPEN} half-open connections: {each / KIB:.1f} KiB each")
            assert each < 8 * KIB  # OpenSSL's buffers come with the first record
            wait_for(lambda: open_files(worker) <= files + 5, "them to be closed", 60)
            assert time.monotonic() - begun < 60
            assert calls(gateway) == 200
            assert gateway.workers() == [worker]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
