"""Redirects to https."""

from __future__ import annotations

import random

from rows import rows

from portcullis.engine.api_key_format import mint
from portcullis.engine.clear_text import ClearText
from portcullis.engine.decision import Refuse
from portcullis.engine.exchange import Exchange
from portcullis.engine.identity import Consumer
from portcullis.engine.ports import KeyGrant
from portcullis.engine.request import RequestView
from portcullis.mounts.http1.request_head import parse_request_head
from portcullis.mounts.reverse_proxy.redirect import https_required
from portcullis.testing import FakeKeys


def redirect(text: bytes, port: int = 443, keys: FakeKeys | None = None) -> tuple[Refuse, Exchange]:
    head = parse_request_head(text, 1000)
    assert head is not None
    request = RequestView(head.method, head.target, head.fields, head.headers, scheme="http", client="192.0.2.1")
    exchange = Exchange(request, "id", "id", 0, 0.0)
    return https_required(head, port, exchange, ClearText(keys or FakeKeys())), exchange


@rows(
    ("text", "port", "location"),
    [
        (b"POST /a?b=1 HTTP/1.1\r\nHost: shop:8080\r\n\r\n", 443, b"https://shop/a?b=1"),
        (b"POST /a?b=1 HTTP/1.1\r\nHost: shop:8080\r\n\r\n", 8443, b"https://shop:8443/a?b=1"),
        (b"GET http://shop/a HTTP/1.1\r\nHost: shop\r\n\r\n", 443, b"https://shop/a"),
        (b"GET http://shop?x HTTP/1.1\r\nHost: shop\r\n\r\n", 443, b"https://shop/?x"),
        (b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 443, b"https://[::1]/"),
    ],
)
def test_a_redirect_keeps_method_and_target_and_leaves_the_port_out_where_it_can(
    text: bytes, port: int, location: bytes
) -> None:
    refusal, _ = redirect(text, port)
    assert refusal.status == 308
    assert refusal.fields == ((b"location", location),)


def test_a_key_that_came_in_clear_is_told_of() -> None:
    key, keys = mint(random.Random(1).randrange), FakeKeys()
    keys.add(key.reveal(), KeyGrant(key.id, Consumer("acme")))
    refusal, exchange = redirect(
        b"GET / HTTP/1.1\r\nHost: a\r\nX-API-Key: %b\r\n\r\n" % key.reveal().encode(), 443, keys
    )
    assert refusal.code.name == "guard.key_in_clear"
    assert refusal.fields == ((b"location", b"https://a/"),)
    assert exchange.facts.identity.subject == "acme"
