from __future__ import annotations

from typing import Any

import pytest
from phase_site import NOW, Fields, Site
from pydantic import ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.exchange import Exchange, record_of
from portcullis.engine.identity import ANONYMOUS
from portcullis.engine.policies.authenticate.hmac import POLICY, HmacConfig
from portcullis.testing.signing import content_digest, hmac_credential

CASES = cases_of("authenticate/hmac")
SECRETS = {"ACME": "a secret of acme, thirty-two bytes and more", "OTHER": "o" * 32, "LONG": "l" * 64}
BODY = '{"amount": 1}'


def made(identities: dict[str, Any] = CASES["identities"]) -> Site:
    return Site(identities, variables=SECRETS)


def call(case: dict[str, Any]) -> tuple[Fields, bytes]:
    """The fields and the body of the call that ``case`` describes."""
    body = case.get("body", BODY)
    algorithm = case.get("digest", "sha-256")
    digest = "" if not body else "md5=:AAAA:" if algorithm == "md5" else content_digest(body.encode(), algorithm)
    fields = {"content-type": "application/json", "content-digest": digest} if body else {}
    signed: dict[str, Any] = {
        "key": "acme",
        "time": NOW - case.get("ago", 0),
        "nonce": "0123456789abcdef",
        "method": case.get("method", "POST"),
        "host": "api.shop.example",
        "target": "/orders?a=1",
        "fields": [("content-type", fields.get("content-type", "")), ("content-encoding", "")],
        "digest": digest,
        **case.get("sign", {}),
    }
    good = hmac_credential(SECRETS[case.get("secret", "ACME")].encode(), **signed)
    fields["authorization"] = case.get("text", "{good}").replace("{good}", good)
    fields |= case.get("send", {})
    kept = {name: value for name, value in fields.items() if name not in case.get("without", ())}
    return [(name, value.encode()) for name, value in kept.items()], case.get("sent_body", body).encode()


def ran(site: Site, case: dict[str, Any]) -> Exchange:
    fields, body = call(case)
    settings = {"any_of": case["accept"], "mode": case.get("mode", "enforce")}
    return site.run(fields, "/orders?a=1", method=case.get("method", "POST"), body=body, authenticate=settings)


