"""A gateway reduced to the validation of requests, for each document of the corpora."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.model import Configuration, OperationSettings
from portcullis.engine.exchange import Exchange
from portcullis.engine.openapi.document import SpecDocument, SpecOperation, load_document
from portcullis.engine.operation import Operation, OperationContext
from portcullis.engine.policies.validate.request import RequestValidationConfig, compile_request
from portcullis.engine.ports import Ports
from portcullis.engine.routing import RouteIndex
from portcullis.testing import FakeClock, FakeCounters, FakeKeys, make_request
from portcullis.testing.generating_requests import Written

ROOT = Path(__file__).resolve().parents[5]
FOLDER = Path(os.environ.get("PORTCULLIS_CORPORA", ROOT.parent / "shared" / "data")) / "openapi"
QUICK = (
    "adyen.com__TestCardService__1__openapi.yaml",  # bodies in JSON
    "lumminary.com__1.0__swagger.yaml",  # Swagger 2.0, forms
    "museum.openapi.yaml",  # OpenAPI 3.1, all kinds of parameters
)
"""Documents that the quick loop looks at too."""


class Gate:
    """What refuses requests to the operations of ``document``. ``name``: of the document's file."""

    def __init__(self, name: str, document: SpecDocument) -> None:
        self.name = name
        self.document = document
        self.graph = document.variants.graph()
        self.operations = [operation for operation in document.operations if not operation.unsupported]
        self._configuration = Configuration.model_validate(
            {
                "listeners": {"public": {"bind": "127.0.0.1:0"}},
                "apis": {
                    "shop": {
                        "hosts": ["*"],
                        "upstream": {"targets": ["http://127.0.0.1:9"]},
                        "versions": {"v1": {"spec": document.source}},
                    }
                },
            }
        )
        paths: dict[str, dict[str, SpecOperation]] = {}
        for operation in document.operations:
            paths.setdefault(operation.route, {})[operation.method] = operation
        self._index = RouteIndex(paths.items())
        self._compiled: dict[str, Operation] = {}

    def code_for(self, operation: SpecOperation, sent: Written) -> str:
        """The code that ``sent`` is refused with, ``""`` if it passes, ``"routed elsewhere"`` if it does not get to
        ``operation``.
        """
        request = make_request(sent.method, sent.target, sent.fields, body=sent.body)
        found = self._index.match(request.path)
        if found is None or found.payload.get(sent.method) is not operation:
            return "routed elsewhere"
        request.operation = self._operation(operation)
        request.path_values = found.values
        exchange = Exchange(request, "r-1", "t-1", 0, 0.0)
        if exchange.decide_head() is None and exchange.begin_body() is None:
            body = sent.body or b""
            if exchange.holds_body:
                exchange.decide_body(body)
            elif exchange.scans_body:
                exchange.scan_body(body[:7], ended=False)
                if exchange.refusal is None:
                    exchange.scan_body(body[7:], ended=True)
        return "" if exchange.refusal is None else exchange.refusal.code.name

    def _operation(self, operation: SpecOperation) -> Operation:
        if operation.name not in self._compiled:
            context = OperationContext(
                configuration=self._configuration,
                api_name="shop",
                api=self._configuration.apis["shop"],
                version="v1",
                settings=OperationSettings(),
                document=self.document,
                operation=operation,
                ports=Ports(FakeClock(), FakeCounters(), FakeKeys()),
                where=("apis", "shop"),
            )
            steps = compile_request(RequestValidationConfig(), context)
            head, body, stream = (tuple(s for s in steps if s.needs == needs) for needs in ("head", "body", "stream"))
            self._compiled[operation.name] = Operation(
                "shop", "v1", operation.name, head, body, 10_000_000, "shop", str, stream
            )
        return self._compiled[operation.name]


def _documents() -> list[Any]:
    folders = [FOLDER / name for name in ("apis-guru", "large", "vendor")]
    files = sorted(file for folder in folders if folder.is_dir() for file in folder.iterdir())
    return [
        pytest.param(file, id=file.name, marks=() if file.name in QUICK else pytest.mark.slow) for file in files
    ] or [pytest.param(None, id="no corpora")]


@pytest.fixture(scope="module", params=_documents())
def gate(request: pytest.FixtureRequest, corpora: Path) -> Gate:
    """The gate of each document that can be enforced."""
    file: Path = request.param
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    try:
        document = load_document(str(file.relative_to(FOLDER)), data, lambda name: (FOLDER / name).read_bytes())
    except ConfigurationError:
        pytest.skip("this document can't be enforced: test_real_documents.py has the list")
    return Gate(file.name, document)
