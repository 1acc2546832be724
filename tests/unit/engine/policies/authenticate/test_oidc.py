from __future__ import annotations

import json
from typing import Any

import pytest
from phase_site import NOW, Site
from pydantic import ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.exchange import Exchange, record_of
from portcullis.engine.identity import ANONYMOUS
from portcullis.engine.oidc.codes import LOGIN_REFUSED, LOGIN_UNAVAILABLE, UNKNOWN_LOGIN, WRONG_ORIGIN
from portcullis.engine.oidc.cross_site import csrf_token
from portcullis.engine.oidc.messages import (
    SESSIONS,
    SessionAnswer,
    SessionNews,
    decode_session_question,
    encode,
)
from portcullis.engine.oidc.random_ids import as_text
from portcullis.engine.policies.authenticate.oidc import POLICY, OidcConfig, source_of

CASES = cases_of("authenticate/oidc")
GOOD, OTHER = bytes(range(32)), b"\xff" * 32
CLAIMS = {"iss": "https://id.example.com", "sub": "alice", "groups": ["clerks", "others"], "scope": "openid"}
BASE = {"issuer": "https://id.example.com", "client_id": "shop", "origin": "https://shop.example.com"}
WORDS = {"good": as_text(GOOD), "other": as_text(OTHER), "token": csrf_token(GOOD)}


def made(identities: dict[str, Any] = CASES["identities"]) -> Site:
    return Site(identities, variables={"SECRET": "s3cret"})


def answering(site: Site, case: dict[str, Any]) -> None:
    def answer(topic: str, message: bytes) -> bytes:
        assert topic == SESSIONS
        if decode_session_question(message).session == GOOD:
            claims = json.dumps(CLAIMS | case.get("claims", {})).encode()
            return encode(SessionAnswer("done", claims, NOW + 60.0, NOW + 3600.0))
        return encode(SessionAnswer(case["says"]))

    site.answer = answer


def ran(site: Site, case: dict[str, Any]) -> Exchange:
    answering(site, case)
    fields = {**case.get("fields", {}), **({"cookie": case["cookie"]} if "cookie" in case else {})}
    sent = [(name, value.format(**WORDS).encode()) for name, value in fields.items()]
    settings = {"any_of": case["accept"], "mode": case.get("mode", "enforce")}
    return site.run(sent, "/orders?a=b", method=case.get("method", "GET"), authenticate=settings)


