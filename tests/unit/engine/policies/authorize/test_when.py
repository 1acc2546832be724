from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
import yaml
from pydantic import TypeAdapter, ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.config.diagnostics import ConfigurationError, TextDiagnostic
from portcullis.engine.exchange import Exchange
from portcullis.engine.identity import Consumer, Identity
from portcullis.engine.operation import Operation, OperationContext
from portcullis.engine.pipeline import pipeline
from portcullis.engine.policies.authorize import compile_phase
from portcullis.engine.policies.authorize.when import CONDITION, CONDITION_FAILED, POLICY, WhenConfig
from portcullis.engine.ports import Ports
from portcullis.engine.response import ResponseView
from portcullis.testing.fakes import FakeClock, FakeCounters, FakeKeys
from portcullis.testing.requests import make_request

WHOLE = cases_of("authorize/when")
ROLES, CASES = WHOLE["roles"], WHOLE["cases"]
JSON = {"Content-Type": "application/json"}
NOON = 1_779_876_000.0
Make = Callable[..., OperationContext]
STAGES = ("head", "body", "response_head", "response_body")


def identity_of(given: dict[str, Any]) -> Identity:
    consumer = given["consumer"]
    return Identity(
        given["method"],
        given["subject"],
        scopes=frozenset(given.get("scopes", ())),
        consumer=Consumer(consumer["name"], consumer["plan"], frozenset(consumer["roles"])),
        issuer=given.get("issuer", ""),
        claims=given.get("claims", {}),
        actors=tuple(given.get("actors", ())),
    )


IDENTITIES = {name: identity_of(given) for name, given in WHOLE["identities"].items()}


@pytest.fixture
def compiled(context: Make) -> Callable[..., OperationContext]:
    """The context of an operation with a rule, whose clock stands at noon."""

    def make(rule: Any, roles: Any = None, **more: Any) -> OperationContext:
        made = context({"authorize": {"when": rule}}, roles=roles, **more)
        return msgspec.structs.replace(made, ports=Ports(FakeClock(wall_s=NOON), FakeCounters(), FakeKeys()))

    return make


class Call:
    """One call of an operation with a rule, step by step. ``ended_at``: the stage at which it was refused."""

    def __init__(self, context: OperationContext, case: dict[str, Any]) -> None:
        steps = pipeline([step for step in compile_phase(context) if step.policy == POLICY.name])
        operation = Operation(
            "shop",
            "v1",
            "GET /orders",
            steps["head"],
            steps["body"],
            1 << 20,
            "shop",
            str,
            response_head_steps=steps["response_head"],
            response_body_steps=steps["response_body"],
        )
        method, _, target = case.get("call", "GET /orders").partition(" ")
        headers = {"Host": case.get("host", "shop"), **JSON, **case.get("headers", {})}
        body = json.dumps([1] * case["long_list"]) if "long_list" in case else case.get("body")
        request = make_request(method, target, headers, body=None if body is None else body.encode())
        content, request.body = request.body or b"", None
        request.operation, request.path_values = operation, case.get("path_values", {})
        self.exchange = Exchange(request, "r-1", "t-1", 0, 0.0)
        if case.get("caller") != "nobody":
            self.exchange.facts.identify(IDENTITIES[case.get("caller", "alice")])
        self.ended_at = next((stage for stage, end in self._stages(content, case.get("answer")) if end), None)

    def _stages(self, content: bytes, answer: dict[str, Any] | None) -> Iterator[tuple[str, Any]]:
        exchange = self.exchange
        yield "head", exchange.decide_head()
        yield "body", exchange.begin_body()
        if exchange.holds_body:
            yield "body", exchange.decide_body(content)
        exchange.forget_body()
        if answer is None:
            return
        body = answer.get("body")
        fields = {**(JSON if body is not None else {}), **answer.get("headers", {})}
        headers = {name.lower().encode(): value.encode() for name, value in fields.items()}
        response = ResponseView(
            exchange.request, answer["status"], list(headers.items()), headers, has_body=body is not None
        )
        yield "response_head", exchange.decide_response(response)
        if exchange.holds_response:
            yield "response_body", exchange.decide_response_body(response, body.encode())


