"""Callers get their own objects, and nobody else's, whatever they try."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from gateway import Gateway, read_all
from orders import Orders

Call = Callable[..., httpx.Response]

ODD, EVEN = 3, 4
"""Of two orders the first is bob's, the second alice's."""


def test_callers_get_their_own(call: Call) -> None:
    assert call("alice", "GET", f"/orders/{EVEN}").json()["id"] == EVEN
    assert call("bob", "GET", f"/orders/{ODD}").json()["id"] == ODD
    assert call("sam", "GET", f"/orders/{ODD}").json()["id"] == ODD


def test_what_is_somebody_elses_is_answered_as_what_is_not_there(call: Call, gateway: Gateway) -> None:
    theirs, none = call("alice", "GET", f"/orders/{ODD}"), call("alice", "GET", "/orders/999")
    assert (theirs.status_code, none.status_code) == (404, 404)
    told = [_without_ids(answer) for answer in (theirs, none)]
    assert told[0] == told[1]
    records = [gateway.record_of(answer.headers["x-request-id"]) for answer in (theirs, none)]
    assert [record["code"] for record in records] == ["objects.not_owner", "objects.absent"]
    assert records[0]["verdicts"][-1]["finding"]["found"].startswith('response.customer_id is "bob"')


def _without_ids(answer: httpx.Response) -> Any:
    """What an answer tells, but for its id and the time."""
    fields = {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "date")}
    body = {name: value for name, value in answer.json().items() if name != "request_id"}
    return answer.status_code, fields, body


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "text/csv"},
        {"Accept": "application/x-ndjson, */*;q=0.1"},
        {"If-None-Match": '"1"'},
        {"If-Match": '"2"'},
        {"Range": "bytes=0-3"},
        {"Accept-Encoding": "gzip, br"},
    ],
)
def test_no_field_gets_more_or_tells_more(call: Call, headers: dict[str, str]) -> None:
    mine = call("alice", "GET", f"/orders/{EVEN}", headers=headers)
    assert (mine.status_code, mine.json()["customer_id"]) == (200, "alice")
    theirs, none = (call("alice", "GET", f"/orders/{each}", headers=headers) for each in (ODD, 999))
    assert _without_ids(theirs) == _without_ids(none)
    assert theirs.status_code == 404


@pytest.mark.parametrize(
    "target", ["/orders/%33", "/orders/3/", "/orders//3", "/orders/./3", "/orders/4/../3", "/orders/03", "/orders/3.0"]
)
def test_no_way_to_write_an_id_gets_more(call: Call, target: str) -> None:
    answer = call("alice", "GET", target)
    assert answer.status_code in (400, 404)
    assert "bob" not in answer.text


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "TRACE"])
def test_no_other_method_gets_more(call: Call, method: str) -> None:
    assert call("alice", method, f"/orders/{ODD}").status_code == 405


def test_lists_hold_nothing_of_others(call: Call) -> None:
    answer = call("alice", "GET", "/orders")
    found = answer.json()
    assert {order["customer_id"] for order in found["items"]} == {"alice"}
    assert found["total"] == len(found["items"]) == 20
    assert answer.headers["x-total-count"] == "20"
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("query", ["customer=bob", "customer=%62ob", "CUSTOMER=bob", "customer=alice&customer=bob"])
def test_nor_do_they_if_they_are_asked_for(call: Call, query: str) -> None:
    answer = call("alice", "GET", f"/orders?{query}")
    assert answer.status_code in (200, 400)
    assert "bob" not in answer.text
    if answer.status_code == 200:
        assert answer.json() == {"items": [], "total": 0}


def test_what_is_changed_is_the_callers(call: Call, service: Orders) -> None:
    before = list(service.changed)
    assert call("alice", "DELETE", f"/orders/{ODD}").status_code == 404
    assert call("alice", "DELETE", "/orders/999").status_code == 404
    assert service.changed == before
    assert call("alice", "DELETE", f"/orders/{EVEN}").status_code == 204
    assert service.changed == [*before, f"DELETE /orders/{EVEN}"]
    assert service.asked[-2:] == [f"GET /orders/{EVEN}", f"DELETE /orders/{EVEN}"]


@pytest.mark.parametrize(
    ("number", "body"),
    [
        (EVEN, '{"id": 4, "customer_id": "bob"}'),
        (EVEN, '{"id": 3, "customer_id": "alice"}'),
        (EVEN, '{"id": "4", "customer_id": "alice"}'),
        (EVEN, '{"id": [4], "customer_id": "alice"}'),
        (EVEN, '{"id": 4, "customer_id": ["alice"]}'),
        (EVEN, '{"id": 4, "customer_id": "ALICE"}'),
        (EVEN, '{"id": 4, "customer_id": "alice", "customer_id": "bob"}'),
        (EVEN, '{"id": 4, "customer_id": "alice", "Customer_Id": "bob"}'),
        (EVEN, '{"id": 4, "customer_id": null}'),
        (EVEN, '{"id": 4}'),
        (EVEN, "[]"),
        (ODD, '{"id": 3, "customer_id": "alice"}'),
        (ODD, '{"id": 3, "customer_id": "bob"}'),
    ],
)
def test_no_body_changes_somebody_elses(call: Call, service: Orders, number: int, body: str) -> None:
    before = list(service.changed)
    answer = call("alice", "PUT", f"/orders/{number}", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 404)
    assert service.changed == before


def test_the_callers_own_is_changed(call: Call, service: Orders) -> None:
    body = {"id": EVEN, "customer_id": "alice", "total": 2**53 + 1}
    assert call("alice", "PUT", f"/orders/{EVEN}", json=body).status_code == 204
    assert service.changed[-1].endswith('"total":9007199254740993}')


def test_of_a_batch_each_item_counts(call: Call, service: Orders) -> None:
    mine, theirs = {"id": 4, "customer_id": "alice"}, {"id": 3, "customer_id": "bob"}
    assert call("alice", "POST", "/transfers", json={"from": "alice", "items": [mine, mine]}).status_code == 204
    before = list(service.changed)
    for items in ([mine, theirs], [theirs], [{"id": 3}], [[mine]], [None]):
        answer = call("alice", "POST", "/transfers", json={"from": "alice", "items": items})
        assert answer.status_code in (400, 404), items
    assert call("alice", "POST", "/transfers", json={"from": "bob", "items": []}).status_code == 404
    assert service.changed == before


def test_an_id_of_somebody_else_does_not_get_to_the_service(call: Call, service: Orders) -> None:
    assert call("alice", "GET", "/customers/alice").status_code == 200
    before = list(service.asked)
    for name in ("bob", "%62ob", "ALICE", "alice%00", "alice%20"):
        assert call("alice", "GET", f"/customers/{name}").status_code in (400, 404)
    assert service.asked == before


def test_fields_are_seen_by_those_they_are_for(call: Call) -> None:
    mine = call("alice", "GET", "/customers/alice")
    assert mine.json() == {"id": "alice", "email": "***", "credit": 5, "score": 0.12345678901234568}
    assert call("sam", "GET", "/customers/alice").json()["email"] == "alice@shop.example"


def test_and_set_by_those_who_may(call: Call, service: Orders) -> None:
    before = list(service.changed)
    for body in ({"email": "a@b.example", "credit": 9}, {"email": "a@b.example", "credit": 0}):
        answer = call("alice", "PATCH", "/customers/alice", json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "objects.field_refused")
    assert service.changed == before
    assert call("alice", "PATCH", "/customers/alice", json={"email": "a@b.example"}).status_code == 204
    assert call("sam", "PATCH", "/customers/alice", json={"email": "a@b.example", "credit": 9}).status_code == 204


def test_ids_that_are_tried_are_told_whichever_worker_answers(call: Call, gateway: Gateway) -> None:
    answers = [call("mallory", "GET", f"/orders/{number}") for number in range(1, 13)]
    assert {answer.status_code for answer in answers} == {404}
    codes = [gateway.record_of(answer.headers["x-request-id"])["code"] for answer in answers]
    assert codes[:8] == ["objects.not_owner"] * 8
    assert codes[-1] == "objects.enumeration"


def test_two_requests_on_one_connection_are_each_judged(gateway: Gateway, keys: dict[str, str]) -> None:
    head = "GET /orders/{} HTTP/1.1\r\nHost: shop\r\nX-API-Key: {}\r\n{}\r\n"
    sent = "".join(
        (
            head.format(EVEN, keys["alice"], ""),
            head.format(EVEN, keys["bob"], ""),
            head.format(ODD, keys["bob"], ""),
            head.format(ODD, keys["alice"], "Connection: close\r\n"),
        )
    )
    with gateway.connect() as client:
        client.sendall(sent.encode())
        answers = read_all(client).split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"200", b"404", b"200", b"404"]
    assert json.loads(answers[2].partition(b"\r\n\r\n")[2])["customer_id"] == "bob"
