"""An issuer of tokens on a real socket: discovery document, key set, and all the ways in which it can fail."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from portcullis.testing.tokens import Signer, key_set_of

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"
Respond = Callable[[BaseHTTPRequestHandler], None]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512
    issuer: Issuer

    def get_request(self) -> tuple[socket.socket, Any]:
        """With TLS where the issuer has it; the handshake is the business of the connection's own thread."""
        raw, address = super().get_request()
        if self.issuer.context is not None:
            raw = self.issuer.context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
        return raw, address


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    form: Mapping[str, str] = {}

    def do_GET(self) -> None:
        issuer = self.server.issuer
        issuer.asked.append(self.path)
        try:
            issuer.behaviours.get(self.path, issuer.answer)(self)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    def do_POST(self) -> None:
        """What was sent is in ``form``."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.form = dict(parse_qsl(body, keep_blank_values=True))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Issuer:
    """Signs with the first of ``signers`` and publishes all of them.

    ``behaviours``: by path, what to do instead of answering; ``asked``: the paths that were asked for;
    ``cache_control``: of the key set; ``context``: its TLS, if it has any; ``host``: how it calls itself.
    """

    signers: list[Signer] = field(default_factory=lambda: [Signer("ES256", "first")])
    behaviours: dict[str, Respond] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    cache_control: str = ""
    port: int = 0
    audience: str = "shop"
    context: ssl.SSLContext | None = None
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        self._server: _Server | None = None
        self.start()

    @property
    def url(self) -> str:
        scheme = "http" if self.context is None else "https"
        return f"{scheme}://{self.host}:{self.port}"

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.issuer = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Be away: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def times_asked(self, path: str = KEYS) -> int:
        return self.asked.count(path)

    # What it says.

    def metadata(self) -> dict[str, Any]:
        return {"issuer": self.url, "jwks_uri": f"{self.url}{KEYS}", "token_endpoint": f"{self.url}/token"}

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.path == DISCOVERY:
            send(handler, json.dumps(self.metadata()).encode())
        elif handler.path == KEYS:
            cache = {"Cache-Control": self.cache_control} if self.cache_control else {}
            send(handler, json.dumps(key_set_of(*self.signers)).encode(), **cache)
        else:
            send(handler, b"", status=404)

    def token(self, subject: str = "alice", signer: Signer | None = None, **claims: Any) -> str:
        """A token that is fine, but for what ``claims`` say."""
        now = time.time()
        usual = {"iss": self.url, "aud": self.audience, "sub": subject, "iat": int(now), "exp": int(now) + 300}
        return (signer or self.signers[0]).token({**usual, **claims})


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **fields: str) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    for name, value in fields.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def saying(body: bytes, status: int = 200) -> Respond:
    """Answer with ``body``."""
    return lambda handler: send(handler, body, status)


def silent(handler: BaseHTTPRequestHandler) -> None:
    """Take the request, and never answer."""
    handler.connection.settimeout(60)
    handler.connection.recv(1)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """Answer a byte at a time, without an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{")
    for _ in range(600):
        handler.wfile.write(b" ")
        time.sleep(0.1)


def huge(handler: BaseHTTPRequestHandler) -> None:
    """A key set of 10 MiB that would be fine."""
    send(handler, b'{"keys": [' + b" " * 10 * 1024 * 1024 + b"]}")