@rows("case", CASES["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    exchange = ran(made(), case)
    identity = exchange.facts.identity
    if "identity" in case:
        assert exchange.refusal is None, exchange.facts.verdicts
        who, consumer = case["identity"], identity.consumer
        assert consumer is not None
        assert (identity.method, identity.subject, consumer.name) == ("oidc", who["subject"], who["consumer"])
        assert (identity.roles, consumer.plan) == (frozenset(who.get("roles", ())), who.get("plan", ""))
        assert identity.scopes == frozenset(who["scopes"])
        assert identity.expires == NOW + 3600
        kept = dict(exchange.set_fields or ()).get(b"cookie")
        assert kept == (case["upstream"].encode() if "upstream" in case else None)
        assert "upstream" in case or b"cookie" in (exchange.removed_fields or ())
    else:
        assert identity is ANONYMOUS
        found = [verdict for verdict in exchange.facts.verdicts if verdict.code]
        assert [verdict.code for verdict in found] == [case.get("refused") or case["would_refuse"]]
        if "refused" in case:
            refusal = exchange.refusal
            assert refusal is not None
            assert refusal.status == case.get("status", 401)
            for name, value in case.get("told", {}).items():
                assert dict(refusal.fields)[name.encode()] == value.encode()
    recorded = repr(record_of(exchange, 0))
    assert not [word for word in WORDS.values() if word in recorded]


def test_all_refusals_look_the_same_to_a_caller() -> None:
    cases = [case for case in CASES["cases"] if case["accept"] == ["people"] and "status" not in case]
    refusals = [ran(made(), case).refusal for case in cases]
    told = {(r.code.visible, r.status, r.detail, r.fields) for r in refusals if r is not None}
    challenge = b'Cookie realm="people", form-action="/.portcullis/login", cookie-name="__Host-portcullis"'
    assert told == {(FAILED, 401, "", ((b"www-authenticate", challenge),))}


def test_every_code_of_the_policy_is_in_a_case_or_of_the_paths_of_logging_in() -> None:
    named = {case.get("refused") or case.get("would_refuse") for case in CASES["cases"]} - {None}
    of_paths = {code.name for code in (UNKNOWN_LOGIN, LOGIN_REFUSED, LOGIN_UNAVAILABLE, WRONG_ORIGIN)}
    assert {code.name for code in POLICY.codes} - named == of_paths


def test_a_session_is_asked_about_once_and_dropped_when_it_has_ended() -> None:
    site = made()
    case = CASES["cases"][0]
    ran(site, case)
    ran(site, case)
    assert len(site.asked) == 1
    site.told[SESSIONS](encode(SessionNews(whole=False, digests=(b"x" * 32,))))
    ran(site, case)
    assert len(site.asked) == 1
    site.told[SESSIONS](encode(SessionNews(whole=True)))
    ran(site, case)
    assert len(site.asked) == 2


def test_a_control_process_that_is_away_is_no_grant() -> None:
    site = made()
    cookie = f"__Host-portcullis={as_text(GOOD)}".encode()
    refusal = site.run([("cookie", cookie)], authenticate=["people"]).refusal
    assert refusal is not None
    assert (refusal.code.name, refusal.status) == ("authenticate.unavailable", 503)


@rows(
    ("said", "reason"),
    [
        ({"origin": "http://shop.example.com"}, "https only"),
        ({"origin": "https://shop.example.com/"}, "as browsers write it"),
        ({"origin": "https://shop.example.com:443"}, "as browsers write it"),
        ({"origin": "http://localhost:80"}, "as browsers write it"),
        ({"origin": "https://Shop.example.com"}, "lower case"),
        ({"origin": "https://u:p@shop.example.com"}, "as browsers write it"),
        ({"origin": "https://shop.example.com/shop"}, "as browsers write it"),
        ({"issuer": "http://id.example.com"}, "plain http"),
        ({"client_id": ""}, "printable ASCII"),
        ({"client_secret": "hunter2"}, "a secret is never written into the file"),
        ({"client_method": "client_secret_post"}, "only with client_secret"),
        ({"scopes": ["profile"]}, "openid"),
        ({"scopes": ["openid", "a b"]}, "a scope"),
        ({"algorithms": ["HS256"]}, "shared secret"),
        ({"session": {"cookie": "session"}}, "__Host-"),
        ({"session": {"cookie": "__Secure-session"}}, "__Host-"),
        ({"session": {"cookie": "__Host-a;b"}}, "__Host-"),
        ({"session": {"idle": "2h", "lifetime": "1h"}}, "at most lifetime"),
        ({"login_path": "/a", "logout_path": "/a"}, "another one"),
        ({"redirect_path": "callback"}, "begins with /"),
        ({"csrf": {"origins": ["http://app.example.com"]}}, "https only"),
        ({"csrf": {"origins": ["*"]}}, "https only"),
        ({"redirect_uri": "x"}, "redirect_uri"),
    ],
)
def test_a_file_that_says_something_else_is_told_what_would_be_right(said: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        OidcConfig.model_validate({**BASE, **said})


@rows(
    "origin",
    ["https://shop.example.com", "https://shop.example.com:8443", "http://localhost:8080", "http://127.0.0.1:1"],
)
def test_origins_that_browsers_take_host_cookies_from(origin: str) -> None:
    assert OidcConfig.model_validate({**BASE, "origin": origin}).origin == origin


def test_a_secret_that_is_missing_is_told_at_the_start() -> None:
    site = Site({"people": {"oidc": {**BASE, "client_secret": "env:NOT_THERE"}}})
    with pytest.raises(ConfigurationError) as caught:
        site.run([], authenticate=["people"])
    assert "identities.people.oidc.client_secret" in str(caught.value)


def test_what_another_registration_has_are_other_sessions() -> None:
    first = source_of("people", OidcConfig.model_validate(BASE))
    for change in ({"issuer": "https://other.example.com"}, {"client_id": "b"}, {"origin": "https://b.example.com"}):
        assert source_of("people", OidcConfig.model_validate({**BASE, **change})).realm != first.realm
    assert source_of("others", OidcConfig.model_validate(BASE)).realm != first.realm
    again = OidcConfig.model_validate({**BASE, "scopes": ["openid"], "session": {"idle": "5m"}})
    assert source_of("people", again).realm == first.realm
