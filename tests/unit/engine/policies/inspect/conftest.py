"""A gateway reduced to its engine: a document, settings of its API, and calls to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from sent_bodies import decide

from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.load import load_configuration
from portcullis.engine.exchange import Exchange
from portcullis.engine.facts import Verdict
from portcullis.engine.ports import Ports
from portcullis.testing import FakeClock, FakeCounters, FakeFiles, FakeKeys, make_request

PUBLIC = {"hosts": ["*"], "base_path": "/", "public": True, "upstream": {"targets": ["http://127.0.0.1:9"]}}


class Gate:
    """Everything that the engine does with requests for ``document``; ``settings``: of the API."""

    def __init__(self, document: Mapping[str, Any], settings: Mapping[str, Any], **versions: Any) -> None:
        specs = {"v1": document, **versions}
        api = {**PUBLIC, "versions": {name: {"spec": f"{name}.json"} for name in specs}}
        if versions:
            api["version"] = {"by": "header"}
        for name, of_version in settings.get("versions", {}).items():
            api["versions"][name] |= of_version
        api |= {key: value for key, value in settings.items() if key != "versions"}
        configuration = {"listeners": {"public": {"bind": "127.0.0.1:0"}}, "apis": {"shop": api}}
        configuration["identities"] = api.pop("identities", {})
        files = FakeFiles({f"{name}.json": json.dumps(spec) for name, spec in specs.items()})
        ports = Ports(FakeClock(), FakeCounters(), FakeKeys())
        self.snapshot = compile_snapshot(load_configuration(json.dumps(configuration), "portcullis.yaml"), files, ports)
        self.sent_on = b""

    def call(
        self,
        call: str,
        headers: Mapping[str, str] | list[tuple[str, str]] = (),  # type: ignore[assignment]
        body: object = None,
        *,
        piece: int = 65536,
    ) -> Exchange:
        """Make a call, ``"POST /orders?x=1"``. A ``body`` that is neither bytes nor text is sent as JSON.

        If it streams it comes in pieces of ``piece`` bytes; what was sent on of it is in ``sent_on``.
        """
        method, _, target = call.partition(" ")
        if body is not None and not isinstance(body, bytes | str):
            body = orjson.dumps(body)
            headers = headers or {"content-type": "application/json"}
        data = body.encode() if isinstance(body, str) else body
        request = make_request(method, target, headers, body=data if isinstance(data, bytes) else None)
        assert self.snapshot.route(request) is None
        exchange = Exchange(request, "r-1", "t-1", 0, 0.0)
        self.sent_on = decide(exchange, data if isinstance(data, bytes) else None, piece)
        return exchange


def verdicts(exchange: Exchange, policy: str = "inspect.injection") -> list[Verdict]:
    """What ``policy`` said, where that is more than that it has nothing to object."""
    return [verdict for verdict in exchange.facts.verdicts if verdict.policy == policy and verdict.outcome != "allow"]


@pytest.fixture(scope="session")
def gate() -> Any:
    """Makes a gate, and remembers it: ``gate(document, settings)``."""
    made: dict[str, Gate] = {}

    def make(document: Mapping[str, Any], settings: Mapping[str, Any], **versions: Any) -> Gate:
        key = json.dumps([document, settings, versions])
        if key not in made:
            made[key] = Gate(document, settings, **versions)
        return made[key]

    return make
