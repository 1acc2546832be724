from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.authentication.jose.claims import (
    ACCESS_TOKEN_CLAIMS,
    ACCESS_TOKEN_TYPES,
    LATEST_DATE,
    TokenRules,
    check_claims,
    check_recipient,
    check_type,
    is_identifier,
)
from portcullis.engine.authentication.jose.errors import (
    EXPIRED_TOKEN,
    FOREIGN_AUDIENCE,
    FOREIGN_ISSUER,
    INVALID_CLAIMS,
    OLD_TOKEN,
    PREMATURE_TOKEN,
    WRONG_TOKEN_TYPE,
    ForeignTokenError,
    TokenError,
)
from portcullis.engine.codes import Code

NOW = 1_800_000_000.0
RULES = TokenRules("https://id.example.com", frozenset({"shop", "https://shop.example"}), leeway=30.0)
CLAIMS = {"iss": RULES.issuer, "aud": "shop", "sub": "alice", "exp": NOW + 60}


def refused(claims: dict[str, Any], rules: TokenRules = RULES) -> tuple[Code, str]:
    with pytest.raises(TokenError) as caught:
        check_claims(rules, claims, NOW)
    assert len(caught.value.found) <= 120
    return caught.value.code, caught.value.found


@rows("audience", ["shop", ["shop"], ["other", "https://shop.example"]])
def test_a_token_names_its_audience_alone_or_among_others(audience: object) -> None:
    check_recipient(RULES, {**CLAIMS, "aud": audience})


@rows(
    "audience",
    [
        None,
        "",
        "Shop",
        "shop ",
        "shop/",
        "other",
        [],
        ["other"],
        ["shop", 7],
        [["shop"]],
        {"shop": 1},
        7,
        ["shop"] * 65,
    ],
)
def test_a_token_for_others_is_not_for_us(audience: object) -> None:
    with pytest.raises(ForeignTokenError) as caught:
        check_recipient(RULES, {**CLAIMS, "aud": audience})
    assert caught.value.code is FOREIGN_AUDIENCE
    assert caught.value.allowed == "https://shop.example, shop"


@rows(
    "issuer",
    [
        None,
        "",
        "https://id.example.com/",
        "https://id.example.com.evil.example",
        "HTTPS://id.example.com",
        ["a"],
        7,
        {},
    ],
)
def test_a_token_of_another_issuer_is_not_ours(issuer: object) -> None:
    with pytest.raises(ForeignTokenError) as caught:
        check_recipient(RULES, {**CLAIMS, "iss": issuer})
    assert caught.value.code is FOREIGN_ISSUER


def test_the_type_must_be_one_that_says_who_calls() -> None:
    for kind in ("", "jwt", "at+jwt"):
        check_type(RULES, kind)
    for kind in ("dpop+jwt", "logout+jwt", "secevent+jwt", "x"):
        with pytest.raises(TokenError) as caught:
            check_type(RULES, kind)
        assert caught.value.code is WRONG_TOKEN_TYPE
    with pytest.raises(TokenError, match="wrong_token_type"):
        check_type(TokenRules("i", frozenset(), ACCESS_TOKEN_TYPES), "")


def test_a_token_holds_until_its_end_and_the_leeway() -> None:
    assert check_claims(RULES, CLAIMS, NOW) == NOW + 90
    assert check_claims(RULES, {**CLAIMS, "exp": NOW - 29}, NOW) == NOW + 1
    for ended in (NOW - 30, NOW - 31, 0):
        assert refused({**CLAIMS, "exp": ended})[0] is EXPIRED_TOKEN
    assert refused({**CLAIMS, "exp": NOW}, TokenRules("i", frozenset()))[0] is EXPIRED_TOKEN


@rows("name", ["nbf", "iat"])
def test_a_token_does_not_hold_before_its_time(name: str) -> None:
    assert check_claims(RULES, {**CLAIMS, name: NOW + 30}, NOW)
    assert check_claims(RULES, {**CLAIMS, name: NOW - 1e6}, NOW)
    assert refused({**CLAIMS, name: NOW + 31}) == (PREMATURE_TOKEN, f"{name} {NOW + 31}, in 31 s")


@rows("name", ["exp", "nbf", "iat"])
@rows("date", [None, "", "1800000060", True, [], {}, -1, LATEST_DATE + 1, 1e300, float("inf"), float("nan"), 2**63])
def test_what_is_no_date_is_refused(name: str, date: object) -> None:
    assert refused({**CLAIMS, name: date})[0] is INVALID_CLAIMS


def test_a_token_without_an_end_is_refused() -> None:
    del (claims := dict(CLAIMS))["exp"]
    assert refused(claims)[0] is INVALID_CLAIMS


def test_a_token_may_be_too_old_though_it_has_not_ended() -> None:
    rules = TokenRules(RULES.issuer, RULES.audiences, leeway=30.0, max_age=600.0)
    far = {**CLAIMS, "exp": NOW + 9000}
    assert check_claims(rules, {**far, "iat": NOW - 600}, NOW) == NOW + 30
    assert check_claims(rules, {**far, "exp": NOW + 10, "iat": NOW}, NOW) == NOW + 40
    assert refused({**far, "iat": NOW - 630}, rules) == (OLD_TOKEN, f"iat {NOW - 630}, 630 s ago")
    assert refused(far, rules)[0] is OLD_TOKEN


def test_claims_that_are_required_must_be_there() -> None:
    rules = TokenRules(RULES.issuer, RULES.audiences, required=ACCESS_TOKEN_CLAIMS)
    whole = {**CLAIMS, "client_id": "web", "iat": NOW, "jti": "1"}
    assert check_claims(rules, whole, NOW) == NOW + 60
    for name in ACCESS_TOKEN_CLAIMS - {"exp"}:
        claims = {key: value for key, value in whole.items() if key != name}
        assert refused(claims, rules)[0] is INVALID_CLAIMS
    for wrong in (None, "", 7, ["web"], "x" * 256, "a\nb"):
        assert refused({**whole, "client_id": wrong}, rules)[0] is INVALID_CLAIMS


@rows("identifier", [None, "", 7, [], "x" * 256, "a\x00b", "a\u2028b"])
def test_an_identifier_is_a_short_text(identifier: object) -> None:
    assert not is_identifier(identifier)
    assert refused({**CLAIMS, "jti": identifier})[0] is INVALID_CLAIMS
