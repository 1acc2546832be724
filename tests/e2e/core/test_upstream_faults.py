"""Services that hang, reset and break off: the client gets a clear answer, and never a wrong one.

Answers that can be read in two ways have tables of their own (``smuggled_responses.py``).
"""

from __future__ import annotations

import threading

import pytest
from gateway import Gateway, client_of, read_all, wait_for
from upstream import Exchange, Respond, Upstream, hang, slowly


def raw(data: bytes) -> Respond:
    """Answer with ``data`` and close."""

    def respond(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.socket.close()
        raise OSError

    return respond


FAULTS: dict[str, tuple[Respond, int, str]] = {
    "hangs": (hang, 504, "upstream.timeout"),
    "resets": (Exchange.reset, 502, "upstream.closed"),
    "closes": (raw(b""), 502, "upstream.closed"),
    "garbage": (raw(b"\x00\x01\x02\x03\r\n\r\n"), 502, "upstream.bad_response"),
    "half-a-head": (raw(b"HTTP/1.1 200 OK\r\nContent-Le"), 502, "upstream.closed"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_answer_becomes_a_problem_document(gateway: Gateway, service: Upstream, fault: str) -> None:
    behaviour, status, code = FAULTS[fault]
    service.behaviours[f"/shop/open/{fault}"] = behaviour
    with client_of(gateway) as client:
        answer = client.delete(f"/shop/open/{fault}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert gateway.record_of(answer.json()["request_id"])["code"] == code


def test_a_kept_connection_that_the_service_closed_costs_no_failed_call(gateway: Gateway, service: Upstream) -> None:
    def answer_and_close(exchange: Exchange) -> None:
        exchange.answer()
        exchange.socket.close()
        raise OSError

    service.behaviours["/shop/open/closing"] = answer_and_close
    with client_of(gateway) as client:
        assert [client.get("/shop/open/closing").status_code for _ in range(20)] == [200] * 20


def test_a_service_that_is_down_is_502_and_back_at_once_when_it_is_up(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway(lambda text: text.replace(upstream.url, "http://127.0.0.1:1"))
    with client_of(gateway) as client:
        answers = [client.get("/shop/open/x") for _ in range(8)]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(502, "upstream.unreachable")}


def test_of_two_targets_the_dead_one_costs_no_failed_call(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway(
        lambda text: text.replace(f'["{upstream.url}"]', f'["http://127.0.0.1:1", "{upstream.url}"]')
    )
    with client_of(gateway) as client:
        assert [client.get("/shop/open/x").status_code for _ in range(20)] == [200] * 20


def test_a_client_that_goes_away_cancels_the_call_to_the_service(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway(lambda text: text.replace("first_byte: 1s", "first_byte: 15s"))
    upstream.behaviours["/shop/open/hang"] = hang
    with gateway.connect() as client:
        client.sendall(b"GET /shop/open/hang HTTP/1.1\r\nHost: shop\r\n\r\n")
        wait_for(lambda: upstream.seen, "the call at the service")
    assert upstream.closed_by_gateway.wait(5)
    record = gateway.records(1)[0]
    assert (record["decision"], record["code"], record["status"]) == ("abort", "guard.client_aborted", 0)


def test_a_streamed_answer_arrives_piece_by_piece(gateway: Gateway, service: Upstream) -> None:
    go_on = threading.Event()

    def stream(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        assert go_on.wait(5)
        exchange.send(b"6\r\nsecond\r\n0\r\n\r\n")

    service.behaviours["/shop/open/stream"] = stream
    with gateway.connect() as client:
        client.sendall(b"GET /shop/open/stream HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
        received = b""
        while b"first" not in received:
            received += client.recv(4096)
        go_on.set()
        received += read_all(client)
    assert received.endswith(b"6\r\nsecond\r\n0\r\n\r\n")


def test_a_slow_stream_outlives_the_first_byte_deadline(gateway: Gateway, service: Upstream) -> None:
    service.behaviours["/shop/open/slow"] = slowly([b"a", b"b", b"c", b"d"], 0.5)
    with client_of(gateway) as client:
        assert client.get("/shop/open/slow").text == "abcd"
