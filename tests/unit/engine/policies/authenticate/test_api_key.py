from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from portcullis.engine.api_key_format import KEY_LENGTH
from portcullis.engine.exchange import Exchange
from portcullis.engine.identity import ANONYMOUS
from portcullis.engine.policies.authenticate import FAILED
from portcullis.engine.policies.authenticate.api_key import POLICY, ApiKeyConfig

CASES = yaml.safe_load((Path(__file__).parents[4] / "cases/authenticate/api_key.yaml").read_text(encoding="utf-8"))


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
    exchange: Exchange = site.run(fields, reveal(case.get("query", "")), **settings)
    return exchange


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
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


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
def test_no_key_is_in_what_is_recorded(case: dict[str, Any], site: Any) -> None:
    written = repr(_run(site, case).record(0))
    for key in site.issued.keys.values():
        assert key.reveal()[-40:] not in written


def test_all_refusals_look_the_same_to_a_caller(site: Any) -> None:
    refusals = [
        exchange.refusal
        for case in CASES["cases"]
        if "refused" in case and case["accept"] == ["partners"] and (exchange := _run(site, case))
    ]
    assert {refusal.code.name for refusal in refusals if refusal} == {code.name for code in POLICY.codes}
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


@pytest.mark.parametrize(
    "config",
    [
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
