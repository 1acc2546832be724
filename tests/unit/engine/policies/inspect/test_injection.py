from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.facts import Verdict
from portcullis.engine.policies.inspect.injection import INJECTION, POLICY, InjectionConfig

CASES = cases_of("inspect/injection")
DOCUMENT = CASES["document"]
OUTCOMES = {"refused": "refuse", "would_refuse": "would_refuse"}
LINE = "\r\n"


def settings(case: dict[str, Any]) -> dict[str, Any]:
    validate = {"validate": {"request": {"mode": case["validate"]}}} if "validate" in case else {}
    return {"inspect": {"injection": case.get("inspect", {})}, **validate}


def body_of(case: dict[str, Any]) -> tuple[dict[str, str], object]:
    headers = dict(case.get("headers", {}))
    if "form" in case:
        return {"content-type": "application/x-www-form-urlencoded", **headers}, case["form"]
    if "text" in case:
        return {"content-type": "text/plain", **headers}, case["text"]
    if "parts" in case:
        parts = "".join(
            f"--X{LINE}Content-Disposition: form-data; name={name!r}{LINE}{LINE}{value}{LINE}".replace(
                "'" + name + "'", f'"{name}"'
            )
            for name, value in case["parts"].items()
        )
        return {"content-type": "multipart/form-data; boundary=X", **headers}, f"{parts}--X--{LINE}"
    if "latin1" in case:
        return headers, case["latin1"].encode("latin-1")
    return headers, case.get("body")


def verdicts(exchange: Any) -> list[Verdict]:
    return [verdict for verdict in exchange.facts.verdicts if verdict.code.startswith("inspect.")]


