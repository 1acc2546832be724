from __future__ import annotations

from typing import Any

import pytest
from oidc_world import EVENT, SOURCE
from rows import rows

from portcullis.control.oidc.logout_tokens import LONGEST_SECONDS, LoggedOut, logout_token_rules, read_logout_token
from portcullis.engine.authentication.jose.errors import TokenError

EVENTS = {"events": {EVENT: {}}}


@rows(
    ("claims", "told"),
    [
        ({"sub": "a"}, LoggedOut("a", None)),
        ({"sid": "s"}, LoggedOut(None, "s")),
        ({"sub": "a", "sid": "s"}, LoggedOut("a", "s")),
        ({"sub": "a", "events": {EVENT: {}, "other": 1}}, LoggedOut("a", None)),
    ],
)
def test_it_says_whose_sessions_have_ended(claims: dict[str, Any], told: LoggedOut) -> None:
    assert read_logout_token({**EVENTS, **claims}, 60) == told


@rows(
    "claims",
    [
        {},
        {"sub": ""},
        {"sub": 5},
        {"sid": "x" * 256},
        {"sub": "a", "sid": ["s"]},
        {"sub": "a", "nonce": None},
        {"sub": "a", "events": None},
        {"sub": "a", "events": {}},
        {"sub": "a", "events": [EVENT]},
        {"sub": "a", "events": {EVENT: True}},
    ],
)
def test_anything_else_is_none(claims: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        read_logout_token({**EVENTS, **claims}, 60)


def test_one_that_could_not_be_remembered_is_refused() -> None:
    with pytest.raises(TokenError):
        read_logout_token({**EVENTS, "sub": "a"}, LONGEST_SECONDS + 1)


def test_access_tokens_are_none() -> None:
    assert "at+jwt" not in logout_token_rules(SOURCE).types
    assert {"jti", "iat"} <= logout_token_rules(SOURCE).required