@rows("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any], compiled: Callable[..., OperationContext]) -> None:
    call = Call(compiled(case["rule"], ROLES), case)
    refusal, verdicts = call.exchange.refusal, call.exchange.facts.verdicts
    wanted = case.get("refused") or case.get("would_refuse")
    if wanted is None:
        assert refusal is None
        assert [verdict.outcome for verdict in verdicts if verdict.outcome != "allow"] == []
        return
    [verdict] = [verdict for verdict in verdicts if verdict.outcome != "allow"]
    assert (verdict.policy, verdict.code) == (POLICY.name, wanted["code"])
    assert verdict.outcome == ("refuse" if "refused" in case else "would_refuse")
    finding = verdict.finding
    for name in ("pointer", "found", "allowed"):
        assert getattr(finding, name) == wanted.get(name, getattr(finding, name))
    assert finding.source == "#/apis/shop/operations/GET ~1orders/authorize/when"
    if "refused" in case:
        assert refusal is not None
        assert (refusal.status, refusal.detail, refusal.fields, refusal.code.visible) == (403, "", (), CONDITION)
        assert call.ended_at == wanted.get("at", call.ended_at)


def test_every_case_of_a_stage_is_met() -> None:
    stages = {case["refused"]["at"] for case in CASES if "at" in case.get("refused", {})}
    assert stages == set(STAGES)


def test_an_allowed_call_has_one_verdict_that_says_so(compiled: Callable[..., OperationContext]) -> None:
    call = Call(compiled("identity.subject == 'alice'"), {})
    assert [(verdict.policy, verdict.outcome) for verdict in call.exchange.facts.verdicts] == [(POLICY.name, "allow")]


def test_the_caller_is_not_told_why(compiled: Callable[..., OperationContext]) -> None:
    assert CONDITION_FAILED.visible is CONDITION
    assert CONDITION_FAILED.title == CONDITION.title
    assert CONDITION_FAILED.status == CONDITION.status == 403


@rows("name", ["Accept-Encoding", "Range", "If-Range", "If-None-Match", "If-Modified-Since"])
def test_a_rule_about_an_answers_body_asks_for_a_whole_one(
    compiled: Callable[..., OperationContext], name: str
) -> None:
    call = Call(compiled("response.body.owner == 'alice'"), {"headers": {name: "x"}})
    assert name.lower().encode() in call.exchange.removed_fields
    plain = Call(compiled("response.status == 200"), {"headers": {name: "x"}})
    assert not plain.exchange.removed_fields


def test_a_rule_about_the_head_leaves_bodies_alone(compiled: Callable[..., OperationContext]) -> None:
    steps = compile_phase(compiled("identity.subject == 'alice' && request.method == 'GET'"))
    assert [step.needs for step in steps if step.policy == POLICY.name] == ["head"]


def test_the_narrower_rule_replaces_the_wider_one(compiled: Callable[..., OperationContext]) -> None:
    wide = {"authorize": {"when": {"rule": "false", "mode": "monitor"}}}
    [step] = [s for s in compile_phase(compiled("identity.subject == 'alice'", api=wide)) if s.policy == POLICY.name]
    assert step.monitor, "the mode is inherited, key by key"
    assert Call(compiled("identity.subject == 'alice'", api=wide), {}).exchange.refusal is None


def test_what_is_wrong_with_a_rule_is_told_with_its_place_in_the_rule(
    compiled: Callable[..., OperationContext],
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        compile_phase(compiled("identity.subjct == 'alice' &&\n  identity.subject == 1"))
    first, second = caught.value.diagnostics
    assert isinstance(first, TextDiagnostic)
    assert isinstance(second, TextDiagnostic)
    assert first.pointer == second.pointer == 'apis.shop.operations."GET /orders".authorize.when.rule'
    by_offset = {each.offset: (each.message, each.hint) for each in (first, second)}
    assert by_offset[9][0] == "there is no identity.subjct"
    assert 'did you mean "identity.subject"?' in by_offset[9][1]
    assert by_offset[49][0] == "== is not for string, int"


def test_a_rule_is_checked_even_where_it_is_off(compiled: Callable[..., OperationContext]) -> None:
    with pytest.raises(ConfigurationError):
        compile_phase(compiled({"rule": "identity.subjct == ''", "mode": "off"}))


def test_a_rule_of_many_operations_is_compiled_once(
    compiled: Callable[..., OperationContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    from portcullis.engine.policies.authorize import when

    texts: list[str] = []
    real = when.compile_rule
    monkeypatch.setattr(when, "compile_rule", lambda text: texts.append(text) or real(text))  # type: ignore[func-returns-value]
    one = compiled("identity.subject == 'alice'")
    other = msgspec.structs.replace(one)
    assert other.shared is one.shared
    compile_phase(one)
    compile_phase(other)
    assert texts == ["identity.subject == 'alice'"]


@rows("config", [[], {}, {"rule": ""}, "", 5, {"rule": "true", "unless": "x"}, "x" * 8001])
def test_what_is_no_rule_is_an_error(config: object) -> None:
    with pytest.raises(ValidationError):
        WhenConfig.model_validate(config)


def test_editors_are_told_of_the_short_form_too() -> None:
    schema = TypeAdapter(WhenConfig).json_schema()
    assert [form["type"] for form in schema["anyOf"]] == ["string", "object"]


@pytest.mark.slow
def test_without_a_rule_neither_library_is_loaded() -> None:
    script = (
        "import sys\n"
        "import portcullis.engine.compile\n"
        "import portcullis.engine.policies.authorize.when\n"
        "print(sorted(name for name in sys.modules if name.startswith(('cel_expr_python', 're2'))))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_example_in_the_documentation_is_a_sound_rule(compiled: Callable[..., OperationContext]) -> None:
    from portcullis.engine.policies.authorize import when

    example = re.split(r"code-block:: yaml\n", when.__doc__ or "")[1]
    [operation] = yaml.safe_load(example)["apis"]["shop"]["operations"].values()
    assert [step.needs for step in compile_phase(compiled(operation["authorize"]["when"]))][-2:] == ["head", "body"]
