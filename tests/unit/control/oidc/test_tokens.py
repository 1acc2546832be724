from __future__ import annotations

import asyncio
import base64
from typing import Any

import msgspec
import pytest
from oidc_world import SOURCE
from rows import rows

from portcullis.control.introspection.client_proof import ClientProofError
from portcullis.control.oidc.provider import ProviderError
from portcullis.control.oidc.tokens import LONGEST_SECONDS, GrantRefusedError, TokenEndpoint, TokenSet, read_tokens
from portcullis.control.outgoing import OutgoingError

GOOD = {"access_token": "a", "token_type": "Bearer", "id_token": "i"}


class Calls:
    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[dict[str, str], dict[str, str]]] = []

    async def post_form(self, _url: str, form: dict[str, str], *, fields: dict[str, str]) -> Any:
        self.asked.append((form, fields))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def endpoint(answer: Any, **changes: Any) -> tuple[TokenEndpoint, Calls]:
    calls: Any = Calls(answer)
    return TokenEndpoint(msgspec.structs.replace(SOURCE, **changes), b"s3cret/", calls, lambda: 0.0), calls


@rows(
    ("method", "form", "fields"),
    [
        ("none", {"client_id": "web"}, {}),
        ("client_secret_post", {"client_id": "web", "client_secret": "s3cret/"}, {}),
        ("client_secret_basic", {}, {"authorization": "Basic " + base64.b64encode(b"web:s3cret%2F").decode()}),
    ],
)
def test_a_code_is_exchanged_by_who_it_is_for(method: str, form: dict[str, str], fields: dict[str, str]) -> None:
    asking, calls = endpoint(GOOD, method=method)
    asyncio.run(asking.exchange("u", "c", "v"))
    usual = {"grant_type": "authorization_code", "code": "c", "redirect_uri": SOURCE.redirect_uri, "code_verifier": "v"}
    assert calls.asked == [({**usual, **form}, fields)]


@rows(
    ("error", "raised"),
    [
        (OutgoingError("x", 400), GrantRefusedError),
        (OutgoingError("x", 401), ProviderError),
        (OutgoingError("x", 503), ProviderError),
        (OutgoingError("x"), ProviderError),
    ],
)
def test_a_wrong_grant_is_told_from_everything_else(error: Exception, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        asyncio.run(endpoint(error)[0].refresh("u", "r"))


def test_a_code_must_give_an_id_token_and_a_refresh_need_not() -> None:
    without = {name: value for name, value in GOOD.items() if name != "id_token"}
    with pytest.raises(GrantRefusedError):
        asyncio.run(endpoint(without)[0].exchange("u", "c", "v"))
    assert asyncio.run(endpoint(without)[0].refresh("u", "r")).id_token == ""


def test_a_secret_that_is_no_text_is_told() -> None:
    nothing: Any = None
    with pytest.raises(ClientProofError):
        TokenEndpoint(msgspec.structs.replace(SOURCE, method="client_secret_post"), b"\xff", nothing, lambda: 0.0)


@rows(
    ("more", "read"),
    [
        ({}, TokenSet("a", "i")),
        ({"token_type": "bearer", "scope": "openid"}, TokenSet("a", "i", scope="openid")),
        ({"refresh_token": "r", "expires_in": 60}, TokenSet("a", "i", "r", 60.0)),
        ({"expires_in": "60"}, TokenSet("a", "i", expires_in=60.0)),
        ({"expires_in": 10**12}, TokenSet("a", "i", expires_in=LONGEST_SECONDS)),
        ({"expires_in": 10**400}, TokenSet("a", "i", expires_in=LONGEST_SECONDS)),
        ({"expires_in": "\u00b2"}, TokenSet("a", "i")),
        ({"expires_in": -1}, TokenSet("a", "i")),
        ({"expires_in": True}, TokenSet("a", "i")),
        ({"expires_in": "soon", "refresh_token": None, "scope": ""}, TokenSet("a", "i")),
    ],
)
def test_answers_are_read(more: dict[str, Any], read: TokenSet) -> None:
    assert read_tokens({**GOOD, **more}) == read


@rows(
    "document",
    [
        None,
        [],
        {},
        {**GOOD, "token_type": "mac"},
        {**GOOD, "token_type": None},
        {**GOOD, "access_token": ""},
        {**GOOD, "access_token": 5},
        {**GOOD, "id_token": ["i"]},
        {**GOOD, "refresh_token": "é"},
        {**GOOD, "id_token": "x" * 20_000},
    ],
)
def test_answers_that_make_no_sense_are_none(document: Any) -> None:
    with pytest.raises(ProviderError):
        read_tokens(document)


def test_no_token_is_shown() -> None:
    assert "secret" not in repr(TokenSet("secret", "secret", "secret"))
