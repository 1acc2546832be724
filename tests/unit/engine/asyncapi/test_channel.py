"""Channels of documents, in both versions, and what is said of documents that can't be used."""

from __future__ import annotations

import json

import pytest
from rows import rows

from portcullis.engine.asyncapi.channel import Channel, ChannelError, read_channel
from portcullis.engine.config.diagnostics import ConfigurationError

VERSION_2 = b"""\
asyncapi: 2.6.0
info: {title: Feed, version: "1"}
channels:
  /feed:
    publish:
      message:
        oneOf:
          - $ref: "#/components/messages/buy"
          - $ref: "#/components/messages/cancel"
    subscribe:
      message:
        payload: {$ref: "types.yaml#/Quote"}
  /quiet: {}
components:
  messages:
    buy:
      payload:
        type: object
        required: [type, sku]
        properties: {type: {const: buy}, sku: {$ref: "#/components/schemas/Sku"}}
        additionalProperties: false
    cancel:
      schemaFormat: application/schema+json;version=draft-07
      payload: {$ref: "#/components/schemas/Cancel"}
  schemas:
    Sku: {type: string, maxLength: 8}
    Cancel:
      type: object
      required: [type, order]
      properties: {type: {enum: [cancel, stop]}, order: {type: integer}}
"""
VERSION_3 = b"""\
asyncapi: 3.0.0
info: {title: Feed, version: "1"}
channels:
  feed:
    address: /feed
    messages:
      buy: {$ref: "#/components/messages/buy"}
      cancel:
        payload:
          schemaFormat: application/vnd.aai.asyncapi+json;version=3.0.0
          schema: {type: object, required: [type], properties: {type: {enum: [cancel, stop]}, order: {type: integer}}}
      quote: {payload: {$ref: "types.yaml#/Quote"}}
operations:
  take:
    action: receive
    channel: {$ref: "#/channels/feed"}
    messages: [{$ref: "#/channels/feed/messages/buy"}, {$ref: "#/channels/feed/messages/cancel"}]
  tell:
    action: send
    channel: {$ref: "#/channels/feed"}
    messages: [{$ref: "#/channels/feed/messages/quote"}]
components:
  messages:
    buy:
      payload:
        type: object
        required: [type, sku]
        properties: {type: {const: buy}, sku: {type: string, maxLength: 8}}
        additionalProperties: false
"""
TYPES = b"""\
Quote:
  type: object
  required: [price]
  properties: {price: {$ref: "#/Price"}, next: {$ref: "#/Quote"}}
Price: {type: number, minimum: 0}
"""


def read(path: str, document: str) -> bytes:
    assert document == "specs/feed.yaml"
    if path != "specs/types.yaml":
        raise FileNotFoundError(2, "No such file", path)
    return TYPES


def channel(data: bytes, name: str = "/feed") -> Channel:
    return read_channel("specs/feed.yaml", data, read, name)


@pytest.mark.parametrize("data", [VERSION_2, VERSION_3])
def test_messages_are_those_of_each_direction_as_the_version_means_it(data: bytes) -> None:
    found = channel(data)
    buy, cancel = found.from_client
    (quote,) = found.from_service
    assert buy.source == "specs/feed.yaml#/components/messages/buy"
    assert buy.validator.is_valid({"type": "buy", "sku": "BK-1"})
    assert not buy.validator.is_valid({"type": "buy", "sku": "much too long"})
    assert cancel.validator.is_valid({"type": "stop", "order": 1})
    assert not cancel.validator.is_valid({"type": "stop", "order": "1"})
    assert quote.validator.is_valid({"price": 1, "next": {"price": 2}})
    assert not quote.validator.is_valid({"price": 1, "next": {"price": -2}})


def test_a_channel_of_version_3_has_all_its_messages_where_an_operation_names_none() -> None:
    text = VERSION_3.replace(b'    messages: [{$ref: "#/channels/feed/messages/quote"}]\n', b"")
    assert [each.source.rpartition("/")[2] for each in channel(text, "feed").from_service] == ["buy", "cancel", "quote"]


def test_a_message_without_a_payload_may_be_anything() -> None:
    text = b"asyncapi: 2.0.0\nchannels: {/feed: {publish: {message: {name: any}}}}"
    found = channel(text)
    assert found.from_client[0].validator.is_valid([1])
    assert found.from_service == ()


