"""The proxy without sockets: what a playbook lets happen, and what it notices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from rows import rows

from portcullis.engine.config.model import Configuration
from portcullis.engine.operation import Operation
from portcullis.engine.routing import RouteIndex
from portcullis.engine.snapshot import HostRoutes, Snapshot
from portcullis.testing import FakeClock, Playbook, settle
from portcullis.testing.playbook import LISTENER, SECOND

GET = b"GET /items HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def snapshot() -> Snapshot:
    api = {"hosts": ["shop"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "a.yaml"}}}
    configuration = Configuration.model_validate({"listeners": {"a": {"bind": "127.0.0.1:0"}}, "apis": {"shop": api}})
    operation = Operation("shop", "v1", "GET /items", (), (), 1000, "shop", str)
    return Snapshot(configuration, {"shop": HostRoutes(RouteIndex([("/items", {"GET": operation})]))}, {}, None, ())


@pytest.fixture
async def play() -> Playbook:
    return Playbook(snapshot())


async def test_the_example_at_its_head_is_true(play: Playbook) -> None:
    play.client_sends(b"GET /items HTTP/1.1\r\nHost: shop\r\n\r\n")
    await settle()
    play.service_gets(b"GET /items HTTP/1.1\r\n", b"via: 1.1 portcullis\r\n")
    play.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    play.client_gets(b"HTTP/1.1 200 OK\r\n", b"\r\n\r\nok")


async def test_what_was_sent_is_given_back_and_asked_for_once(play: Playbook) -> None:
    play.client_sends(GET)
    await settle()
    assert play.service_gets(b"GET").startswith(b"GET /items HTTP/1.1\r\n")
    assert play.service_gets() == b""
    play.service_sends(OK)
    assert play.client_gets(b"HTTP/1.1").endswith(b"\r\n\r\nok")
    assert play.client_gets() == b""


@rows(
    ("expectation", "complaint"),
    [
        (lambda p: p.client_gets(), "the client should get nothing, but got b'HTTP/1.1 404"),
        (
            lambda p: p.client_gets(b"HTTP/1.1 200"),
            "the client should get b'HTTP/1.1 200' after b'', but got b'HTTP/1.1 404",
        ),
        (lambda p: p.client_gets(b"404", b"HTTP/1.1"), "should get b'HTTP/1.1' after b'HTTP/1.1 404', but got b' Not"),
        (lambda p: p.client_is("closed"), "the client's connection is 'open', not 'closed'"),
        (lambda p: p.service_gets(b"GET"), "the service should get b'GET' after b'', but got b''"),
        (lambda p: p.service_sends(OK), "there is no connection to the service"),
        (lambda p: p.service_goes(), "there is no connection to the service"),
    ],
)
async def test_what_should_be_and_is_not_is_told(
    play: Playbook, expectation: Callable[[Playbook], object], complaint: str
) -> None:
    play.client_sends(GET.replace(b"items", b"nothing"))
    await settle()
    with pytest.raises(AssertionError) as caught:
        expectation(play)
    assert complaint in str(caught.value)


async def test_nothing_can_come_from_a_service_that_was_hung_up_on(play: Playbook) -> None:
    play.client_sends(GET)
    await settle()
    play.client_goes()
    await settle()
    with pytest.raises(AssertionError, match="the connection to the service is "):
        play.service_sends(OK)


async def test_records_count_their_requests_up(play: Playbook) -> None:
    for _ in range(2):
        play.client_sends(GET)
        await settle()
        play.service_sends(OK)
    assert [record.request_id for record in play.records] == [f"{1:032x}", f"{2:032x}"]
    assert [record.status for record in play.records] == [200, 200]


async def test_a_kept_connection_is_there_at_once(play: Playbook) -> None:
    play.client_sends(GET)
    await settle()
    play.service_sends(OK)
    play.service_gets(b"GET")
    play.client_sends(GET)
    play.service_gets(b"GET")
    assert len(play.service_connections) == 1


async def test_a_service_that_is_down_refuses_connections(play: Playbook) -> None:
    play.service_is_up = False
    play.client_sends(GET)
    await settle()
    play.service_gets()
    play.client_gets(b"HTTP/1.1 502")


@rows("error", [None, ConnectionResetError(104, "Connection reset by peer")])
async def test_a_service_may_go_or_break(play: Playbook, error: Exception | None) -> None:
    play.client_sends(GET)
    await settle()
    play.service_goes(error)
    await settle()
    play.client_gets(b"HTTP/1.1 502")


async def test_time_passes_when_it_is_told_to_and_deadlines_strike() -> None:
    clock = FakeClock(wall_s=1_700_000_000.0)
    play = Playbook(snapshot(), clock=clock)
    play.client_sends(GET[:10])
    play.wait(LISTENER.header_ns / SECOND - 1)
    play.client_gets()
    play.wait(1)
    play.client_gets(b"HTTP/1.1 408")
    assert play.records[0].time.startswith("2023-11-14T22:13:30")


async def test_a_client_may_come_again(play: Playbook) -> None:
    play.client_sends(GET.replace(b"1.1\r\n", b"1.1\r\nConnection: close\r\n"))
    await settle()
    play.service_sends(OK)
    play.client_gets(b"connection: close")
    play.client_goes()
    play.connect()
    play.client_is("")
    play.client_sends(GET)
    await settle()
    play.service_sends(OK)
    play.client_gets(b"HTTP/1.1 200")


async def test_settling_lets_what_is_ready_run() -> None:
    ran: list[int] = []

    async def step(number: int) -> None:
        for _ in range(number):
            await asyncio.sleep(0)
        ran.append(number)

    tasks = [asyncio.create_task(step(number)) for number in (1, 3)]
    await settle()
    assert ran == [1, 3]
    assert all(task.done() for task in tasks)
