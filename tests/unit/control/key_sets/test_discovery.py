from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.control.key_sets.discovery import DiscoveryError, discovery_urls, find_key_set, key_set_in
from portcullis.control.outgoing import OutgoingError

ISSUER = "https://id.example.com"
OPENID = f"{ISSUER}/.well-known/openid-configuration"
OAUTH = f"{ISSUER}/.well-known/oauth-authorization-server"
KEYS = f"{ISSUER}/keys"


@rows(
    ("issuer", "openid", "oauth"),
    [
        (ISSUER, OPENID, OAUTH),
        (f"{ISSUER}/", OPENID, OAUTH),
        (
            f"{ISSUER}/realms/shop",
            f"{ISSUER}/realms/shop/.well-known/openid-configuration",
            f"{ISSUER}/.well-known/oauth-authorization-server/realms/shop",
        ),
    ],
)
def test_where_the_document_is(issuer: str, openid: str, oauth: str) -> None:
    assert discovery_urls(issuer) == (openid, oauth)


async def test_the_document_of_openid_connect_is_asked_first(answers: Any) -> None:
    answers.pages[OPENID] = {"issuer": ISSUER, "jwks_uri": KEYS}
    assert await find_key_set(ISSUER, answers) == KEYS
    assert answers.asked == [OPENID]


async def test_then_that_of_oauth(answers: Any) -> None:
    answers.pages[OAUTH] = {"issuer": ISSUER, "jwks_uri": KEYS}
    assert await find_key_set(ISSUER, answers) == KEYS
    assert answers.asked == [OPENID, OAUTH]


async def test_an_issuer_that_is_away_is_not_asked_twice(answers: Any) -> None:
    for error in (OutgoingError("no answer"), OutgoingError("answered 503", 503)):
        answers.pages[OPENID] = error
        with pytest.raises(OutgoingError):
            await find_key_set(ISSUER, answers)
    assert answers.asked == [OPENID, OPENID]


async def test_an_issuer_without_a_document_is_told(answers: Any) -> None:
    with pytest.raises(OutgoingError, match="oauth-authorization-server: answered 404"):
        await find_key_set(ISSUER, answers)


@rows(
    ("document", "reason"),
    [
        ([], "no JSON object"),
        ({}, "of another issuer, None"),
        ({"issuer": f"{ISSUER}/", "jwks_uri": KEYS}, "of another issuer, https://id.example.com/"),
        ({"issuer": "https://evil.example", "jwks_uri": KEYS}, "of another issuer"),
        ({"issuer": [ISSUER], "jwks_uri": KEYS}, "of another issuer"),
        ({"issuer": ISSUER}, "the jwks_uri of the discovery document is not a URL"),
        ({"issuer": ISSUER, "jwks_uri": 7}, "is not a URL"),
        ({"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"}, "is not a URL"),
        ({"issuer": ISSUER, "jwks_uri": "https://user:secret@id.example.com/keys"}, "is not a URL"),
        ({"issuer": ISSUER, "jwks_uri": "http://id.example.com/keys"}, "is not https"),
        ({"issuer": ISSUER, "jwks_uri": "http://127.0.0.1/keys"}, "is not https, as the issuer is"),
    ],
)
def test_a_document_that_can_not_be_gone_by_is_told(document: object, reason: str) -> None:
    with pytest.raises(DiscoveryError, match=reason):
        key_set_in(document, ISSUER)


def test_an_issuer_on_this_machine_may_do_without_tls() -> None:
    issuer = "http://127.0.0.1:8080"
    assert key_set_in({"issuer": issuer, "jwks_uri": f"{issuer}/keys"}, issuer) == f"{issuer}/keys"


@rows("page", [b"<html>", b"", b'{"issuer": "a", "issuer": "b"}', b"[" * 100_000])
async def test_what_is_no_document_is_told(page: bytes, answers: Any) -> None:
    answers.pages[OPENID] = page
    with pytest.raises(DiscoveryError, match="no JSON that can be read one way only"):
        await find_key_set(ISSUER, answers)
