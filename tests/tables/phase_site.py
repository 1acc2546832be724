"""A gateway reduced to its phase ``authenticate``, with everything that it needs from outside in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from portcullis.engine.config.model import Configuration, OperationSettings
from portcullis.engine.exchange import Exchange
from portcullis.engine.operation import Operation, OperationContext
from portcullis.engine.pipeline import pipeline
from portcullis.engine.policies.authenticate import compile_phase
from portcullis.engine.ports import Ports, Unanswered
from portcullis.engine.request import RequestView
from portcullis.stores.secrets import SourceSecrets
from portcullis.testing.fakes import FakeClock, FakeCounters, FakeFiles, FakeKeys

NOW = 1_800_000_000
Fields = Sequence[tuple[str, bytes]]


class Site:
    """``answer``: of the control process, by topic and question; ``asked``: what it was; ``told``: who listens."""

    def __init__(
        self,
        identities: Mapping[str, Any],
        files: Mapping[str, str | bytes] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        stored = FakeFiles(files or {}, variables)
        api = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "s.yaml"}}}
        self.configuration = Configuration.model_validate(
            {"listeners": {"public": {"bind": "127.0.0.1:0"}}, "identities": identities, "apis": {"shop": api}}
        )
        self.clock = FakeClock(wall_s=float(NOW))
        self.counters = FakeCounters()
        self.asked: list[tuple[str, bytes]] = []
        self.answer: Callable[[str, bytes], bytes] | None = None
        self.told: dict[str, Callable[[bytes], None]] = {}
        secrets = SourceSecrets(stored)
        self.ports = Ports(
            self.clock, self.counters, FakeKeys(), questions=self, topics=self, secrets=secrets, files=stored
        )
        self.shared: dict[tuple[str, ...], Any] = {}

    def subscribe(self, topic: str, apply: Callable[[bytes], None]) -> None:
        self.told[topic] = apply

    async def ask(self, topic: str, question: bytes) -> bytes:
        self.asked.append((topic, question))
        if self.answer is None:
            raise Unanswered(f"{topic}: the control process is away")
        return self.answer(topic, question)

    def compiled(self, **settings: Any) -> Operation:
        nothing: Any = None
        context = OperationContext(
            configuration=self.configuration,
            api_name="shop",
            api=self.configuration.apis["shop"],
            version="v1",
            settings=OperationSettings.model_validate(settings),
            document=nothing,
            operation=nothing,
            ports=self.ports,
            where=("apis", "shop", "operations", "GET /orders"),
            shared=self.shared,
        )
        steps = pipeline(compile_phase(context))
        of_request = {f"{needs}_steps": steps[needs] for needs in ("head", "wire", "body", "stream")}
        return Operation(
            "shop", "v1", "GET /orders", max_body=1 << 20, upstream="shop", upstream_path=str, **of_request
        )

    def run(
        self,
        fields: Fields,
        target: str = "/orders",
        *,
        method: str = "GET",
        url: str = "https://api.shop.example",
        body: bytes = b"",
        **settings: Any,
    ) -> Exchange:
        """One call, whose host and scheme ``url`` says; its body is looked at once its head has passed."""
        headers: dict[bytes, bytes] = {}
        wire = [(name.encode(), value) for name, value in fields]
        for name, value in wire:
            headers[name] = headers[name] + b", " + value if name in headers else value
        path, _, query = target.partition("?")
        parts = urlsplit(url)
        request = RequestView(method, target, wire, headers, scheme=parts.scheme, has_body=bool(body))
        request.host, request.path, request.query = parts.hostname or "", path, query
        exchange = Exchange(request, "r-1", "t-1", 0, float(NOW))
        request.operation = self.compiled(**settings)
        if _settled(exchange.decide_head()) is None and exchange.begin_body() is None and exchange.holds_body:
            _settled(exchange.decide_body(body))
        return exchange


def _settled(decision: Any) -> Any:
    async def wait() -> Any:
        return await decision

    return asyncio.run(wait()) if isinstance(decision, Awaitable) else decision
