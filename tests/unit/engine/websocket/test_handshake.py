"""Opening handshakes, without sockets; over sockets they are tests/e2e/transport/test_websocket.py."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.decision import Modify, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.request import RequestView
from portcullis.engine.websocket.declaring import WebSocketConfig
from portcullis.engine.websocket.handshake import (
    AnswerError,
    accept_of,
    asks_for_websocket,
    check_answer,
    handshake_step,
)

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
GOOD = {b"host": b"shop", b"sec-websocket-version": b"13", b"sec-websocket-key": KEY}
ANSWER = {
    b"upgrade": b"websocket",
    b"connection": b"Upgrade",
    b"sec-websocket-accept": b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
}


def asked(headers: dict[bytes, bytes], **config: Any) -> Refuse | Modify | None:
    all_headers = {**GOOD, **headers}
    request = RequestView("GET", "/", tuple(all_headers.items()), all_headers, upgrades=True)
    return handshake_step(WebSocketConfig.model_validate(config))(request, Facts())


def status(decision: Refuse | Modify | None) -> int:
    return decision.status if isinstance(decision, Refuse) else 0


def test_the_accept_is_that_of_the_example_in_rfc_6455() -> None:
    assert accept_of(KEY) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@rows(
    "headers",
    [
        {},
        {b"origin": b"http://shop"},
        {b"origin": b"http://shop", b"cookie": b"a=b"},
        {b"sec-websocket-protocol": b"a,b"},
    ],
)
def test_a_right_handshake_passes_as_it_is(headers: dict[bytes, bytes]) -> None:
    assert asked(headers) is None


@rows(
    ("headers", "config", "expected"),
    [
        ({b"sec-websocket-key": KEY[:-1]}, {}, 400),
        ({b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZR=="}, {}, 400),
        ({b"sec-websocket-key": KEY + b"\n"}, {}, 400),
        ({b"sec-websocket-version": b"13, 13"}, {}, 426),
        ({b"sec-websocket-protocol": b"a,,b"}, {}, 400),
        ({b"sec-websocket-protocol": b"a,a"}, {}, 400),
        ({b"cookie": b"a=b"}, {}, 403),
        ({b"cookie": b"a=b"}, {"without_origin": "allow"}, 0),
        ({}, {"without_origin": "refuse"}, 403),
        ({b"origin": b"https://a.example"}, {}, 403),
        ({b"origin": b"https://a.example"}, {"origins": ["https://a.example"]}, 0),
        ({b"origin": b"https://shop"}, {}, 403),
        ({b"origin": b"https://a.example"}, {"origins": ["*"]}, 0),
        ({b"origin": b"https://a.example", b"cookie": b"a=b"}, {"origins": ["*"]}, 403),
        ({b"origin": b"null"}, {}, 403),
        ({b"origin": b"http://shop, https://a.example"}, {}, 403),
    ],
)
def test_what_is_asked_of_a_client(headers: dict[bytes, bytes], config: dict[str, Any], expected: int) -> None:
    assert status(asked(headers, **config)) == expected


def test_a_plain_request_is_told_what_to_upgrade_to() -> None:
    request = RequestView("GET", "/", (), {b"host": b"shop"})
    refusal = handshake_step(WebSocketConfig.model_validate({}))(request, Facts())
    assert isinstance(refusal, Refuse)
    assert refusal.status == 426
    assert (b"sec-websocket-version", b"13") in refusal.fields


@rows(
    ("headers", "config", "sent"),
    [
        ({b"sec-websocket-extensions": b"permessage-deflate"}, {}, None),
        (
            {b"sec-websocket-extensions": b"x-evil, permessage-deflate; client_max_window_bits"},
            {"compression": "allow"},
            b"permessage-deflate; client_max_window_bits",
        ),
        ({b"sec-websocket-extensions": b"x-evil"}, {"compression": "allow"}, None),
        ({b"sec-websocket-protocol": b"a, b"}, {"subprotocols": ["b"]}, b"b"),
        ({b"sec-websocket-protocol": b"a"}, {"subprotocols": ["b"]}, None),
    ],
)
def test_what_is_offered_on_behalf_of_the_client(
    headers: dict[bytes, bytes], config: dict[str, Any], sent: bytes | None
) -> None:
    change = asked(headers, **config)
    assert isinstance(change, Modify)
    (name,) = headers
    assert dict(change.set_fields).get(name) == sent
    assert (name in change.remove_fields) == (sent is None)


def answered(headers: dict[bytes, bytes], offers: dict[bytes, bytes] | None = None) -> bool:
    all_headers = {**GOOD, **(offers or {})}
    request = RequestView("GET", "/", tuple(all_headers.items()), all_headers, upgrades=True)
    return check_answer(request, {}, frozenset(), {**ANSWER, **headers})


def test_a_right_answer_opens_it() -> None:
    assert not answered({b"connection": b"keep-alive, UPGRADE", b"upgrade": b"WebSocket"})
    assert not answered({b"sec-websocket-protocol": b"b"}, {b"sec-websocket-protocol": b"a, b"})
    offers = {b"sec-websocket-extensions": b"permessage-deflate"}
    assert answered({b"sec-websocket-extensions": b"permessage-deflate; server_no_context_takeover"}, offers)


@rows(
    "headers",
    [
        {b"upgrade": b"h2c"},
        {b"connection": b"keep-alive"},
        {b"sec-websocket-accept": b""},
        {b"sec-websocket-accept": KEY},
        {b"sec-websocket-protocol": b"a"},
        {b"sec-websocket-protocol": b""},
        {b"sec-websocket-extensions": b"permessage-deflate"},
        {b"sec-websocket-extensions": b"x-evil"},
    ],
)
def test_a_wrong_answer_does_not(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(AnswerError):
        answered(headers)


@rows(
    ("headers", "asks"),
    [
        ({b"upgrade": b"WebSocket", b"connection": b"keep-alive, Upgrade"}, True),
        ({b"upgrade": b"websocket"}, False),
        ({b"connection": b"upgrade"}, False),
        ({b"upgrade": b"h2c", b"connection": b"upgrade"}, False),
        ({b"upgrade": b"websocket", b"connection": b"close"}, False),
    ],
)
def test_who_asks_for_a_websocket_says_so_in_two_fields(headers: dict[bytes, bytes], asks: bool) -> None:
    assert asks_for_websocket(headers) is asks
