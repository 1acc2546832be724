"""A gateway reduced to its authenticate phase: keys that were issued, and calls that carry them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from portcullis.engine.api_key_format import ApiKey, mint
from portcullis.engine.config.model import Configuration, OperationSettings
from portcullis.engine.exchange import Exchange
from portcullis.engine.identity import Consumer
from portcullis.engine.key_limits import KeyLimits
from portcullis.engine.operation import Operation, OperationContext
from portcullis.engine.policies.authenticate import compile_phase
from portcullis.engine.ports import KeyGrant, Ports
from portcullis.engine.request import RequestView
from portcullis.testing import FakeCounters

NOW = 1_800_000_000.0


class FixedClock:
    def now_ns(self) -> int:
        return 0

    def wall_s(self) -> float:
        return NOW


class Issued:
    """Keys by the name that a test gives them; also the directory that the policy looks them up in."""

    def __init__(self) -> None:
        self.keys: dict[str, ApiKey] = {}
        self.grants: dict[bytes, KeyGrant] = {}
        self.random_below = random.Random(7).randrange
        self.keys["unissued"] = mint(self.random_below)

    def issue(self, name: str, consumer: str, plan: str = "", **grant: Any) -> ApiKey:
        key = self.keys[name] = mint(self.random_below)
        for moment in ("expires", "not_after"):
            if moment in grant:
                grant[moment] += NOW
        owner = Consumer(consumer, plan, frozenset(grant.pop("roles", ())))
        scopes = frozenset(grant.pop("scopes", ()))
        places = [grant.pop(each, ()) for each in ("apis", "operations", "networks")]
        grant["limits"] = KeyLimits.of(*places)
        self.grants[key.digest] = KeyGrant(key.id, owner, scopes, **grant)
        return key

    def find(self, digest: bytes) -> KeyGrant | None:
        return self.grants.get(digest)

    def reveal(self, text: str) -> str:
        return text.format(**{name: key.reveal() for name, key in self.keys.items()})

    def ids(self, text: str) -> str:
        return text.format(**{name: key.id for name, key in self.keys.items()})


class Phase:
    """Compiles the phase for settings, and runs calls through it as the engine does."""

    def __init__(self, identities: dict[str, Any], issued: Issued) -> None:
        listeners = {"public": {"bind": "127.0.0.1:0"}}
        api = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "s.yaml"}}}
        self.configuration = Configuration.model_validate(
            {"listeners": listeners, "identities": identities, "apis": {"shop": api}}
        )
        self.issued = issued
        self.counters = FakeCounters()

    def context(self, **settings: Any) -> OperationContext:
        nothing: Any = None
        return OperationContext(
            configuration=self.configuration,
            api_name="shop",
            api=self.configuration.apis["shop"],
            version="v1",
            settings=OperationSettings.model_validate(settings),
            document=nothing,
            operation=nothing,
            ports=Ports(clock=FixedClock(), counters=self.counters, keys=self.issued),
            where=("apis", "shop", "operations", "GET /orders"),
        )

    def run(
        self,
        fields: Sequence[Sequence[str]] = (),
        query: str = "",
        client: str = "192.0.2.1",
        operation: str = "GET /orders",
        **settings: Any,
    ) -> Exchange:
        steps = compile_phase(self.context(**settings))
        wire = [(name.encode(), value.encode()) for name, value in fields]
        headers: dict[bytes, bytes] = {}
        for name, value in wire:
            headers[name] = headers[name] + b", " + value if name in headers else value
        request = RequestView("GET", f"/orders?{query}", wire, headers, client=client)
        request.query = query
        exchange = Exchange(request, "r-1", "t-1", 0, NOW)
        request.operation = Operation("shop", "v1", operation, steps, (), 0, "shop", str)
        exchange.decide_head()
        return exchange


@pytest.fixture
def issued() -> Issued:
    return Issued()


@pytest.fixture
def phase(issued: Issued) -> Phase:
    """Two identities, ``partners`` (X-API-Key) and ``links`` (also in the query)."""
    return Phase({"partners": {"api_key": {}}, "links": {"api_key": {"query": "api_key"}}}, issued)
