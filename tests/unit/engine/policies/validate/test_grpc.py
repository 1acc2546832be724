"""gRPC calls, as the policy takes them."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from grpc_shop import Play, messages
from rows import rows
from yaml_files import cases_of

from portcullis.engine.decision import Modify, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.grpc.framing import MessageReader, framed
from portcullis.engine.policies.validate.grpc import POLICY
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView
from portcullis.testing import make_request

FILE = cases_of("validate/grpc")
Inner = messages(inner=True)["Order"]


def body_of(case: dict[str, Any]) -> bytes:
    if "body" in case:
        return bytes.fromhex(case["body"])
    found = [json_format.ParseDict(each, Inner()) for each in case["messages"]]
    return b"".join(framed(each.SerializeToString()) for each in found)


def shown(body: bytes) -> list[dict[str, Any]]:
    found = [Inner.FromString(message) for message in MessageReader(None, 1000).feed(body)]
    return [json_format.MessageToDict(each) for each in found]


def decided(steps: dict[str, Any], request: RequestView) -> Refuse | Modify | None:
    """What the steps for the body say, of pieces of a byte where it streams."""
    if "body" in steps:
        found: Refuse | Modify | None = steps["body"].run(request, Facts())
        return found
    scanner = steps["stream"].run(request, Facts())
    for octet in request.body or b"":
        if (refusal := scanner.feed(bytes([octet]))) is not None:
            return refusal  # type: ignore[no-any-return]
    return scanner.end()  # type: ignore[no-any-return]


@rows("case", FILE["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    steps = Play(case.get("settings", {}), case.get("undeclared", "refuse")).steps(case.get("method", "Get"))
    fields = {"te": "trailers", "content-type": "application/grpc", **case.get("fields", {})}
    request = make_request("POST", "/shop.Orders/Get", fields, body=body_of(case))
    decision = steps["head"].run(request, Facts())
    if "timeout" in case:
        assert decision == Modify(set_fields=((b"grpc-timeout", case["timeout"].encode()),))
        decision = None
    decision = decision or decided(steps, request)
    if "code" in case:
        assert isinstance(decision, Refuse)
        assert decision.code.name == case["code"]
        assert decision.finding is not None
        assert decision.finding.pointer == case.get("pointer", decision.finding.pointer)
        assert decision.finding.found == case.get("found", decision.finding.found)
    elif "sent" in case:
        assert isinstance(decision, Modify)
        assert shown(decision.body or b"") == case["sent"]
    else:
        assert decision is None


@rows("case", FILE["answers"], ids=lambda case: case["name"])
def test_answer(case: dict[str, Any]) -> None:
    step = Play().steps("Get")["response_body"]
    given = {name.encode(): value.encode() for name, value in case.get("fields", {}).items()}
    fields = {b"content-type": b"application/grpc"} | given
    response = ResponseView(make_request(), 200, tuple(fields.items()), fields, body=body_of(case))
    assert step.wants is not None
    assert step.wants(response)
    decision = step.run(response, Facts())
    if "code" in case:
        assert isinstance(decision, Refuse)
        assert decision.code.name == case["code"]
    elif "sent" in case:
        assert isinstance(decision, Modify)
        assert shown(decision.body or b"") == case["sent"]
    else:
        assert decision is None


def test_what_many_messages_are_answered_is_not_held() -> None:
    assert "response_body" not in Play().steps("Watch")
    assert "stream" in Play().steps("Chat")


def test_reflection_may_be_allowed_and_all_of_it_turned_off() -> None:
    name = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    assert "stream" in Play({"reflection": "allow"}).steps(name)
    assert Play({"mode": "off"}).steps("Get") == {}
    assert all(step.monitor for step in Play({"mode": "monitor"}).steps("Get").values())


def test_a_trace_in_the_head_of_an_answer_is_replaced() -> None:
    step = Play().steps("Get")["response_head"]
    trace = b"Traceback (most recent call last):%0A  File %22a.py%22, line 1, in x%0A"
    fields = ((b"grpc-status", b"13"), (b"grpc-message", trace), (b"grpc-status-details-bin", b"AA"))
    decision = step.run(ResponseView(make_request(), 200, fields, dict(fields)), Facts())
    assert isinstance(decision, Modify)
    assert decision.set_fields == ((b"grpc-message", b"The service failed"),)
    assert step.run(ResponseView(make_request(), 200, fields[:1], dict(fields[:1])), Facts()) is None


def test_every_refusal_is_declared() -> None:
    told = {case["code"] for case in FILE["cases"] + FILE["answers"] if "code" in case}
    assert told == {code.name for code in POLICY.codes}


def test_openapi_documents_are_none_of_its_business() -> None:
    assert Play(spec="shop.yaml").steps("GET /a") == {}
