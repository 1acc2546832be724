from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.authentication.proof import DUPLICATE_CREDENTIAL
from portcullis.engine.authentication.token_place import (
    check_cookie_name,
    check_credential_field,
    present_token,
)
from portcullis.engine.decision import Refuse
from portcullis.testing.requests import make_request


def found(header: bytes | None, cookie: bytes | None, *fields: tuple[str, str]) -> bytes | Refuse | None:
    return present_token(header, cookie)(make_request(headers=fields))


@rows(
    ("value", "token"),
    [
        ("Bearer a.b.c", b"a.b.c"),
        ("bearer a.b.c", b"a.b.c"),
        ("BEARER   a.b.c", b"a.b.c"),
        ("Bearer", b""),
        ("Bearer ", b""),
        ("Bearer a.b.c ", b"a.b.c "),
        ("Bearer\ta.b.c", None),
        ("Bearera.b.c", None),
        ("Basic YTpi", None),
        ("a.b.c", None),
        ("DPoP a.b.c", None),
        ("", None),
    ],
)
def test_a_bearer_token_is_in_authorization(value: str, token: bytes | None) -> None:
    assert found(b"authorization", None, ("Authorization", value)) == token


def test_there_may_be_none() -> None:
    assert found(b"authorization", None) is None
    assert found(b"x-token", None) is None
    assert found(None, b"token") is None
    assert found(None, b"token", ("Cookie", "other=1")) is None


def test_repeated_fields_arrive_joined() -> None:
    fields = (("Authorization", "Bearer a"), ("Authorization", "Bearer b"))
    assert found(b"authorization", None, *fields) == b"a, Bearer b"


@rows(("value", "token"), [("a.b.c", b"a.b.c"), ("Bearer a.b.c", b"a.b.c"), ("", b"")])
def test_a_field_of_its_own_has_the_token_alone_or_after_bearer(value: str, token: bytes) -> None:
    assert found(b"x-token", None, ("X-Token", value)) == token


@rows(
    ("value", "token"),
    [
        ("token=a.b.c", b"a.b.c"),
        ("x=1; token=a.b.c; y=2", b"a.b.c"),
        ("xtoken=1; token=a; tokens=2", b"a"),
        ("token", None),
        ("token=", b""),
        ("TOKEN=a", None),
        ("x=token=a", None),
        ("token=a=b", b"a=b"),
    ],
)
def test_a_cookie_is_found_by_its_name(value: str, token: bytes | None) -> None:
    assert found(None, b"token", ("Cookie", value)) == token


def test_two_tokens_are_one_too_many() -> None:
    for cookies in ([("Cookie", "token=a; token=b")], [("Cookie", "token=a"), ("Cookie", "token=a")]):
        refusal = found(None, b"token", *cookies)
        assert isinstance(refusal, Refuse)
        assert refusal.code is DUPLICATE_CREDENTIAL
    both = found(b"authorization", b"token", ("Authorization", "Bearer a"), ("Cookie", "token=a"))
    assert isinstance(both, Refuse)
    assert both.code is DUPLICATE_CREDENTIAL


def test_a_token_may_be_in_either_place() -> None:
    assert found(b"authorization", b"token", ("Authorization", "Bearer a")) == b"a"
    assert found(b"authorization", b"token", ("Authorization", "Basic a"), ("Cookie", "token=b")) == b"b"
    assert found(b"authorization", b"token") is None


def test_it_must_be_somewhere() -> None:
    with pytest.raises(ValueError):
        present_token(None, None)


def test_fields_that_are_there_for_something_else_carry_no_credential() -> None:
    assert check_credential_field("X-Token") == "X-Token"
    for name in ("Host", "cookie", "Content-Length", "Proxy-Authorization"):
        with pytest.raises(ValueError):
            check_credential_field(name)


@rows("name", ["", "a b", "a=b", "a;b", "ü", "a\n", "x" * 101, "a,b", '"a"'])
def test_the_name_of_a_cookie_is_a_token(name: str) -> None:
    assert check_cookie_name("__Host-session") == "__Host-session"
    with pytest.raises(ValueError):
        check_cookie_name(name)
