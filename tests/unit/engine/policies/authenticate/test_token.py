from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.config.model import OperationSettings
from portcullis.engine.exchange import Exchange
from portcullis.engine.operation import Operation, OperationContext
from portcullis.engine.policies.authenticate import compile_phase
from portcullis.engine.policies.authenticate.token import TokenConfig
from portcullis.engine.ports import Ports
from portcullis.engine.request import RequestView
from portcullis.engine.token_service.messages import KEYS, REVOCATIONS, PublishedKeys, Revocations, Revoked, encode
from portcullis.testing import FakeClock, FakeCounters, FakeKeys
from portcullis.testing.tokens import Signer, key_set_of

CASES = cases_of("authenticate/token")["cases"]
NOW = 1_800_000_000
ISSUER = "https://id.shop.example"
SIGNER = Signer("ES256", "first")


class Site:
    """A gateway reduced to its authenticate phase."""

    def __init__(self) -> None:
        self.told: dict[str, list[Callable[[bytes], None]]] = {}
        nothing: Any = None
        identities: Any = {"apps": _Identity(TokenConfig.model_validate({"audience": "shop"}))}
        configuration: Any = type("Configuration", (), {"identities": identities})
        context = OperationContext(
            configuration,
            "shop",
            nothing,
            "v1",
            OperationSettings.model_validate({"authenticate": ["apps"]}),
            nothing,
            nothing,
            Ports(FakeClock(wall_s=float(NOW)), FakeCounters(), FakeKeys(), topics=self),
            ("apis", "shop"),
        )
        self.steps = compile_phase(context)

    def subscribe(self, topic: str, apply: Callable[[bytes], None]) -> None:
        self.told.setdefault(topic, []).append(apply)

    def tell(self, topic: str, message: object) -> None:
        for apply in self.told[topic]:
            apply(encode(message))

    def run(self, value: bytes | None) -> Exchange:
        fields = [] if value is None else [(b"authorization", value)]
        request = RequestView("GET", "/", fields, dict(fields))
        request.operation = Operation("shop", "v1", "GET /", self.steps, (), 0, "shop", str)
        exchange = Exchange(request, "r", "t", 0, NOW)
        decision = exchange.decide_head()
        if isinstance(decision, Awaitable):

            async def wait() -> None:
                await decision

            asyncio.run(wait())
        return exchange


class _Identity:
    """An identity of the kind ``token``."""

    def __init__(self, token: TokenConfig) -> None:
        self.token = token

    def __getattr__(self, _key: str) -> None:
        return None


def made(token: dict[str, Any]) -> str:
    usual = {"iss": ISSUER, "aud": "shop", "sub": "checkout", "iat": NOW, "exp": NOW + 60, "jti": "t-1"}
    claims = {**usual, "client_id": "checkout", **token.get("claims", {})}
    for name in token.get("without", ()):
        del claims[name]
    return SIGNER.token(claims, {"typ": "at+jwt", **token.get("header", {})})


@rows("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    site = Site()
    if case.get("told", True):
        site.tell(KEYS, PublishedKeys(ISSUER, json.dumps(key_set_of(SIGNER)).encode(), b"{}"))
        site.tell(REVOCATIONS, Revocations(True, [Revoked(each, NOW + 600) for each in case.get("revoked", [])]))
    value = None
    if "text" in case:
        value = case["text"].replace("{good}", made({})).encode()
    elif "token" in case:
        value = b"Bearer " + made(case["token"]).encode()
    exchange = site.run(value)
    if "code" not in case:
        identity = exchange.facts.identity
        assert identity.consumer is not None
        expected = case["identity"]
        assert (identity.subject, identity.consumer.name) == (expected["subject"], expected["consumer"])
        assert (identity.credential, sorted(identity.scopes)) == (expected["credential"], expected["scopes"])
        assert sorted(identity.roles) == expected["roles"]
        assert b"authorization" in exchange.removed_fields
        return
    assert exchange.refusal is not None
    assert (exchange.refusal.code.name, exchange.refusal.status) == (case["code"], case.get("status", 401))
    if exchange.refusal.status == 401:
        assert exchange.refusal.code.visible.name == "authenticate.failed"
        assert dict(exchange.refusal.fields)[b"www-authenticate"] == b'Bearer realm="apps"'


@rows("settings", [{}, {"audience": []}, {"audience": [""]}, {"audience": "shop", "issuer": "x"}])
def test_what_makes_no_sense_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TokenConfig.model_validate(settings)
