"""An operation that is compiled for its authorize phase alone, and calls of it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from portcullis.engine.config.merge import effective
from portcullis.engine.config.model import ApiConfig, RoleConfig, ServiceConfig
from portcullis.engine.exchange import Exchange
from portcullis.engine.identity import Identity
from portcullis.engine.openapi.security import Security
from portcullis.engine.operation import Operation, OperationContext
from portcullis.engine.policies.authorize import compile_phase
from portcullis.engine.request import RequestView

OPERATION = "GET /orders"


@pytest.fixture
def context() -> Callable[..., OperationContext]:
    """Makes the context of an operation with these settings of its own, and those of its API.

    ``roles`` and ``services`` are those of the file, ``security`` is what the document asks for.
    """

    def make(
        operation: dict[str, Any] | None = None,
        api: dict[str, Any] | None = None,
        roles: dict[str, Any] | None = None,
        security: Security | None = None,
        services: dict[str, Any] | None = None,
    ) -> OperationContext:
        shop = ApiConfig.model_validate(
            {
                "hosts": ["*"],
                "upstream": {"targets": ["http://127.0.0.1:1"]},
                "versions": {"v1": {"spec": "s.yaml"}},
                "operations": {OPERATION: operation or {}},
                **(api or {}),
            }
        )
        nothing: Any = None
        configuration: Any = SimpleNamespace(
            roles={name: RoleConfig.model_validate(role) for name, role in (roles or {}).items()},
            identities={name: SimpleNamespace(mtls=name == "mesh" or None) for name in ("mesh", "tokens", "users")},
            services={name: ServiceConfig.model_validate(each) for name, each in (services or {}).items()},
        )
        document: Any = SimpleNamespace(reference=lambda pointer: f"s.yaml#{pointer}")
        declared: Any = SimpleNamespace(name=OPERATION, security=security)
        return OperationContext(
            configuration=configuration,
            api_name="shop",
            api=shop,
            version="v1",
            settings=effective(shop, shop.versions["v1"], OPERATION),
            document=document,
            operation=declared,
            ports=nothing,
            where=("apis", "shop", "operations", OPERATION),
        )

    return make


@pytest.fixture
def call() -> Callable[..., Exchange]:
    """Calls the operation as an identity, or as nobody, and gives the exchange."""

    def make(context: OperationContext, identity: Identity | None) -> Exchange:
        request = RequestView("GET", "/orders", (), {})
        exchange = Exchange(request, "r-1", "t-1", 0, 0.0)
        request.operation = Operation("shop", "v1", OPERATION, compile_phase(context), (), 0, "shop", str)
        if identity is not None:
            exchange.facts.identify(identity)
        exchange.decide_head()
        return exchange

    return make


@pytest.fixture
def check() -> Callable[[Exchange, str, dict[str, Any]], None]:
    """Checks what became of an exchange against a case: passed, ``refused`` or ``would_refuse``, and the record."""

    def run(exchange: Exchange, policy: str, case: dict[str, Any]) -> None:
        wanted = case.get("refused") or case.get("would_refuse")
        assert (exchange.refusal is not None) == ("refused" in case)
        if wanted is None:
            assert [each for each in exchange.facts.verdicts if each.outcome != "allow"] == []
            return
        verdict = exchange.facts.verdicts[-1]
        assert (verdict.policy, verdict.code) == (wanted.get("policy", policy), wanted["code"])
        assert verdict.outcome == ("refuse" if "refused" in case else "would_refuse")
        assert verdict.detail == wanted.get("detail", verdict.detail)
        assert verdict.finding is not None
        for key in ("pointer", "found", "allowed", "source"):
            assert getattr(verdict.finding, key) == wanted.get(key, getattr(verdict.finding, key))
        if exchange.refusal is not None:
            assert exchange.refusal.code.visible.name == wanted.get("visible", wanted["code"])
            challenge = [(b"www-authenticate", wanted["challenge"].encode())] if "challenge" in wanted else []
            assert list(exchange.refusal.fields) == challenge

    return run
