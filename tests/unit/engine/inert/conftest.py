"""A small gateway to put a mistake into, and what is found in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.load import load_configuration
from portcullis.engine.ports import Ports
from portcullis.testing import FakeClock, FakeCounters, FakeFiles, FakeKeys

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop}]
paths:
  /orders:
    get: {responses: {"204": {description: ok}}}
    post:
      requestBody: {content: {application/json: {schema: {type: object, properties: {name: {type: string}}}}}}
      responses: {"204": {description: ok}}
  /orders/{order_id}:
    parameters: [{name: order_id, in: path, required: true, schema: {type: string}}]
    get: {responses: {"204": {description: ok}}}
"""
BASE = """\
listeners:
  public: {bind: "127.0.0.1:0"}
identities:
  partners: {api_key: {}}
apis:
  shop:
    hosts: [shop.example]
    upstream: {targets: ["http://127.0.0.1:9000"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
"""


Findings = Callable[..., list[Diagnostic]]


@pytest.fixture(autouse=True)
def quick_documents(documents_loaded_once: None) -> None:
    """Nearly all cases have the same document."""


@pytest.fixture(scope="session")
def base() -> str:
    return BASE


@pytest.fixture(scope="session")
def spec() -> str:
    return SPEC


@pytest.fixture(scope="session")
def findings() -> Findings:
    """What is found in a configuration: its text, and documents beside ``shop.yaml``."""

    def find(text: str, specs: dict[str, str | bytes] | None = None) -> list[Diagnostic]:
        empty = SPEC.partition("paths:")[0] + "paths: {}\n"
        files = FakeFiles({"shop.yaml": SPEC, "empty.yaml": empty, **(specs or {})})
        try:
            loaded = load_configuration(text, "p.yaml", files)
            ports = Ports(FakeClock(), FakeCounters(), FakeKeys(), files=files)
            return [*loaded.warnings, *compile_snapshot(loaded, files, ports).warnings]
        except ConfigurationError as error:
            return error.diagnostics

    return find


@pytest.fixture(scope="session")
def check(findings: Findings) -> Callable[[dict[str, Any]], None]:
    """Checks one case: ``file`` put over the base, and the beginnings of all that has to be told."""

    base = yaml.safe_load(BASE)

    def run(case: dict[str, Any]) -> None:
        text = json.dumps(merged(base, case["file"]))
        found = [f"{each.severity} {each.pointer}: {each.message}" for each in findings(text, case.get("specs"))]
        wanted = case.get("told", [])
        assert len(found) == len(wanted), found
        for told in wanted:
            assert any(each.startswith(told) for each in found), (told, found)

    return run


def merged(base: Any, over: Any) -> Any:
    """``over`` put over ``base``, key by key; ``null`` takes a key away."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    both = {**base, **{key: merged(base.get(key), value) for key, value in over.items()}}
    return {key: value for key, value in both.items() if value is not None}
