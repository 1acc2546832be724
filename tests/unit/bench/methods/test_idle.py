from __future__ import annotations

import contextlib
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bench.errors import VerifyError
from bench.load import Request
from bench.methods import idle
from bench.methods.idle import CONNECTIONS, IDLE, IdleClient


def test_the_figure_is_what_all_connections_added_by_their_number(
    fake: Any, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []

    def client(_runner: Any, connections: int, _cpu: int) -> Any:
        opened.append(connections)
        return contextlib.nullcontext(SimpleNamespace(check=lambda: None))

    monkeypatch.setattr(idle, "IdleClient", client)
    monkeypatch.setattr(idle, "SETTLE_SECONDS", 0)
    memory = [50_000_000, 50_000_000 + 3_000 * CONNECTIONS]
    fake.program = SimpleNamespace(pss=lambda: memory.pop(0))
    begun, (contender,) = session(IDLE, "a")

    taken = begun.take(contender)

    assert taken.figure == 3_000
    assert opened == [idle.WARM_UP_CONNECTIONS, CONNECTIONS]


class Kept(http.server.BaseHTTPRequestHandler):
    """Answers over kept connections, until it is told to close them."""

    protocol_version = "HTTP/1.1"
    closing = False

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        self.close_connection = self.closing

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(Kept, "closing", False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kept) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        ground = SimpleNamespace(port=server.server_port, folder=Path())
        setup = SimpleNamespace(secure=False)
        yield SimpleNamespace(ground=ground, setup=setup, request=Request("GET", "/", {}))
        server.shutdown()
        thread.join()


CPU = min(os.sched_getaffinity(0))


@pytest.mark.slow
def test_all_connections_are_open_inside_the_block_and_can_be_used_again(runner: Any) -> None:
    before = threading.active_count()
    with IdleClient(runner, 5, CPU) as client:
        assert threading.active_count() == before + 5
        client.check()
        client.check()


def test_connections_that_were_closed_are_an_error(runner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kept, "closing", True)

    with IdleClient(runner, 1, CPU) as client, pytest.raises(VerifyError, match="closed"):
        client.check()


def test_nobody_there_is_an_error(runner: Any) -> None:
    runner.ground.port = 1

    with pytest.raises(VerifyError, match="ConnectionRefusedError"), IdleClient(runner, 1, CPU):
        pass
