from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.authentication.jose.compact import (
    MAX_TOKEN,
    Header,
    header_object,
    media_type,
    read_claims,
    read_header,
    split,
)
from portcullis.engine.authentication.jose.errors import MALFORMED_TOKEN, ForeignTokenError, TokenError
from portcullis.testing.tokens import part


def header(value: object) -> bytes:
    return part(value).encode()


def test_a_token_has_three_parts() -> None:
    assert split(b"a.b.c") == (b"a.b", b"a", b"b", b"c")
    assert split(b"..") == (b".", b"", b"", b"")


@rows("token", [b"", b"a", b"a.b", b"a.b.c.d", b"a.b.c.d.e", b"...", b"." * 1000])
def test_another_number_of_parts_is_something_else(token: bytes) -> None:
    with pytest.raises(ForeignTokenError):
        split(token)


def test_a_token_is_not_looked_into_if_it_is_too_long() -> None:
    assert split(b"a.b." + b"c" * (MAX_TOKEN - 4))
    with pytest.raises(TokenError) as caught:
        split(b"a.b." + b"c" * (MAX_TOKEN - 3))
    assert (caught.value.code, caught.value.allowed) == (MALFORMED_TOKEN, f"at most {MAX_TOKEN} bytes")


def test_what_a_header_points_to_is_nothing_to_us() -> None:
    pointing: dict[str, Any] = {"jku": "http://127.0.0.1/", "x5u": 7, "jwk": {"kty": "oct"}, "x5c": [], "zip": "DEF"}
    assert read_header(header({"alg": "ES256", "kid": "a", "typ": "application/AT+JWT", **pointing})) == Header(
        "ES256", "a", "at+jwt"
    )
    assert read_header(header({"alg": "ES256"})) == Header("ES256")


@rows(
    "value",
    [
        {},
        {"alg": None},
        {"alg": 5},
        {"alg": ["ES256"]},
        {"alg": "ES256", "kid": 5},
        {"alg": "ES256", "kid": {}},
        {"alg": "ES256", "typ": None},
        {"alg": "ES256", "kid": "x" * 1025},
        {"alg": "ES256", "crit": []},
        {"alg": "ES256", "crit": ["exp"], "exp": 1},
        {"alg": "ES256", "crit": ["b64"], "b64": True},
        {"alg": "ES256", "b64": False},
    ],
)
def test_a_header_that_can_not_be_gone_by_is_refused(value: object) -> None:
    with pytest.raises(TokenError) as caught:
        read_header(header(value))
    assert caught.value.code is MALFORMED_TOKEN


@rows(
    "encoded",
    [
        b"",
        b"!!!!",
        b"e30=",
        header("[]"),
        header("null"),
        header('{"alg": "a", "alg": "b"}'),
        header('{"alg": "a",}'),
        header(b'\xef\xbb\xbf{"alg": "a"}'),
        header(b'{"alg": "\xff"}'),
        header('{"alg": "\\ud800"}'),
        header('{"alg": "a\\u0000"}'),
        header('{"a":' * 7 + "1" + "}" * 7),
        header('{"a":' * 3000 + "1" + "}" * 3000),
        header({f"k{number}": 1 for number in range(100)}),
        header({"alg": "x" * 9000}),
    ],
)
def test_what_has_no_such_header_is_no_such_token(encoded: bytes) -> None:
    with pytest.raises(ForeignTokenError):
        header_object(encoded)


def test_claims_are_a_json_object() -> None:
    assert read_claims(header({"sub": "alice"})) == {"sub": "alice"}


@rows(
    "encoded",
    [
        b"",
        b"e30=",
        header("7"),
        header('"text"'),
        header('{"sub": "a", "sub": "b"}'),
        header('{"sub": "a", "s\\u0075b": "b"}'),
        header('{"exp": NaN}'),
        header('{"exp": 1e400}'),
        header('{"exp": 99999999999999999999}'),
        header('{"a":' * 3000 + "1" + "}" * 3000),
        header(b'{"sub": "\xc0\x80"}'),
    ],
)
def test_other_claims_are_refused(encoded: bytes) -> None:
    with pytest.raises(TokenError) as caught:
        read_claims(encoded)
    assert caught.value.code is MALFORMED_TOKEN


def test_types_are_compared_as_media_types() -> None:
    assert {media_type(kind) for kind in ("JWT", "jwt", "application/jwt", "Application/JWT")} == {"jwt"}
