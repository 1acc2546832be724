"""The phase ``limit`` of an operation, compiled without files, and who calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from portcullis.engine.config.model import Configuration, OperationSettings
from portcullis.engine.exchange import Exchange
from portcullis.engine.identity import Consumer, Identity
from portcullis.engine.operation import Operation, OperationContext
from portcullis.engine.policies.limit import compile_phase
from portcullis.engine.ports import Ports
from portcullis.testing import FakeClock, FakeCounters, FakeKeys, make_request

NOTHING: Any = None
FREE = {"free": {"rate": {"requests": 1, "per": "minute"}}}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def counters() -> FakeCounters:
    return FakeCounters()


@pytest.fixture
def context(clock: FakeClock, counters: FakeCounters) -> Callable[..., OperationContext]:
    """Makes the context of an operation whose effective limit is ``limit``.

    ``plans`` and ``api`` are of the file, to say which plans there are and where the limit is written.
    """

    def make(
        limit: object,
        *,
        plans: Mapping[str, Any] = FREE,
        api: Mapping[str, Any] | None = None,
        at: tuple[str, str, str] = ("shop", "v1", "GET /a"),
        public: bool | None = None,
    ) -> OperationContext:
        name, version, operation = at
        common = {
            "hosts": ["*"],
            "upstream": {"targets": ["http://127.0.0.1:9"]},
            "versions": {version: {"spec": "s.yaml"}},
        }
        listeners = {"public": {"bind": "127.0.0.1:0"}}
        configuration = Configuration.model_validate(
            {"listeners": listeners, "plans": plans, "apis": {name: {**common, **(api or {"limit": limit})}}}
        )
        named: Any = SimpleNamespace(name=operation)
        return OperationContext(
            configuration=configuration,
            api_name=name,
            api=configuration.apis[name],
            version=version,
            settings=OperationSettings.model_validate({"limit": limit, "public": public}),
            document=NOTHING,
            operation=named,
            ports=Ports(clock, counters, FakeKeys()),
            where=("apis", name),
        )

    return make


@pytest.fixture
def call() -> Callable[..., Exchange]:
    """Takes a caller through the limits of an operation: ``{consumer, plan, credential, subject, address}``."""

    def make(context: OperationContext, caller: Mapping[str, str]) -> Exchange:
        request = make_request(client=caller.get("address", "192.0.2.1"))
        exchange = Exchange(request, "r-1", "t-1", 0, 0.0)
        request.operation = Operation("shop", "v1", "GET /a", compile_phase(context), (), 0, "shop", str)
        if "consumer" in caller:
            name = caller["consumer"]
            consumer = Consumer(name, caller.get("plan", ""))
            exchange.facts.identify(Identity("api_key", name, caller.get("credential", "k"), consumer=consumer))
        elif "subject" in caller:
            exchange.facts.identify(Identity("api_key", caller["subject"]))
        exchange.decide_head()
        return exchange

    return make
