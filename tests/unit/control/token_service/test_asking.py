from __future__ import annotations

import pytest
from rows import rows

from portcullis.control.token_service.asking import audience_asked_for, required, scopes_asked_for
from portcullis.control.token_service.errors import OAuthError
from portcullis.stores.database.token_clients import StoredClient


def client(*audiences: str) -> StoredClient:
    return StoredClient("c", None, (), (), audiences, (), (), 0.0, 0.0)


def test_by_default_all_scopes_are_given() -> None:
    assert scopes_asked_for({}, ["a", "b"]) == ("a", "b")
    assert scopes_asked_for({"scope": "b b"}, ["a", "b"]) == ("b",)


@rows("scope", ["c", "a c", "a  b", " a", "A"])
def test_no_scope_is_given_that_was_not_granted(scope: str) -> None:
    with pytest.raises(OAuthError) as caught:
        scopes_asked_for({"scope": scope}, ["a", "b"])
    assert caught.value.error == "invalid_scope"


def test_the_only_audience_need_not_be_named() -> None:
    assert audience_asked_for({}, client("shop"), ["shop", "payments"]) == "shop"
    assert audience_asked_for({}, client("shop", "gone"), ["shop"]) == "shop"
    assert audience_asked_for({"audience": "b"}, client("a", "b"), ["a", "b"]) == "b"


@rows(
    ("parameters", "audiences"),
    [
        ({}, ("shop", "payments")),
        ({}, ()),
        ({"audience": "payments"}, ("shop",)),
        ({"audience": "gone"}, ("gone", "shop")),
        ({"resource": "https://shop"}, ("shop",)),
    ],
)
def test_no_other_audience_is_given(parameters: dict[str, str], audiences: tuple[str, ...]) -> None:
    with pytest.raises(OAuthError) as caught:
        audience_asked_for(parameters, client(*audiences), ["shop", "payments"])
    assert caught.value.error == "invalid_target"


def test_what_is_missing_is_named() -> None:
    assert required({"token": "x"}, "token") == "x"
    with pytest.raises(OAuthError, match="token"):
        required({}, "token")
