from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.codes import Code
from portcullis.engine.decision import Refuse
from portcullis.engine.exchange import Exchange
from portcullis.engine.policy import FirstRead
from portcullis.mounts.request_fields import RequestFieldRenderer
from portcullis.mounts.reverse_proxy.upstream_request import UpstreamRequest, first_read_request, upstream_request
from portcullis.testing import make_request


def on_the_wire(request: UpstreamRequest) -> bytes:
    line = f"{request.method} {request.target}\r\nhost: ".encode()
    return b"".join((line, request.host, b"\r\n", request.lines))


@pytest.fixture
def head(play):
    def render(target: str = "/a", upstream: dict[str, object] | None = None, **changes: object) -> bytes:
        request = make_request("GET", target, {"Host": "shop:81", "X-A": "1", "X-B": "2"})
        exchange = Exchange(request, "r" * 32, "t" * 32, 0, 0.0)
        for name, value in changes.items():
            setattr(exchange, name, value)
        pool = play(upstream).gateway.pools["shop"]
        renderer = RequestFieldRenderer()
        return on_the_wire(
            upstream_request(exchange, pool.targets[0], renderer, b"forwarded: for=x\r\n", b"TP", (0, b""))
        )

    return render


async def test_the_head_is_written_in_a_fixed_order(head):
    assert head() == (
        b"GET /a\r\nhost: 127.0.0.1:9000\r\nx-a: 1\r\nx-b: 2\r\nforwarded: for=x\r\n"
        b"traceparent: TP\r\nx-request-id: " + b"r" * 32 + b"\r\n"
    )


async def test_the_host_may_be_the_clients(head):
    assert b"host: shop:81\r\n" in head(upstream={"host": "preserve"})


async def test_the_normalised_path_and_the_query_as_it_came_are_sent(head):
    assert head("/a/./b%41?x=%zz&y").startswith(b"GET /a/bA?x=%zz&y\r\n")


async def test_a_changed_query_is_sent_instead_and_an_emptied_one_leaves_no_question_mark(head):
    assert head("/a?x=1", query="y=2").startswith(b"GET /a?y=2\r\n")
    assert head("/a?x=1", query="").startswith(b"GET /a\r\n")


async def test_fields_that_steps_set_replace_the_clients(head):
    rendered = head(set_fields={b"x-a": b"other", b"x-c": b"3"}, removed_fields=frozenset({b"x-b"}))
    assert b"x-a: other\r\nx-c: 3\r\n" in rendered
    assert b"x-a: 1" not in rendered
    assert b"x-b" not in rendered


async def test_a_host_that_stands_only_in_the_target_is_the_one_that_is_preserved(play):
    request = make_request("GET", "http://shop/a")
    pool = play({"host": "preserve"}).gateway.pools["shop"]
    exchange = Exchange(request, "r" * 32, "t" * 32, 0, 0.0)
    request = upstream_request(exchange, pool.targets[0], RequestFieldRenderer(), b"", b"TP", (0, b""))
    assert request.host == b"shop"


@rows("upstream", [None, {"host": "preserve"}])
async def test_what_is_read_first_is_asked_for_as_the_same_caller(play, upstream):
    fields = {
        "Host": "shop:81",
        "X-A": "1",
        "Accept": "text/csv",
        "If-Match": "x",
        "Content-Type": "text/plain",
        "Idempotency-Key": "k",
        "X-B": "2",
    }
    exchange = Exchange(make_request("PUT", "/a?x=1", fields), "r" * 32, "t" * 32, 0, 0.0)
    exchange.set_fields = {b"x-a": b"other", b"accept": b"text/html"}
    exchange.removed_fields = frozenset({b"x-b"})
    read = FirstRead("/b?c", b"application/json", lambda _response, _facts: None, Refuse(Code("a.b", 503, "C")))
    target = play(upstream).gateway.pools["shop"].targets[0]
    host = b"127.0.0.1:9000" if upstream is None else b"shop:81"
    assert on_the_wire(first_read_request(exchange, read, target, b"forwarded: for=x\r\n", b"TP")) == (
        b"GET /b?c\r\nhost: " + host + b"\r\nx-a: other\r\nforwarded: for=x\r\naccept: application/json\r\n"
        b"traceparent: TP\r\nx-request-id: " + b"r" * 32 + b"\r\n"
    )
