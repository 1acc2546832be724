from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.api_key_format import KEY_LENGTH
from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.exchange import Exchange, record_of
from portcullis.engine.identity import ANONYMOUS
from portcullis.engine.policies.authenticate.api_key import POLICY, ApiKeyConfig

CASES = cases_of("authenticate/api_key")


@pytest.fixture
def site(issued: Any, phase: Any) -> Any:
    for name, grant in CASES["keys"].items():
        issued.issue(name, **grant)
    return type(phase)(CASES["identities"], issued)


def _run(site: Any, case: dict[str, Any]) -> Exchange:
    reveal = site.issued.reveal
    fields = [(name, reveal(value)) for name, value in case.get("fields", ())]
    settings = {"authenticate": {"any_of": case["accept"], "mode": case.get("mode", "enforce")}}
    if case.get("public"):
        settings["public"] = True
    settings |= {name: case[name] for name in ("client", "operation") if name in case}
    exchange: Exchange = site.run(fields, reveal(case.get("query", "")), **settings)
    return exchange


@rows("case", CASES["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any], site: Any) -> None:
    exchange = _run(site, case)
    ids = site.issued.ids
    wanted = case.get("refused") or case.get("would_refuse")
    if wanted is None:
        assert exchange.refusal is None
        assert [verdict.outcome for verdict in exchange.facts.verdicts] in ([], ["allow"])
    else:
        [verdict] = exchange.facts.verdicts
        assert (verdict.policy, verdict.code) == (POLICY.name, wanted["code"])
        assert verdict.outcome == ("refuse" if "refused" in case else "would_refuse")
        assert verdict.finding is not None
        assert verdict.finding.pointer == wanted.get("pointer", verdict.finding.pointer)
        assert verdict.finding.found == (ids(wanted["found"]) if "found" in wanted else verdict.finding.found)
        assert verdict.finding.allowed == wanted.get("allowed", verdict.finding.allowed)
        if "challenges" in wanted:
            assert exchange.refusal is not None
            fields = [(b"www-authenticate", challenge.encode()) for challenge in wanted["challenges"]]
            assert list(exchange.refusal.fields) == fields
    identity = exchange.facts.identity
    if "identity" not in case:
        assert identity is ANONYMOUS
    else:
        who = case["identity"]
        assert identity.consumer is not None
        assert (identity.method, identity.subject) == ("api_key", who["consumer"])
        assert identity.credential == ids(who["credential"])
        assert identity.scopes == frozenset(who.get("scopes", identity.scopes))
        assert identity.consumer.plan == who.get("plan", identity.consumer.plan)
        assert identity.consumer.roles == frozenset(who.get("roles", identity.consumer.roles))
    if "upstream" in case:
        assert sorted(exchange.removed_fields) == [name.encode() for name in case["upstream"]["removed"]]
        assert exchange.query == case["upstream"].get("query")


@rows("case", CASES["cases"], ids=lambda case: case["name"])
def test_no_key_is_in_what_is_recorded(case: dict[str, Any], site: Any) -> None:
    written = repr(record_of(_run(site, case), 0))
    for key in site.issued.keys.values():
        assert key.reveal()[-40:] not in written


def test_all_refusals_look_the_same_to_a_caller(site: Any) -> None:
    refusals = [
        exchange.refusal
        for case in CASES["cases"]
        if "refused" in case and case["accept"] in (["partners"], ["live_only"]) and (exchange := _run(site, case))
    ]
    told_alike = {code.name for code in POLICY.codes if code.visible is FAILED}
    assert {refusal.code.name for refusal in refusals if refusal} == told_alike
    assert {(refusal.code.visible, refusal.detail, refusal.fields) for refusal in refusals if refusal} == {
        (FAILED, "", ((b"www-authenticate", b'ApiKey header="X-API-Key"'),))
    }


def test_a_directory_without_keys_refuses_every_key(phase: Any, issued: Any) -> None:
    exchange = phase.run([("x-api-key", issued.reveal("{unissued}"))], authenticate=["partners"])
    assert exchange.refusal.code.name == "authenticate.unknown_key"


def test_a_long_value_is_refused_without_being_hashed(phase: Any, issued: Any) -> None:
    issued.find = lambda _digest: pytest.fail("looked up")
    exchange = phase.run([("x-api-key", "a" * (KEY_LENGTH + 1))], authenticate=["partners"])
    assert exchange.refusal.code.name == "authenticate.malformed_key"


def test_a_directory_that_fails_refuses(phase: Any, issued: Any) -> None:
    def fail(_digest: bytes) -> None:
        raise RuntimeError("no directory")

    issued.find = fail
    exchange = phase.run([("x-api-key", issued.reveal("{unissued}"))], authenticate=["partners"])
    assert exchange.refusal.code.status == 500
    assert exchange.facts.identity is ANONYMOUS


def test_an_address_that_presents_what_were_never_keys_is_locked_out(phase: Any, issued: Any) -> None:
    locking = {"guessed": {"api_key": {"lockout": {"per_address": {"failures": 3}}}}}
    issued.issue("live", "acme")
    issued.issue("old", "acme", expires=-1)
    site = type(phase)(locking, issued)
    for key in ("{old}", "{old}", "{old}", "{unissued}", "nonsense", "{unissued}"):
        assert site.run([("x-api-key", issued.reveal(key))], authenticate=["guessed"]).refusal.status == 401
    for key in ("{unissued}", "{live}"):
        refusal = site.run([("x-api-key", issued.reveal(key))], authenticate=["guessed"]).refusal
        assert (refusal.code.name, refusal.status) == ("authenticate.locked_out", 429)
        assert refusal.finding.source == "#/identities/guessed/api_key/lockout/per_address"
    elsewhere = site.run([("x-api-key", issued.reveal("{live}"))], client="192.0.2.2", authenticate=["guessed"])
    assert elsewhere.facts.identity.subject == "acme"


@rows(
    "config",
    [
        {"environment": "prod"},
        {"lockout": {}},
        {"lockout": {"per_user": {}}},
        {"header": "X API Key"},
        {"header": "X-API-Key\n"},
        {"header": ""},
        {"header": "Höader"},
        {"header": "x" * 65},
        {"header": "Host"},
        {"header": "content-LENGTH"},
        {"header": None},
        {"query": "page"},
        {"query": "api key"},
        {"query": "api_key\n"},
        {"query": "api%5Fkey"},
        {"query": "api_key&x"},
        {"query": ""},
        {"headers": "X-API-Key"},
    ],
)
def test_a_configuration_that_could_carry_no_key_is_an_error(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ApiKeyConfig.model_validate(config)
