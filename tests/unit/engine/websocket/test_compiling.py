"""From the file to rules."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import load_configuration
from portcullis.engine.operation import Operation
from portcullis.engine.ports import Ports
from portcullis.testing import FakeClock, FakeCounters, FakeFiles, FakeKeys

TEXT = """\
listeners: {public: {bind: "127.0.0.1:0"}}
apis:
  shop:
    hosts: [shop]
    upstream: {targets: ["http://127.0.0.1:1"]}
    public: true
    versions: {v1: {spec: s.yaml}}
    API
    operations: {OPERATIONS}
"""
SPEC = b"""\
openapi: 3.1.0
info: {title: t, version: "1"}
paths:
  /feed: {get: {responses: {default: {description: d}}}, post: {responses: {default: {description: d}}}}
"""
ASYNCAPI = b"""\
asyncapi: 2.6.0
channels: {/feed: {publish: {message: {payload: {type: object}}}}}
"""


def compiled(operations: str, api: str = "", text: str = TEXT) -> dict[str, Operation]:
    files = FakeFiles({"s.yaml": SPEC, "m.yaml": b"type: object", "bad.yaml": b"type: nothing", "a.yaml": ASYNCAPI})
    text = text.replace("OPERATIONS", operations).replace("API", api)
    clock = FakeClock()
    ports = Ports(clock, FakeCounters(), FakeKeys(), files=files)
    snapshot = compile_snapshot(load_configuration(text, "p.yaml", files), files, ports)
    return {operation.name: operation for operation in snapshot.operations}


def test_what_the_file_says_is_what_holds() -> None:
    settings: Any = "{idle: 5s, lifetime: 1m, messages: {max_size: 7, per_second: 4, bytes_per_second: 100}}"
    found = compiled(f'"GET /feed": {{websocket: {settings}}}')
    rules = found["GET /feed"].websocket
    assert rules is not None
    assert (rules.idle_ns, rules.lifetime_ns, rules.max_message) == (5 * 10**9, 60 * 10**9, 7)
    assert (rules.frame_ns, rules.byte_ns) == (250_000_000, 10**7)
    assert rules.from_client is None
    assert rules.standing is None
    assert rules.source == "#/apis/shop/operations/GET ~1feed/websocket"
    assert found["GET /feed"].head_steps[0].policy == "guard.websocket"
    assert found["POST /feed"].websocket is None


def test_rules_of_messages_become_judges() -> None:
    rules = compiled('"GET /feed": {websocket: {messages: {from_service: m.yaml, inspect: true}}}')[
        "GET /feed"
    ].websocket
    assert rules is not None
    assert rules.from_client is not None
    assert rules.from_client(True, b"<script>alert(1)</script>") is not None
    assert rules.from_service is not None
    assert rules.from_service(True, b"[]") is not None


@rows("channel", ["", ", channel: /feed"])
def test_messages_may_be_those_of_a_channel_by_default_the_one_of_the_path(channel: str) -> None:
    settings = f"{{messages: {{asyncapi: a.yaml{channel}}}}}"
    rules = compiled(f'"GET /feed": {{websocket: {settings}}}')["GET /feed"].websocket
    assert rules is not None
    assert rules.from_client is not None
    assert rules.from_client(True, b"{}") is None
    assert rules.from_client(True, b"[]") is not None
    assert rules.from_service is not None
    assert rules.from_service(True, b"{}") is not None


def test_a_mistake_in_an_asyncapi_document_is_told_where_it_stands() -> None:
    with pytest.raises(ConfigurationError) as caught:
        compiled('"GET /feed": {websocket: {messages: {asyncapi: m.yaml}}}')
    assert str(caught.value).startswith("m.yaml:1:1: error: not an AsyncAPI document")


def test_long_answers_may_be_said_of_all_operations() -> None:
    rules = compiled("", "stream: {lifetime: 2m, max_bytes: 5}")["POST /feed"].stream
    assert rules is not None
    assert (rules.lifetime_ns, rules.idle_ns, rules.max_bytes) == (120 * 10**9, 60 * 10**9, 5)
    assert rules.source == "#/apis/shop/stream"


@rows(
    ("operations", "api", "message"),
    [
        ("", "websocket: {}", "said of all operations"),
        ('"POST /feed": {websocket: {}}', "", "is a GET"),
        ('"GET /feed": {websocket: {messages: {from_client: no.yaml}}}', "", "no.yaml can't be read"),
        ('"GET /feed": {websocket: {messages: {from_client: bad.yaml}}}', "", "bad.yaml is no valid JSON Schema"),
        ('"GET /feed": {websocket: {messages: {asyncapi: no.yaml}}}', "", "no.yaml can't be read"),
        ('"GET /feed": {websocket: {messages: {asyncapi: a.yaml, channel: fee}}}', "", "a.yaml has no channel fee"),
        ('"GET /feed": {websocket: {messages: {channel: /feed}}}', "", "name that by asyncapi"),
        ('"GET /feed": {websocket: {messages: {asyncapi: a.yaml, from_client: m.yaml}}}', "", "leave it out"),
    ],
)
def test_mistakes_are_told_with_their_place(operations: str, api: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        compiled(operations, api)
    diagnostic = caught.value.diagnostics[0]
    assert message in diagnostic.message
    assert diagnostic.line >= 8


def test_services_that_speak_http_2_have_none() -> None:
    text = TEXT.replace('"http://127.0.0.1:1"]', '"http://127.0.0.1:1"], protocols: [h2]')
    with pytest.raises(ConfigurationError, match="a WebSocket is spoken with services"):
        compiled('"GET /feed": {websocket: {}}', text=text)