@rows("case", CASES["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    site = made()
    exchange = ran(site, case)
    if "identity" in case:
        assert exchange.refusal is None, exchange.facts.verdicts
        who, identity = case["identity"], exchange.facts.identity
        assert identity.consumer is not None
        assert (identity.method, identity.subject) == ("hmac", who["subject"])
        assert (identity.consumer.name, identity.consumer.plan) == (who["consumer"], who.get("plan", ""))
        assert (identity.roles, identity.scopes) == (frozenset(who.get("roles", ())), frozenset(who.get("scopes", ())))
    else:
        verdict = exchange.facts.verdicts[-1]
        wanted = case.get("refused") or case["would_refuse"]
        assert (verdict.policy, verdict.code) == (POLICY.name, wanted["code"])
        assert verdict.outcome == ("refuse" if "refused" in case else "would_refuse")
        assert verdict.finding is not None
        for name in ("pointer", "found", "source"):
            assert getattr(verdict.finding, name) == wanted.get(name, getattr(verdict.finding, name))
        if wanted["code"] != "authenticate.wrong_digest":
            assert exchange.facts.identity is ANONYMOUS
    if "upstream" in case:
        assert sorted(exchange.removed_fields) == [name.encode() for name in case["upstream"]]
    if "again" in case:
        assert ran(site, case).facts.verdicts[-1].code == case["again"]
    for secret in SECRETS.values():
        assert secret not in repr(record_of(exchange, 0))


def test_all_refusals_look_the_same_to_a_caller() -> None:
    refusals = [ran(made(), case).refusal for case in CASES["cases"] if case["accept"] == ["partners"]]
    told = {(r.code.visible, r.status, r.detail, r.fields) for r in refusals if r is not None}
    assert told == {(FAILED, 401, "", ((b"www-authenticate", b'HMAC-SHA256 realm="partners"'),))}


def test_every_code_of_the_policy_is_in_a_case() -> None:
    named = {(case.get("refused") or case.get("would_refuse") or {}).get("code") for case in CASES["cases"]} - {None}
    named |= {case["again"] for case in CASES["cases"] if "again" in case}
    assert {code.name for code in POLICY.codes} - named == {"authenticate.unavailable"}  # tested below


def test_where_uses_can_not_be_counted_nobody_is_let_through() -> None:
    site = made()
    site.counters.broken = True
    refusal = ran(site, {"accept": ["partners"]}).refusal
    assert refusal is not None
    assert (refusal.code.name, refusal.status) == ("authenticate.unavailable", 503)


def test_a_nonce_is_used_up_by_a_right_signature_only() -> None:
    site = made()
    assert ran(site, {"accept": ["partners"], "secret": "OTHER"}).refusal is not None
    assert ran(site, {"accept": ["partners"]}).refusal is None


def test_a_nonce_is_remembered_for_as_long_as_its_signature_passes() -> None:
    site = made()
    case = {"accept": ["partners"], "ago": -59}
    assert ran(site, case).refusal is None
    site.clock.advance(118)
    assert ran(site, case).facts.verdicts[-1].code == "authenticate.replayed_request"
    site.clock.advance(2)
    assert ran(site, case).facts.verdicts[-1].code == "authenticate.stale_signature"


def test_the_same_nonce_of_another_key_is_another() -> None:
    site = made()
    assert ran(site, {"accept": ["partners"]}).refusal is None
    assert ran(site, {"accept": ["partners"], "sign": {"key": "old"}}).refusal is None


def mutations() -> list[tuple[str, Fields]]:
    """What a good call becomes when something happens to its ``Authorization``."""
    fields, _ = call({})
    [good] = [value for name, value in fields if name == "authorization"]
    others = [pair for pair in fields if pair[0] != "authorization"]
    same = good.replace(b", ", b",")  # a blank after a comma may be left out
    found = [(f"cut at {at}", good[:at]) for at in range(len(good))]
    for at in range(len(good)):
        found += [(f"{at} {new!r}", good[:at] + new + good[at + 1 :]) for new in (b"!", b"\xff", b"", b'"')]
    found += [
        ("huge", good + b" " * 10_000),
        ("very huge", b'HMAC-SHA256 key="' + b"a" * 100_000),
        ("many parameters", b"HMAC-SHA256 " + b'key="a",' * 10_000),
        ("empty parameters", b"HMAC-SHA256 " + b"," * 1000),
        ("not UTF-8", b'HMAC-SHA256 key="\xff\xfe", time="1", nonce="a", signature="b"'),
        ("digits of another script", good.replace(b'time="1', 'time="\u0661'.encode())),
        ("a time that is huge", good.replace(b'time="1', b'time="1' + b"9" * 150)),
        ("a time below zero", good.replace(b'time="', b'time="-')),
        ("no signature", good.replace(good[good.index(b'signature="') + 11 : -1], b"")),
        ("NUL", good + b"\0"),
    ]
    return [(name, [*others, ("authorization", value)]) for name, value in found if value.replace(b", ", b",") != same]


def test_every_mutation_is_refused() -> None:
    site = made()
    table = mutations()
    assert len(table) > 500
    passed = []
    for name, fields in table:
        refusal = site.run(fields, "/orders?a=1", method="POST", body=BODY.encode(), authenticate=["partners"]).refusal
        if refusal is None or refusal.status != 401 or refusal.code.visible not in (FAILED, POLICY.codes[0].visible):
            passed.append((name, refusal))
    assert passed == []


@rows(
    ("said", "reason"),
    [
        ({"keys": {}}, "at least 1 item"),
        ({"keys": {"a b": {"secret": "env:A"}}}, "printable ASCII without blanks"),
        ({"keys": {"a": {"secret": "hunter2"}}}, "a secret is never written into the file"),
        ({"keys": {"a": {}}}, "Field required"),
        ({"algorithm": "md5"}, "Input should be 'sha256'"),
        ({"headers": ["Authorization"]}, "a field that is not signed already"),
        ({"headers": ["Content-Digest"]}, "a field that is not signed already"),
        ({"skew": "2h"}, "less than or equal to 3600"),
    ],
)
def test_a_mistake_in_the_file_is_told(said: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        HmacConfig.model_validate({"keys": {"a": {"secret": "env:A"}}, **said})


def test_secrets_that_can_not_be_used_stop_the_start() -> None:
    for hmac, message in (
        ({"keys": {"a": {"secret": "env:GONE"}}}, "the environment has no GONE"),
        ({"keys": {"a": {"secret": "env:ACME"}}, "algorithm": "sha512"}, "it has 43 bytes, and sha512 needs 64"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            made({"partners": {"hmac": hmac}}).run([], authenticate=["partners"])
        [diagnostic] = caught.value.diagnostics
        assert diagnostic.pointer == "identities.partners.hmac.keys.a.secret"
        assert message in diagnostic.message
