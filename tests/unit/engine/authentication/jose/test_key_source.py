from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.authentication.jose.key_source import (
    KeySetUpdate,
    KeySource,
    decode_source,
    decode_update,
    encode_source,
    encode_update,
)

SOURCE = KeySource("https://id.example.com", algorithms=("RS256",), refresh=60.0)


def test_messages_come_back() -> None:
    update = KeySetUpdate(b'{"keys": []}', 1.0, 2.0)
    assert decode_update(encode_update(update)) == update
    assert decode_source(encode_source(SOURCE)) == SOURCE


@rows("message", [b"", b"\x93", b"\xc0", b"text"])
def test_what_is_no_message_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError):
        decode_update(message)
    with pytest.raises(ValueError):
        decode_source(message)


def test_whatever_differs_has_a_topic_of_its_own() -> None:
    others = [
        KeySource("https://id.example.com"),
        KeySource("https://id.example.com", "https://id.example.com/keys"),
        KeySource("https://other.example.com"),
        KeySource("https://id.example.com", refetch=1.0),
    ]
    assert len({source.topic for source in (*others, SOURCE)}) == 5
    assert SOURCE.topic == KeySource("https://id.example.com", algorithms=("RS256",), refresh=60.0).topic


def test_a_place_has_a_name() -> None:
    assert SOURCE.place == "https://id.example.com"
    assert KeySource("https://id.example.com", "https://id.example.com/keys").place == "https://id.example.com/keys"
