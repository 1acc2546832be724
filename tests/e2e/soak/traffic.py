"""Clients of every kind, each a thread that goes on until it is stopped, and writes down what must not have been."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

Address = tuple[str, int]
Act = Callable[["Client"], Iterator[tuple[bool, str]]]
CHUNK = b"x" * 65536


class Client:
    """Does the same kind of thing again and again; ``counts``: how it came out, ``wrong``: what must not have been."""

    def __init__(self, traffic: Traffic, name: str, act: Act, seed: int) -> None:
        self.traffic = traffic
        self.name = name
        self.chance = Random(seed)
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._act = act
        self._connection: http.client.HTTPConnection | None = None
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def _run(self) -> None:
        while not self.traffic.ended.is_set():
            try:
                for right, outcome in self._act(self):
                    self.counts[outcome] += 1
                    if not right:
                        self.wrong.append(f"{time.strftime('%H:%M:%S')} {self.name}: {outcome}")
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not have been
                self.wrong.append(f"{time.strftime('%H:%M:%S')} {self.name}: {error!r}")
                self.counts[type(error).__name__] += 1
                self.close()
            if len(self.wrong) > 50:
                break
        self.close()

    def call(
        self, method: str, path: str, body: bytes | Iterator[bytes] | None = None, **fields: str
    ) -> tuple[int, bytes]:
        """Status and body of a call on the client's kept connection."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self.traffic.address, timeout=20)
        headers = {"Host": "shop", "X-API-Key": self.traffic.key, **{k.replace("_", "-"): v for k, v in fields.items()}}
        chunked = body is not None and not isinstance(body, bytes)
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        self._connection.request(method, path, body, headers, encode_chunked=chunked)
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.will_close:
            self.close()
        return answer.status, data

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def socket(self) -> socket.socket:
        return socket.create_connection(self.traffic.address, timeout=20)


class Traffic:
    """All clients together."""

    def __init__(self, address: Address, key: str) -> None:
        self.address = address
        self.key = key
        self.ended = threading.Event()
        self.clients = [Client(self, f"{act.__name__}-{i}", act, i) for i, act in enumerate(ACTS)]

    def start(self) -> None:
        for client in self.clients:
            client.thread.start()

    def stop(self) -> None:
        self.ended.set()
        for client in self.clients:
            client.thread.join(30)

    @property
    def wrong(self) -> list[str]:
        return [each for client in self.clients for each in client.wrong]

    def summary(self) -> str:
        return "\n".join(f"{client.name}: {dict(client.counts)}" for client in self.clients)


def is_status(client: Client, expected: int, *arguments: object, **fields: str) -> tuple[bool, str]:
    status, _ = client.call(*arguments, **fields)  # type: ignore[arg-type]
    return status == expected, str(status)


def good(client: Client) -> Iterator[tuple[bool, str]]:
    """Calls that must all pass."""
    number = client.chance.randrange(1, 100)
    yield is_status(client, 200, "GET", f"/shop/items?limit={number}")
    yield is_status(client, 200, "GET", f"/shop/items/{number}")
    order = json.dumps({"name": "x" * number, "qty": number, "tags": ["a"] * (number % 5)}).encode()
    yield is_status(client, 200, "POST", "/shop/items", order, Content_Type="application/json")
    if not client.chance.randrange(50):
        client.close()


def bad(client: Client) -> Iterator[tuple[bool, str]]:
    """Calls that must all be refused."""
    json_body = {"Content_Type": "application/json"}
    yield is_status(client, 400, "GET", "/shop/items?limit=0")
    yield is_status(client, 400, "GET", "/shop/items?unknown=1")
    yield is_status(client, 400, "GET", "/shop/items/x")
    yield is_status(client, 404, "GET", "/shop/nothing")
    yield is_status(client, 401, "GET", "/shop/items", X_API_Key="wrong")
    yield is_status(client, 400, "POST", "/shop/items", b'{"name": "", "qty": 0, "more": [1, 2]}', **json_body)
    yield is_status(client, 400, "POST", "/shop/items", b'{"name": "x", "name": "y"}', **json_body)
    yield is_status(client, 400, "POST", "/shop/items", b"[" * 1000, **json_body)
    yield is_status(client, 415, "POST", "/shop/items", b"x", Content_Type="text/plain")


