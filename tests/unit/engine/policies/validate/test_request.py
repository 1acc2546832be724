from __future__ import annotations

import timeit
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.facts import Verdict
from portcullis.engine.policies.validate.request import POLICY, RequestValidationConfig

CASES = yaml.safe_load((Path(__file__).parents[4] / "cases/validate/request.yaml").read_text(encoding="utf-8"))
OUTCOMES = {"refused": "refuse", "would_refuse": "would_refuse"}
INTEGER = {"type": "integer"}


@pytest.fixture(scope="module")
def shop(phase: Any) -> Any:
    return phase("specs/shop.yaml", CASES["document"])


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any], shop: Any) -> None:
    validate = {"request": case["validate"]} if "validate" in case else None
    exchange = shop.call(case["call"], case.get("headers", {}), case.get("body", case.get("text")), validate)
    expected = {outcome: case[key] for key, outcome in OUTCOMES.items() if key in case}
    assert {verdict.outcome for verdict in exchange.facts.verdicts if verdict.outcome != "allow"} == expected.keys()
    assert (exchange.refusal is not None) == ("refuse" in expected)
    for outcome, wanted in expected.items():
        [verdict] = [verdict for verdict in exchange.facts.verdicts if verdict.outcome == outcome]
        check(verdict, wanted)
    if exchange.refusal is not None:
        wanted = case["refused"]
        assert exchange.refusal.code.status == wanted.get("status", exchange.refusal.code.status)
        fields = {name.decode(): value.decode() for name, value in exchange.refusal.fields}
        assert fields == wanted.get("fields", fields)
    sent = case.get("sent", {})
    assert exchange.query == sent.get("query")
    assert (exchange.body.decode() if exchange.body is not None else None) == sent.get("body")


def check(verdict: Verdict, wanted: dict[str, Any]) -> None:
    assert (verdict.policy, verdict.code) == (POLICY.name, wanted["code"])
    assert verdict.detail == wanted.get("detail", verdict.detail)
    assert verdict.finding is not None
    for name in ("pointer", "found", "allowed"):
        assert getattr(verdict.finding, name) == wanted.get(name, getattr(verdict.finding, name))
    if "source" in wanted:
        assert verdict.finding.source == f"specs/shop.yaml#{wanted['source']}"


def test_every_code_has_a_case() -> None:
    told = {case[key]["code"] for case in CASES["cases"] for key in OUTCOMES if key in case}
    assert told == {code.name for code in POLICY.codes}


def test_every_probe_expects_a_code_of_the_policy() -> None:
    assert {probe.expects for probe in POLICY.probes} <= set(POLICY.codes)


def test_every_source_is_found_in_the_document(shop: Any) -> None:
    for case in CASES["cases"]:
        if "source" in case.get("refused", {}):
            assert shop.document.locate(case["refused"]["source"])[1] > 1


def test_details_do_not_repeat_values(shop: Any) -> None:
    for call, body in (
        ("GET /orders?limit=hunter2", None),
        ("GET /orders?since=hunter2", None),
        ("POST /orders", {"customer_id": "hunter2", "items": []}),
        ("POST /orders", {"customer_id": {"hunter2": 1}}),
        ("POST /orders", '{"customer_id": hunter2}'),
    ):
        exchange = shop.call(call, {"content-type": "application/json"} if body else {}, body)
        assert exchange.refusal is not None
        assert "hunter2" not in exchange.refusal.detail


def operation(**more: Any) -> dict[str, Any]:
    return {"responses": {"default": {"description": "x"}}, **more}


def document(item: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": {"/a": item}, **more}


@pytest.fixture(scope="module")
def unsupported(phase: Any) -> Any:
    parameters = [
        {"name": "c", "in": "cookie", "schema": {}},
        {"name": "f", "in": "query", "style": "deepObject", "schema": {"type": "object"}},
    ]
    body = {"content": {"multipart/form-data": {}}}
    return phase("specs/a.yaml", document({"post": operation(parameters=parameters, requestBody=body)}))


def test_what_can_not_be_validated_is_an_error_with_every_place(unsupported: Any) -> None:
    for mode in ("enforce", "monitor"):
        with pytest.raises(ConfigurationError) as caught:
            unsupported.compile("POST /a", {"request": {"mode": mode}})
        assert [diagnostic.pointer for diagnostic in caught.value.diagnostics] == [
            "#/paths/~1a/post/parameters/0",
            "#/paths/~1a/post/parameters/1",
            "#/paths/~1a/post/requestBody/content",
        ]


def test_where_validation_is_off_everything_passes(unsupported: Any) -> None:
    assert unsupported.compile("POST /a", {"request": {"mode": "off"}}).head_steps == ()


def test_credentials_in_the_query_are_not_the_documents_business(phase: Any) -> None:
    scheme = {"securitySchemes": {"k": {"type": "apiKey", "in": "query", "name": "their_key"}}}
    shop = phase("specs/a.yaml", document({"get": operation(security=[{"k": []}])}, components=scheme))
    api = {
        "identities": {"keys": {"api_key": {"header": None, "query": "our_key"}}},
        "authenticate": {"any_of": ["keys"]},
    }
    assert shop.call("GET /a?our_key=x&their_key=y", **api).refusal is None
    assert shop.call("GET /a?our_key=x&other=y", **api).refusal is not None
    assert shop.call("GET /a?our_key=x").refusal is not None
    strip = {"request": {"on_undeclared": "strip"}}
    stripped = shop.call("GET /a?our_key=x&their_key=y&other=z", validate=strip, **api)
    assert stripped.query == "their_key=y"


def test_an_empty_chunked_body_is_no_body(shop: Any) -> None:
    exchange = shop.call("POST /orders", {"content-type": "application/json"}, b"")
    assert exchange.refusal.code.name == "validate.missing_body"
    exchange.refusal = None
    exchange.request.has_body = True
    assert exchange.decide_head() is None
    assert exchange.decide_body(b"").code.name == "validate.missing_body"


def test_a_missing_body_is_reported_once(shop: Any) -> None:
    exchange = shop.call("POST /orders", validate={"request": {"mode": "monitor"}})
    assert [verdict.outcome for verdict in exchange.facts.verdicts] == ["would_refuse"]


def test_a_hostile_body_is_refused_at_once(phase: Any) -> None:
    alternatives = [
        {
            "type": "object",
            "required": ["op"],
            "properties": {"op": {"const": op}, "a": {"$ref": "#/components/schemas/F"}},
        }
        for op in ("and", "or", "not", "xor")
    ]
    shop = phase(
        "specs/a.yaml",
        document(
            {
                "post": operation(
                    requestBody={"content": {"application/json": {"schema": {"$ref": "#/components/schemas/F"}}}}
                )
            },
            components={"schemas": {"F": {"oneOf": alternatives}}},
        ),
    )
    body: Any = {"op": "nothing"}
    for _ in range(120):
        body = {"op": "or", "a": body}
    took = timeit.timeit(lambda: shop.call("POST /a", body=body), number=1)
    assert shop.call("POST /a", body=body).refusal.code.name == "validate.schema"
    assert took < 0.2


@pytest.mark.parametrize("config", [{"mode": "on"}, {"on_undeclared": "drop"}, {"strict": True}, "enforce"])
def test_what_is_no_configuration_is_an_error(config: Any) -> None:
    with pytest.raises(ValidationError):
        RequestValidationConfig.model_validate(config)