@rows("case", CASES["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any], gate: Any) -> None:
    gateway = gate(DOCUMENT, settings(case))
    headers, body = body_of(case)
    exchange = gateway.call(case["call"], headers, body, piece=case.get("piece", 65536))
    expected = {outcome: case[key] for key, outcome in OUTCOMES.items() if key in case}
    found = verdicts(exchange)
    assert {verdict.outcome for verdict in found} == expected.keys()
    for outcome, wanted in expected.items():
        [verdict] = [verdict for verdict in found if verdict.outcome == outcome]
        check(verdict, wanted)
    refusal = exchange.refusal
    if "refused_by" in case:
        assert refusal.code.name.startswith(case["refused_by"].partition(".")[0])
    else:
        assert (refusal is not None) == ("refused" in case)
    if "refused" in case:
        assert (refusal.code, refusal.status, refusal.fields) == (INJECTION, 403, ())
        assert refusal.finding is None or refusal.finding.found not in refusal.detail
    if "streams" in case:
        assert exchange.holds_body is not case["streams"]
        assert (gateway.sent_on == as_bytes(body)) is ("refused" not in case)


def as_bytes(body: object) -> bytes:
    return body.encode() if isinstance(body, str) else body  # type: ignore[return-value]


def check(verdict: Verdict, wanted: dict[str, Any]) -> None:
    finding = verdict.finding
    assert finding is not None
    assert verdict.policy == POLICY.name
    assert verdict.code == INJECTION.name
    assert finding.pointer == wanted["pointer"]
    if "pattern" in wanted:
        assert finding.found.startswith(wanted["pattern"] + " ")
        assert f"patterns: [{wanted['pattern']}]" in finding.allowed
    for key in ("found", "allowed", "source"):
        assert getattr(finding, key) == wanted.get(key, getattr(finding, key))
    assert verdict.detail == wanted.get("detail", verdict.detail)


def test_an_operation_whose_bodies_can_hold_nothing_has_no_step_for_them(gate: Any) -> None:
    snapshot = gate(DOCUMENT, settings({})).snapshot
    steps = {
        operation.name: [step.needs for step in operation.steps if step.policy == POLICY.name]
        for operation in snapshot.operations
    }
    assert steps["POST /ratings"] == ["head"]
    assert steps["GET /articles"] == ["head"]
    assert steps["POST /articles"] == ["head", "body", "stream"]


def mistakes(gate: Any, inspect: dict[str, Any], **more: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        gate(DOCUMENT, {"inspect": {"injection": inspect}, **more})
    return [f"{each.pointer}: {each.message}; {each.hint}" for each in sorted(caught.value.diagnostics)]


def test_a_pattern_that_does_not_exist_is_an_error_with_its_place(gate: Any) -> None:
    [mistake] = mistakes(gate, {"allow": [{"pointer": "/body/text", "patterns": ["xss-101", "xss-1"]}]})
    assert mistake.startswith("apis.shop.inspect.injection.allow[0].patterns[1]: there is no pattern xss-1; ")
    assert "did you mean" in mistake


def test_a_place_that_no_operation_has_is_an_error_with_its_place(gate: Any) -> None:
    [mistake] = mistakes(gate, {"allow": [{"pointer": "/body/nothing", "patterns": ["xss-101"]}]})
    assert mistake.startswith(
        "apis.shop.inspect.injection.allow[0].pointer: /body/nothing allows nothing: no operation "
    )


def test_a_place_that_is_never_looked_at_is_an_error(gate: Any) -> None:
    [mistake] = mistakes(gate, {"allow": [{"pointer": "/query/page", "patterns": ["xss-101"]}]})
    assert "no operation has it, or a schema that leaves room for an attack there" in mistake
    [mistake] = mistakes(gate, {"allow": [{"pointer": "/header/accept", "patterns": ["xss-101"]}]})
    assert "this header field is not looked at" in mistake


def test_what_is_allowed_for_an_api_must_be_there_in_one_of_its_operations_only(gate: Any) -> None:
    gate(DOCUMENT, {"inspect": {"injection": {"allow": [{"pointer": "/path/slug", "patterns": ["xss-101"]}]}}})


def test_what_is_allowed_for_one_operation_must_be_there(gate: Any) -> None:
    inspect = {"injection": {"allow": [{"pointer": "/path/slug", "patterns": ["xss-101"]}]}}
    with pytest.raises(ConfigurationError, match="has no path parameter slug") as caught:
        gate(DOCUMENT, {"operations": {"POST /articles": {"inspect": inspect}}})
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.pointer == 'apis.shop.operations."POST /articles".inspect.injection.allow[0].pointer'
    assert (diagnostic.line, diagnostic.column) != (0, 0)


def test_what_is_allowed_for_an_api_may_be_in_another_version(gate: Any) -> None:
    other = {**DOCUMENT, "paths": {"/other": {"get": {"responses": {"default": {"description": "Other."}}}}}}
    allow = {"inspect": {"injection": {"allow": [{"pointer": "/path/slug", "patterns": ["xss-101"]}]}}}
    gate(DOCUMENT, allow, v2=other)
    with pytest.raises(ConfigurationError, match="no operation has it"):
        gate(DOCUMENT, {"versions": {"v2": allow}}, v2=other)


def test_the_record_names_the_narrowest_place_that_asks_for_the_inspection(gate: Any) -> None:
    narrow = {"POST /articles": {"inspect": {"injection": {"mode": "enforce"}}}}
    gateway = gate(DOCUMENT, {"inspect": {"injection": {"mode": "monitor"}}, "operations": narrow})
    [verdict] = verdicts(gateway.call("POST /articles", body={"text": "<script>"}))
    assert verdict.outcome == "refuse"
    assert verdict.finding is not None
    assert verdict.finding.source == "#/apis/shop/operations/POST ~1articles/inspect/injection"


def test_a_key_of_an_identity_is_not_looked_at(gate: Any) -> None:
    identities = {"keys": {"api_key": {"header": "X-Reader-Key", "query": "reader_key"}}}
    config = {"inspect": {"injection": {}}, "public": False, "authenticate": {"any_of": ["keys"], "mode": "monitor"}}
    gateway = gate(DOCUMENT, {**config, "identities": identities})
    assert verdicts(gateway.call("GET /articles", {"x-reader-key": "<script>"})) == []


@rows(
    "config",
    [
        {"mode": "on"},
        {"allow": [{"pointer": "body/text", "patterns": ["xss-101"]}]},
        {"allow": [{"pointer": "/body/text", "patterns": []}]},
        {"allow": [{"pointer": "/body/text"}]},
        {"classes": ["xss"]},
    ],
)
def test_what_is_no_configuration_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        InjectionConfig.model_validate(config)


def test_a_pointer_that_a_client_made_is_cut(gate: Any) -> None:
    gateway = gate(DOCUMENT, {"inspect": {"injection": {}}, "validate": {"request": {"mode": "off"}}})
    exchange = gateway.call("POST /articles", body={"k" * 5000: "<script>"})
    assert len(exchange.refusal.detail) < 300
    assert len(exchange.refusal.finding.pointer) <= 200