def malformed(client: Client) -> Iterator[tuple[bool, str]]:
    """Bytes that are no request."""
    start = b"POST /shop/items HTTP/1.1\r\nHost: shop\r\n"
    for data in (
        b"\x16\x03\x01\r\n\r\n",
        start + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        start + b"X: " + b"y" * 20_000,
        b"GET /shop/open/x HTTP/1.1\r\n\r\n",
    ):
        with client.socket() as connection:
            connection.sendall(data)
            received = read_all(connection)
        yield received[9:12] in (b"400", b"431"), received[9:12].decode()


def uploads(client: Client) -> Iterator[tuple[bool, str]]:
    """Bodies that stream through, of a known length and in chunks."""
    pieces = client.chance.randrange(1, 64)
    status, body = client.call("POST", "/shop/upload", CHUNK * pieces)
    yield (status, body) == (200, b'{"received": %d}' % (len(CHUNK) * pieces)), f"length {status}"
    status, body = client.call("POST", "/shop/upload", (CHUNK for _ in range(pieces)))
    yield (status, body) == (200, b'{"received": %d}' % (len(CHUNK) * pieces)), f"chunked {status}"
    time.sleep(0.05)


def downloads(client: Client) -> Iterator[tuple[bool, str]]:
    """Answers of some MiB, and answers that come piece by piece."""
    status, body = client.call("GET", "/shop/open/large")
    yield (status, len(body)) == (200, 4 * 1024 * 1024), f"large {status}"
    status, body = client.call("GET", "/shop/open/stream")
    yield (status, body.count(b"\n")) == (200, 10), f"stream {status}"


def slow(client: Client) -> Iterator[tuple[bool, str]]:
    """A head and a body that never end, and a client that takes its answer byte by byte."""
    with client.socket() as connection:
        for byte in b"GET /shop/open/x":
            connection.send(bytes([byte]))
            time.sleep(0.01)
        yield read_all(connection)[9:12] == b"408", "slow head"
    with client.socket() as connection:
        connection.sendall(b"POST /shop/upload HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\n\r\nbegun")
        yield read_all(connection)[9:12] == b"408", "slow body"
    with client.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /shop/open/large HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
        taken = 0
        for _ in range(50):
            taken += len(connection.recv(4096))
            time.sleep(0.01)
        yield taken > 0, "slow reader, who goes"


def aborted(client: Client) -> Iterator[tuple[bool, str]]:
    """Clients that go in the middle of everything, most of them with a reset."""
    beginnings = (
        b"GET /shop/op",
        b"GET /shop/open/hang HTTP/1.1\r\nHost: shop\r\n\r\n",
        b"GET /shop/open/large HTTP/1.1\r\nHost: shop\r\n\r\n",
        b"POST /shop/upload HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000000\r\n\r\n" + CHUNK,
        b"POST /shop/upload HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n" + CHUNK[:30_000],
    )
    for beginning in beginnings:
        with client.socket() as connection:
            connection.sendall(beginning)
            time.sleep(client.chance.random() / 20)
            if client.chance.randrange(3):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        yield True, "gone"


def faults(client: Client) -> Iterator[tuple[bool, str]]:
    """Calls to a service that resets, hangs, lies and breaks off."""
    for kind in ("reset", "garbage", "hang"):
        status, _ = client.call("GET", f"/faulty/open/{kind}")
        yield status in (502, 503, 504), f"{kind} {status}"
    with client.socket() as connection:
        connection.sendall(b"GET /faulty/open/cut HTTP/1.1\r\nHost: shop\r\n\r\n")
        received = read_all(connection)
        yield received.endswith(b"half") or received[9:12] in (b"502", b"503"), "cut"
    time.sleep(0.1)


ACTS: tuple[Act, ...] = (good, good, good, bad, malformed, uploads, downloads, slow, aborted, aborted, faults)


def read_all(connection: socket.socket) -> bytes:
    """Everything until the peer closes; a reset ends it too."""
    received = b""
    try:
        while data := connection.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return received
