from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from bench.errors import VerifyError
from bench.load import HOST, Request
from bench.peers import Probe
from bench.verify import ask, verify, verify_probe


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers 201 with what it was asked."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = f"{self.headers['Host']} {self.path} {self.headers['X-A']} {body.decode()}".encode()
        self.send_response(201)
        self.send_header("RateLimit", "x")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.HTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


REQUEST = Request("POST", "/orders", {"X-A": "1"}, "body")


def test_a_call_is_made_with_host_fields_and_body(port: int) -> None:
    answer = ask(port, REQUEST)

    assert (answer.status, answer.body) == (201, f"{HOST} /orders 1 body")
    assert answer.headers["ratelimit"] == "x"


def test_a_case_is_verified_by_status_and_by_the_answer_that_is_due(port: int) -> None:
    verify(port, REQUEST, 201, f"{HOST} /orders 1 body")
    with pytest.raises(VerifyError, match="201, expected 401"):
        verify(port, REQUEST, 401, None)
    with pytest.raises(VerifyError, match="not the answer that is due"):
        verify(port, REQUEST, 201, "else")


def test_a_probe_needs_its_status_and_its_fields(port: int) -> None:
    verify_probe(port, Probe("counted", REQUEST, 201, ("RateLimit",)))
    with pytest.raises(VerifyError, match="counted: 201 without Retry-After, expected 201"):
        verify_probe(port, Probe("counted", REQUEST, 201, ("Retry-After",)))
    with pytest.raises(VerifyError, match="no key: 201, expected 401"):
        verify_probe(port, Probe("no key", REQUEST, 401))


def test_no_answer_is_an_error_of_the_contender() -> None:
    with pytest.raises(VerifyError, match="got no answer"):
        ask(1, REQUEST)
