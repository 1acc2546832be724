from __future__ import annotations

import asyncio
import json
from copy import deepcopy
from typing import Any

import msgspec
import pytest
from rows import rows
from yaml_files import cases_of

from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import load_configuration
from portcullis.engine.decision import Refuse
from portcullis.engine.decision_points.questions import DECIDE, Decided, decode_asked, encode_decided
from portcullis.engine.exchange import Exchange
from portcullis.engine.identity import Consumer
from portcullis.engine.policies.authorize.decision import POLICY
from portcullis.engine.ports import KeyGrant, Ports
from portcullis.engine.request import RequestView
from portcullis.stores.secrets import SourceSecrets
from portcullis.testing import FakeClock, FakeCounters, FakeFiles, FakeKeys, FakeQuestions

CASES = cases_of("authorize/decision")["cases"]
KEY = "pcl_alicekey_" + "0" * 49
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "servers": [{"url": "/shop"}],
    "paths": {
        "/orders/{order_id}": {
            "parameters": [{"name": "order_id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {"responses": {"200": {"description": "It."}}},
            "delete": {"responses": {"204": {"description": "Gone."}}},
        }
    },
}
POINTS = {
    "opa": {"kind": "opa", "url": "https://opa.example/v1/data/shop/allow", "token": "env:TOKEN"},
    "fga": {"kind": "openfga", "url": "https://fga.example", "store": "S"},
    "secret": {"kind": "authzen", "url": "https://pdp.example", "token": "env:GONE"},
}


class World:
    """One API whose operations ask for decisions. ``says``: a decision, or why there is none."""

    def __init__(self, decision: Any, says: Any = True, **file: Any) -> None:
        self.says = says
        self.questions = FakeQuestions({DECIDE: self._decide})
        self.clock = FakeClock()
        keys = FakeKeys()
        roles = frozenset({"clerk"})
        keys.add(KEY, KeyGrant("alicekey", Consumer("alice", roles=roles), frozenset({"orders:read"})))
        settings = {"authorize": {"decision": decision}}
        point = decision if isinstance(decision, str) else decision["by"]
        configuration = {
            "listeners": {"public": {"bind": "127.0.0.1:0"}},
            "identities": {"people": {"api_key": {}}},
            "roles": {"clerk": ["a"]},
            "decision_points": {name: POINTS[name] for name in POINTS if name == point},
            "apis": {
                "shop": {
                    "hosts": ["shop"],
                    "upstream": {"targets": ["http://127.0.0.1:9"]},
                    "versions": {"v1": {"spec": "shop.json"}},
                    "authenticate": ["people"],
                    "operations": {"GET /orders/{order_id}": settings, "DELETE /orders/{order_id}": settings},
                }
            },
        }
        configuration["apis"]["shop"] |= file.pop("api", {})  # type: ignore[index]
        files = FakeFiles({"shop.json": json.dumps(DOCUMENT)}, {"TOKEN": "t"})
        ports = Ports(self.clock, FakeCounters(), keys, self.questions, secrets=SourceSecrets(files), files=files)
        loaded = load_configuration(json.dumps({**configuration, **file}), "portcullis.yaml", files)
        self.snapshot = compile_snapshot(loaded, files, ports)

    @property
    def asked(self) -> list[Any]:
        return [msgspec.to_builtins(decode_asked(question)) for _, question in self.questions.asked]

    def call(self, order: str = "17", method: str = "GET", key: str = KEY, **fields: str) -> Exchange:
        sent = {**({"x-api-key": key} if key else {}), **fields}
        pairs = [(name.encode(), value.encode()) for name, value in sent.items()]
        request = RequestView(method, f"/shop/orders/{order}", pairs, dict(pairs), client="192.0.2.7")
        request.host, request.path = "shop", f"/shop/orders/{order}"
        exchange = Exchange(request, "r-1", "t-1", 0, 0.0)
        assert self.snapshot.route(request) is None

        async def decide() -> None:
            decision = exchange.decide_head()
            while decision is not None and not isinstance(decision, Refuse):
                decision = await decision  # type: ignore[misc]

        asyncio.run(decide())
        return exchange

    def _decide(self, question: bytes) -> bytes:
        count = len(decode_asked(question).questions)
        failed = isinstance(self.says, str)
        return encode_decided(Decided([], self.says) if failed else Decided([self.says] * count))


def shown(asked: Any) -> dict[str, Any]:
    point, ((subject, action, resource, context),) = asked
    names = ("type", "id", "properties")
    entities = [{name: value for name, value in zip(names, each, strict=True) if value} for each in (subject, resource)]
    return {"point": point, "subject": entities[0], "action": action, "resource": entities[1], "context": context}


@rows("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    if "mistake" in case:
        with pytest.raises(ConfigurationError) as error:
            World(case["decision"])
        assert case["mistake"] in "\n".join(each.message for each in error.value.diagnostics)
        return
    world = World(case["decision"], case["says"])
    exchange = world.call()
    wanted = case.get("refused") or case.get("would_refuse")
    assert (exchange.refusal is not None) == ("refused" in case)
    if case.get("asks") == "nothing":
        assert world.asked == []
    elif "asks" in case:
        (asked,) = world.asked
        assert case["asks"].items() <= shown(asked).items()
    if wanted is not None:
        (verdict,) = [each for each in exchange.facts.verdicts if each.code]
        assert (verdict.policy, verdict.code) == (POLICY.name, wanted["code"])
        assert verdict.finding is not None
        for key in ("pointer", "found", "allowed", "source"):
            assert getattr(verdict.finding, key) == wanted.get(key, getattr(verdict.finding, key))
    if exchange.refusal is not None:
        assert exchange.refusal.code.status == wanted["status"]
        assert exchange.refusal.detail == ""


def test_an_answer_is_remembered_while_it_holds_and_a_no_for_a_shorter_time() -> None:
    world = World("opa")
    for _ in range(3):
        assert world.call().refusal is None
    assert len(world.asked) == 1
    world.clock.advance(10)
    world.says = False
    assert world.call().refusal is not None
    assert world.call().refusal is not None
    assert len(world.asked) == 2
    world.clock.advance(2)
    world.says = True
    assert world.call().refusal is None
    assert len(world.asked) == 3


def test_another_question_has_another_answer() -> None:
    world = World("opa")
    assert world.call("17").refusal is None
    world.says = False
    assert world.call("18").refusal is not None
    assert world.call("17", "DELETE").refusal is not None
    assert world.call("17").refusal is None


def test_that_there_was_no_answer_is_not_remembered() -> None:
    world = World("opa", "away")
    assert world.call().refusal is not None
    world.says = True
    assert world.call().refusal is None


def test_nothing_of_a_credential_is_asked() -> None:
    world = World({"by": "opa", "address": True})
    world.call(authorization="Bearer s3cret", cookie="session=s3cret")
    assert KEY not in str(world.asked)
    assert "s3cret" not in str(world.asked)


def test_who_is_refused_anyway_is_not_asked_about() -> None:
    world = World("opa", api={"authorize": {"permissions": ["b"]}}, roles={"clerk": ["a"], "boss": ["b"]})
    exchange = world.call()
    assert exchange.refusal is not None
    assert exchange.refusal.code.name == "authorize.missing_permission"
    assert world.asked == []


def test_nobody_in_particular_is_refused_without_a_question() -> None:
    world = World("opa", api={"authenticate": {"any_of": ["people"], "mode": "monitor"}})
    exchange = world.call(key="")
    assert exchange.refusal is not None
    assert exchange.refusal.code.name == "authorize.decision"
    assert world.asked == []


def test_with_several_identities_each_has_to_be_of_a_type() -> None:
    several: dict[str, Any] = {
        "api": {"authenticate": ["people", "others"]},
        "identities": {"people": {"api_key": {}}, "others": {"api_key": {"header": "X-Other"}}},
    }
    with pytest.raises(ConfigurationError, match=r"of which type callers are that people proves is not said"):
        World("opa", **deepcopy(several))
    points = {"opa": {**POINTS["opa"], "subjects": {"people": "person", "others": "person"}}}
    world = World("opa", decision_points=points, **deepcopy(several))
    world.call()
    assert shown(world.asked[0])["subject"]["type"] == "person"
    points = {"opa": {**POINTS["opa"], "subjects": {"people": "person", "others": "machine"}}}
    with pytest.raises(ConfigurationError, match="API keys are the same for all identities"):
        World("opa", decision_points=points, **deepcopy(several))
