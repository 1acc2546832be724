"""A gateway reduced to its validate phase: a document, and calls to what it declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from sent_bodies import decide

from portcullis.engine.config.model import Configuration, OperationSettings
from portcullis.engine.exchange import Exchange
from portcullis.engine.openapi.document import SpecDocument, SpecOperation, load_document
from portcullis.engine.operation import Operation, OperationContext
from portcullis.engine.policies.validate import compile_phase
from portcullis.engine.ports import Ports
from portcullis.engine.routing import RouteIndex
from portcullis.testing import FakeClock, FakeCounters, FakeKeys, make_request


class Phase:
    """The validate phase of every operation of a document."""

    def __init__(self, document: SpecDocument) -> None:
        self.document = document
        paths: dict[str, dict[str, SpecOperation]] = {}
        for operation in document.operations:
            paths.setdefault(operation.route, {})[operation.method] = operation
        self._index = RouteIndex(paths.items())
        self._compiled: dict[tuple[str, str], Operation] = {}
        self.sent_on = b""

    def context(self, name: str, validate: Any = None, **api: Any) -> OperationContext:
        """The context of the operation ``name``; ``api`` is of the API in the file, but ``identities`` of the file."""
        configuration = Configuration.model_validate(
            {
                "listeners": {"public": {"bind": "127.0.0.1:0"}},
                "identities": api.pop("identities", {}),
                "apis": {
                    "shop": {
                        "hosts": ["*"],
                        "upstream": {"targets": ["http://127.0.0.1:9"]},
                        "versions": {"v1": {"spec": self.document.source}},
                        **api,
                    }
                },
            }
        )
        settings = {"validate": validate} if validate is not None else {}
        if "authenticate" in api:
            settings["authenticate"] = api["authenticate"]
        (operation,) = [each for each in self.document.operations if each.name == name]
        return OperationContext(
            configuration=configuration,
            api_name="shop",
            api=configuration.apis["shop"],
            version="v1",
            settings=OperationSettings.model_validate(settings),
            document=self.document,
            operation=operation,
            ports=Ports(FakeClock(), FakeCounters(), FakeKeys()),
            where=("apis", "shop"),
        )

    def compile(self, name: str, validate: Any = None, **api: Any) -> Operation:
        key = (name, repr((validate, api)))
        if key not in self._compiled:
            steps = compile_phase(self.context(name, validate, **api))
            head, body, stream = (
                tuple(step for step in steps if step.needs == needs) for needs in ("head", "body", "stream")
            )
            self._compiled[key] = Operation("shop", "v1", name, head, body, 1_000_000, "shop", str, stream)
        return self._compiled[key]

    def call(
        self,
        call: str,
        headers: Mapping[str, str] | list[tuple[str, str]] = (),  # type: ignore[assignment]
        body: object = None,
        validate: Any = None,
        *,
        piece: int = 65536,
        **api: Any,
    ) -> Exchange:
        """Make a call, ``"POST /orders?x=1"``. A ``body`` that is neither bytes nor text is sent as JSON.

        If it streams it comes in pieces of ``piece`` bytes; what was sent on of it is in ``self.sent_on``.
        """
        method, _, target = call.partition(" ")
        if body is not None and not isinstance(body, bytes | str):
            body = orjson.dumps(body)
            headers = headers or {"content-type": "application/json"}
        data = body.encode() if isinstance(body, str) else body
        request = make_request(method, target, headers, body=data if isinstance(data, bytes) else None)
        found = self._index.match(request.path)
        assert found is not None
        exchange = Exchange(request, "r-1", "t-1", 0, 0.0)
        request.operation = self.compile(found.payload[method].name, validate, **api)
        request.path_values = found.values
        self.sent_on = decide(exchange, data if isinstance(data, bytes) else None, piece)
        return exchange


@pytest.fixture(scope="session")
def phase() -> Any:
    """Makes the phase of a document: ``phase(source, document)``."""

    def make(source: str, document: Any) -> Phase:
        return Phase(load_document(source, orjson.dumps(document)))

    return make
