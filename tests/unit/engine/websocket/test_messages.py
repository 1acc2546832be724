"""Whole messages, judged."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.asyncapi.channel import Message
from portcullis.engine.asyncapi.schemas import validator_of
from portcullis.engine.decision import Finding
from portcullis.engine.inspection.inspector import the_inspector
from portcullis.engine.websocket.messages import (
    SchemaError,
    all_of,
    attack_judge,
    channel_judge,
    schema_judge,
    text_only,
)

SCHEMA = b"""
$ref: "#/$defs/message"
$defs:
  message: {type: object, required: [id], properties: {id: {type: integer}, tags: {items: {maxLength: 3}}}}
"""


@rows("payload", [b'{"id": 1}', b'{"id": 1, "tags": ["abc"]}', b'{"id": 1, "other": null}'])
def test_what_fits_its_schema_passes(payload: bytes) -> None:
    assert schema_judge(SCHEMA, "m.yaml")(True, payload) is None


@rows(
    ("payload", "pointer"),
    [
        (b'{"id": "1"}', "/message/id"),
        (b"{}", "/message"),
        (b'{"id": 1, "tags": ["a", "abcd"]}', "/message/tags/1"),
        (b'{"id": 1, "id": 2}', "/message"),
        (b"nonsense", "/message"),
        (b"", "/message"),
    ],
)
def test_what_does_not_is_refused_and_the_record_says_where(payload: bytes, pointer: str) -> None:
    refusal = schema_judge(SCHEMA, "m.yaml")(True, payload)
    assert refusal is not None
    assert refusal.code.name == "validate.message"
    assert refusal.finding is not None
    assert refusal.finding.pointer == pointer
    assert refusal.finding.source.startswith("m.yaml")


def test_binary_messages_have_no_schema() -> None:
    assert schema_judge(b"true", "m.yaml")(False, b"{}") is not None
    assert text_only("#/a")(False, b"") is not None
    assert text_only("#/a")(True, b"") is None


@rows(
    ("content", "message"),
    [
        (b"type: nonsense", "no valid JSON Schema"),
        (b"[1]", "holds no JSON Schema"),
        (b"a: [", "m.yaml:2:1:"),
        (b"$ref: other.yaml", "no valid JSON Schema"),
    ],
)
def test_a_file_without_a_schema_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        schema_judge(content, "m.yaml")


@rows("payload", [b"hello", b"It's 5 o'clock; drop by or call", b'{"a": "caf\\u00e9"}', "é".encode()])
def test_honest_text_passes(payload: bytes) -> None:
    assert attack_judge(the_inspector(), "#/a")(True, payload) is None


@rows(
    "payload",
    [
        b"1' OR '1'='1' --",
        b'{"a": "\\u003cscript\\u003ealert(1)"}',
        b'{"a": "\\u003cscript\\u003ealert(1)", "a": "b"}',
        b'{"a": "\\u003cscript\\u003ealert(1)", "b": NaN}',
        b"<script>alert(1)</script>",
    ],
)
def test_attacks_are_found_behind_escapes_too(payload: bytes) -> None:
    refusal = attack_judge(the_inspector(), "#/a")(True, payload)
    assert refusal is not None
    assert refusal.code.name == "inspect.message"


def test_the_first_judge_that_refuses_decides() -> None:
    judge = all_of([text_only("#/a"), schema_judge(b"false", "m.yaml")])
    assert judge is not None
    first, second = judge(False, b""), judge(True, b"1")
    assert first is not None and first.finding is not None and first.finding.source == "#/a"  # noqa: PT018
    assert second is not None and second.finding is not None and second.finding.source == "m.yaml#"  # noqa: PT018
    assert all_of([]) is None


def message(name: str, schema: dict[str, Any] | bool) -> Message:
    return Message(f"feed.yaml#/messages/{name}", schema, validator_of(schema))


def kinds(*names: str) -> list[Message]:
    fields = {"n": {"type": "integer"}}
    return [
        message(name, {"type": "object", "required": ["type"], "properties": {"type": {"const": name}, **fields}})
        for name in names
    ]


def test_a_message_of_a_channel_fits_the_one_that_a_field_names() -> None:
    judge = channel_judge(kinds("buy", "sell"), "feed.yaml#/channels/feed")
    assert judge(True, b'{"type": "sell", "n": 1}') is None
    wrong = judge(True, b'{"type": "sell", "n": "1"}')
    assert wrong is not None
    assert wrong.finding == Finding(
        "/message/n", "a value that does not fit", "what the schema says", "feed.yaml#/messages/sell/properties/n/type"
    )
    for payload in (b'{"type": "hold"}', b"{}", b"[]", b'{"type": 1}'):
        unknown = judge(True, payload)
        assert unknown is not None
        assert unknown.finding == Finding(
            "/message/type", "another value, or none", '"buy" or "sell"', "feed.yaml#/channels/feed"
        )


def test_without_such_a_field_a_message_fits_exactly_one() -> None:
    judge = channel_judge([message("a", {"minimum": 5}), message("b", {"maximum": 10, "type": "integer"})], "feed")
    assert judge(True, b"12") is None
    assert judge(True, b"4") is None
    found = [judge(True, payload) for payload in (b"7", b"4.5")]
    assert [each and each.finding and each.finding.found for each in found] == [
        "a message that fits several",
        "a message that fits none",
    ]


def test_a_direction_without_messages_takes_none() -> None:
    judge = channel_judge([], "feed")
    assert judge(True, b"{}") is not None
    assert judge(False, b"") is not None


def test_the_only_message_of_a_channel_is_the_one_to_fit() -> None:
    judge = channel_judge([message("a", {"minimum": 5})], "feed")
    assert judge(True, b"5") is None
    assert judge(True, b"4") is not None
    assert judge(False, b"5") is not None
