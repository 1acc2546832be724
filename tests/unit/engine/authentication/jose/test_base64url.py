from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.authentication.jose import base64url


@given(st.binary(max_size=200))
def test_octets_come_back(octets: bytes) -> None:
    assert base64url.decode(base64url.encode(octets)) == octets


@given(st.text(alphabet="AQgw-_+/=. \n\x00é9z", max_size=12).map(str.encode))
def test_whatever_can_be_decoded_is_spelt_in_the_one_way(text: bytes) -> None:
    try:
        octets = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(octets) == text


@rows(
    "text",
    [
        b"YQ==",  # padding
        b"YQ=",
        b"=",
        b"Y",  # no octet has six bits
        b"YWJjZ",
        b"YR",  # bits that are lost
        b"YWJ",
        b"a+b/",  # the other alphabet
        b"YW Jj",
        b"YWJj\n",
        b"\nYWJj",
        b"YWJj\x00",
        b"YWJ!",
        "YWJé".encode(),
        b"YWJj.",
    ],
)
def test_another_spelling_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="not base64url"):
        base64url.decode(text)


def test_nothing_is_nothing() -> None:
    assert base64url.decode(b"") == b""
