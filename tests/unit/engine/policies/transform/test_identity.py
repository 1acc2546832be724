from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.model import Configuration
from portcullis.engine.exchange import Exchange
from portcullis.engine.facts import Facts
from portcullis.engine.identity import ANONYMOUS, Consumer, Identity
from portcullis.engine.operation import Operation, OperationContext
from portcullis.engine.policies.transform.identity import IdentityConfig, compile_identity
from portcullis.engine.policy import Step
from portcullis.engine.ports import Ports
from portcullis.engine.request import RequestView
from portcullis.engine.token_service.messages import IDENTITY_KEY, IdentityKey, encode
from portcullis.engine.token_service.signing import make_private_key
from portcullis.testing import FakeClock, FakeCounters, FakeKeys

CASES = cases_of("transform/identity")["cases"]
ALICE = Identity(
    "jwt",
    "alice",
    "t1",
    frozenset({"b", "a"}),
    Consumer("staff:alice", "", frozenset({"clerk"})),
    "staff",
    "https://id",
)
CALLERS = {"alice": ALICE, "nobody": ANONYMOUS, "odd": Identity("api_key", "zoë\r\nx-admin: 1 %")}
KEY = encode(IdentityKey("https://i", "k", "ES256", make_private_key("ES256")))
API = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "s.yaml"}}}


class Site:
    """A gateway reduced to this step."""

    def __init__(self, **file: Any) -> None:
        listeners = {"public": {"bind": "127.0.0.1:0"}}
        service = {"token_service": {"issuer": "https://id.shop.example", "audiences": ["shop"]}}
        self.configuration = Configuration.model_validate(
            {"listeners": listeners, "apis": {"shop": API}, **service, **file}
        )
        self.told: dict[str, Callable[[bytes], None]] = {}
        self.clock = FakeClock()

    def subscribe(self, topic: str, apply: Callable[[bytes], None]) -> None:
        self.told[topic] = apply

    def step(self, settings: Any) -> Step:
        nothing: Any = None
        ports = Ports(self.clock, FakeCounters(), FakeKeys(), topics=self)
        api = self.configuration.apis["shop"]
        where = ("apis", "shop")
        context = OperationContext(self.configuration, "shop", api, "v1", api, nothing, nothing, ports, where)
        (step,) = compile_identity(IdentityConfig.model_validate(settings), context)
        return step


def run(step: Step, identity: Identity, fields: list[tuple[bytes, bytes]]) -> Exchange:
    request = RequestView("GET", "/", fields, dict(fields))
    request.operation = Operation("shop", "v1", "GET /", (step,), (), 0, "shop", str)
    facts = Facts() if identity is ANONYMOUS else Facts(identity=identity)
    exchange = Exchange(request, "r", "t", 0, 0.0, facts=facts)
    exchange.decide_head()
    return exchange


@rows("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    site = Site()
    step = site.step(case["identity"])
    if case.get("key", True) and IDENTITY_KEY in site.told:
        site.told[IDENTITY_KEY](KEY)
    fields = [(name.encode(), value.encode()) for name, value in case.get("request", {}).items()]
    exchange = run(step, CALLERS[case["caller"]], fields)
    sent = {name.decode(): value.decode() for name, value in (exchange.set_fields or {}).items()}
    for name in case.get("signed", []):
        assert sent.pop(name).count(".") == 2
    assert sent == case.get("sent", {})
    assert {name.encode() for name in case.get("removed", [])} <= exchange.removed_fields
    codes = [verdict.code for verdict in exchange.facts.verdicts if verdict.code]
    assert codes == case.get("codes", [])
    assert (exchange.refusal is None) == ("refused" not in case)


def test_what_was_told_of_a_caller_is_told_again_until_it_grows_old() -> None:
    site = Site()
    step = site.step({"token": {"audience": "shop", "lifetime": "60s"}, "headers": {"X-User": "subject"}})
    site.told[IDENTITY_KEY](KEY)
    first = run(step, ALICE, []).set_fields
    assert run(step, ALICE, []).set_fields == first
    site.clock.advance(31)
    second = run(step, ALICE, []).set_fields
    assert second is not None
    assert first is not None
    assert second[b"x-user"] == first[b"x-user"]
    assert second[b"x-identity"] != first[b"x-identity"]


@rows(
    "settings",
    [
        {},
        {"headers": {"Authorization": "subject"}},
        {"headers": {"X_User": "subject"}},
        {"headers": {"Host": "subject"}},
        {"headers": {"X-User": "password"}},
        {"headers": {"X-User": "subject", "x-user": "roles"}},
        {"headers": {"X-Identity": "subject"}, "token": {"audience": "shop"}},
        {"headers": {"x-a-b-c-d-e-f": "subject"}},
        {"token": {}},
        {"token": {"audience": "shop", "lifetime": "1s"}},
        {"token": {"audience": "shop", "lifetime": "2h"}},
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        IdentityConfig.model_validate(settings)


def test_a_token_needs_a_token_service() -> None:
    with pytest.raises(ConfigurationError, match="no token service"):
        Site(token_service=None).step({"token": {"audience": "shop"}})
    assert Site(token_service=None).step({"headers": {"X-User": "subject"}}).needs == "head"


def test_a_token_holds_no_longer_than_its_key_is_published() -> None:
    signing = {"rotate_every": "10s", "publish_before": "1s"}
    file = {"issuer": "https://i", "audiences": ["shop"], "signing": signing}
    with pytest.raises(ConfigurationError, match="too long"):
        Site(token_service=file).step({"token": {"audience": "shop", "lifetime": "10m"}})
