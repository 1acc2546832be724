"""Who is asked about certificates: a responder (OCSP) and revocation lists, at one address; and what comes of it."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gateway import read_response

REQUEST = b"GET /items HTTP/1.1\r\nHost: gateway.example\r\n\r\n"


class RevocationServer:
    """Answers what ``behave`` says to a request (OCSP), or what is at a path of ``lists``; else 404.

    ``asked``: the paths that were; ``pause``: seconds before an answer.
    """

    def __init__(self) -> None:
        self.behave: Callable[[bytes], bytes] = lambda request: b""
        self.lists: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.pause = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/ocsp-request"
                self._answer(outer.behave(request) or None)

            def do_GET(self) -> None:
                self._answer(outer.lists.get(self.path))

            def _answer(self, data: bytes | None) -> None:
                outer.asked.append(self.path)
                time.sleep(outer.pause)
                self.send_response(404 if data is None else 200)
                self.send_header("Content-Length", str(len(data or b"")))
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def answered(connect: Callable[[], ssl.SSLSocket]) -> bool:
    """Whether a call on a new connection is answered."""
    try:
        with connect() as client:
            client.sendall(REQUEST)
            return read_response(client)[0] == 200
    except (ssl.SSLError, ConnectionError, AssertionError):
        return False


def ended(client: ssl.SSLSocket) -> bool:
    """Whether the gateway has broken the connection off."""
    client.settimeout(0.05)
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except (ssl.SSLError, ConnectionError):
        return True
