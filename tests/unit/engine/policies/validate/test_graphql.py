"""GraphQL requests, as the policy takes them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from graphql_shop import graphql_context
from rows import rows
from yaml_files import cases_of

from portcullis.engine.decision import Modify, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.graphql.document import GET, POST
from portcullis.engine.identity import Consumer, Identity
from portcullis.engine.inspection.stack_traces import prepare
from portcullis.engine.policies.validate.graphql import POLICY, GraphqlConfig, compile_graphql
from portcullis.engine.policy import Step
from portcullis.engine.response import ResponseView
from portcullis.testing import make_request

FILE = cases_of("validate/graphql")


def steps_of(settings: dict[str, Any], name: str = POST) -> dict[str, Step]:
    return {step.needs: step for step in compile_graphql(GraphqlConfig.model_validate(settings), graphql_context(name))}


@rows("case", FILE["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    steps = steps_of(case.get("settings", {}), GET if "get" in case else POST)
    facts = Facts()
    facts.identity = Identity("api_key", "a", consumer=Consumer("a", roles=frozenset(case.get("roles", ()))))
    if "get" in case:
        step, request = steps["head"], make_request("GET", f"/graphql?{case['get']}")
    else:
        body = case["body"] if isinstance(case["body"], str) else json.dumps(case["body"])
        step, request = steps.get("body"), make_request("POST", "/graphql", body=body.encode())
    decision = None if step is None else step.run(request, facts)
    if "code" in case:
        assert isinstance(decision, Refuse)
        assert decision.code.name == case["code"]
        assert decision.finding is not None
        assert case.get("found", "") in decision.finding.found
        assert case.get("allowed_at_most", decision.finding.allowed) == decision.finding.allowed
    else:
        assert decision is None
        assert [verdict.detail for verdict in facts.verdicts] == ([case["allowed"]] if "allowed" in case else [])


@rows("case", FILE["answers"], ids=str)
def test_errors_of_the_service_are_cleaned(case: dict[str, Any]) -> None:
    prepare()
    step = steps_of({})["response_body"]
    fields = {b"content-type": b"application/graphql-response+json"}
    response = ResponseView(make_request(), 200, tuple(fields.items()), fields, body=json.dumps(case["body"]).encode())
    assert step.wants is not None
    assert step.wants(response)
    decision = step.run(response, Facts())
    if "sent" in case:
        assert isinstance(decision, Modify)
        assert json.loads(decision.body or b"") == case["sent"]
    else:
        assert decision is None
    broken = ResponseView(make_request(), 200, (), {}, body=b"{")
    assert step.run(broken, Facts()) is None


def test_a_digest_is_sent_on_as_the_text_that_it_stands_for() -> None:
    text = "query Me {\n  me { id }\n}\n"
    named = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(text.encode()).hexdigest()}}
    request = make_request("POST", "/graphql", body=json.dumps({"extensions": named}).encode())
    decision = steps_of({"documents": ["queries/*.graphql"]})["body"].run(request, Facts())
    assert isinstance(decision, Modify)
    assert "query Me" in json.loads(decision.body or b"")["query"]


def test_openapi_documents_are_none_of_its_business() -> None:
    assert compile_graphql(GraphqlConfig(), graphql_context(POST, "shop.yaml")) == ()


def test_every_refusal_is_declared() -> None:
    assert {case["code"] for case in FILE["cases"] if "code" in case} <= {code.name for code in POLICY.codes}
