"""The services that the pages are about, each as a server on a port of its own."""

from __future__ import annotations

import http.server
import json
import threading
from typing import Any


class Service:
    """Answers requests with ``handler``, which has this service as ``service``; ``seen``: the paths asked for."""

    def __init__(self, handler: type[Notes]) -> None:
        self.seen: list[str] = []
        self.orders: list[dict[str, Any]] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler,), {"service": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def port(self) -> str:
        return str(self._server.server_address[1])

    def stop(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Notes(http.server.BaseHTTPRequestHandler):
    """The API that the quick start is about."""

    protocol_version = "HTTP/1.1"
    service: Service

    def content(self) -> bytes:
        """What a GET is answered with."""
        return b'["buy milk"]\n'

    def do_GET(self) -> None:
        self.service.seen.append(self.path)
        self.answer(200, self.content())

    def answer(self, status: int, content: bytes) -> None:
        """Answer with JSON."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


class Orders(Notes):
    """The API that the page on authorization is about."""

    def content(self) -> bytes:
        return b'["order 17"]\n'


class Told(Notes):
    """The API that the page on methods is about: it says whom it was told of."""

    def content(self) -> bytes:
        told = self.headers.get_all("X-User", [])
        return (json.dumps(["buy milk", *(f"for {user}" for user in told)]) + "\n").encode()


class Made(Notes):
    """The API that the page on relations is about: orders that do not say whose they are."""

    def content(self) -> bytes:
        number = self.path.rpartition("/")[2]
        orders = self.service.orders
        return json.dumps(orders if number == "orders" else orders[int(number) - 1]).encode()

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.service.orders.append({"id": len(self.service.orders) + 1, **said})
        self.answer(201, json.dumps(self.service.orders[-1]).encode())
