"""Calls of an operation that is compiled for its authorize phase alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portcullis.engine.exchange import Exchange
from portcullis.engine.identity import Identity
from portcullis.engine.operation import Operation, OperationContext
from portcullis.engine.policies.authorize import compile_phase
from portcullis.engine.request import RequestView

OPERATION = "GET /orders"


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