@rows(
    ("name", "message", "hint"),
    [
        ("/fed", "specs/feed.yaml has no channel /fed", "did you mean /feed?"),
        ("orders", "specs/feed.yaml has no channel orders", "it has /feed, /quiet"),
        ("/quiet", "specs/feed.yaml#/channels/~1quiet has no operations", "say of it what is sent, and by whom"),
    ],
)
def test_a_channel_of_which_nothing_is_said_is_an_error(name: str, message: str, hint: str) -> None:
    with pytest.raises(ChannelError) as caught:
        channel(VERSION_2, name)
    assert (str(caught.value), caught.value.hint) == (message, hint)


@rows(
    ("data", "place", "message"),
    [
        (b"[", (2, 1), "not valid YAML"),
        (b"openapi: 3.1.0", (1, 1), "not an AsyncAPI document"),
        (b"asyncapi: 4.0.0", (1, 1), "AsyncAPI 4.0.0 is not supported"),
        (VERSION_2.replace(b"#/components/schemas/Sku", b"#/components/schemas/Nix"), (20, 48), "leads nowhere"),
        (VERSION_2.replace(b"types.yaml", b"other.yaml"), (12, 19), "specs/other.yaml can't be read: No such file"),
        (VERSION_2.replace(b"types.yaml", b"../../t.yaml"), (12, 19), "leads out of the folder"),
        (
            VERSION_2.replace(b"schema+json;version=draft-07", b"vnd.apache.avro"),
            (23, 7),
            "application/vnd.apache.avro",
        ),
        (VERSION_2.replace(b"type: string", b"type: text"), (17, 7), "no valid JSON Schema"),
        (
            VERSION_2.replace(b"      schemaFormat", b"      contentType: image/png\n      schemaFormat"),
            (22, 5),
            "image/png",
        ),
        (VERSION_3.replace(b"action: send", b"action: shout"), (19, 5), "an action is send or receive"),
        (VERSION_3.replace(b"vnd.aai.asyncapi+json;version=3.0.0", b"raml+yaml"), (10, 11), "raml+yaml"),
        (b"asyncapi: 2.0.0\nchannels: {/feed: {publish: {}}}", (2, 20), "names no message"),
        (b"asyncapi: 2.0.0\nchannels: {/feed: {publish: 7}}", (2, 20), "a mapping is expected"),
        (b"asyncapi: 2.0.0\nchannels: {/feed: {publish: {message: {payload: 7}}}}", (2, 40), "a schema is expected"),
        (b"asyncapi: 3.0.0\nchannels: {feed: {address: [/feed]}}", (2, 19), "an address is a text"),
        (
            b"""\
asyncapi: 3.0.0
channels: {/feed: {messages: {a: {payload: {schema: 7}}}}}
operations: {o: {action: send, channel: {$ref: '#/channels/~1feed'}}}
""",
            (2, 45),
            "a schema is expected",
        ),
        (
            b'asyncapi: 2.0.0\nchannels: {/feed: {publish: {message: {payload: {items: [{$ref: "#/nix"}]}}}}}',
            (2, 40),
            "where none is followed",
        ),
    ],
)
def test_what_is_wrong_in_a_document_is_told_with_its_place(data: bytes, place: tuple[int, int], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        channel(data)
    found = caught.value.diagnostics[0]
    assert message in found.message
    assert (found.file, found.line, found.column) == ("specs/feed.yaml", *place)


def test_what_names_a_schema_can_t_lead_its_references_astray() -> None:
    schema = {"$id": "http://elsewhere/x", "properties": {"a": {"$ref": "#/components/schemas/A"}}}
    document = {
        "asyncapi": "2.6.0",
        "channels": {"/feed": {"publish": {"message": {"payload": schema}}}},
        "components": {"schemas": {"A": {"type": "integer"}}},
    }
    validator = channel(json.dumps(document).encode()).from_client[0].validator
    assert validator.is_valid({"a": 1})
    assert not validator.is_valid({"a": "1"})


def test_a_channel_has_a_bounded_number_of_messages() -> None:
    many = {"oneOf": [{"name": str(number)} for number in range(501)]}
    document = {"asyncapi": "2.6.0", "channels": {"/feed": {"publish": {"message": many}}}}
    with pytest.raises(ChannelError, match="more than 500 messages"):
        channel(json.dumps(document).encode())
