from __future__ import annotations

from typing import Any

from portcullis.engine.policies.inspect.injection import POLICY

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Notes", "version": "1"},
    "paths": {"/notes": {"get": {"responses": {"default": {"description": "Notes."}}}}},
}


def policies(gate: Any, settings: dict[str, Any]) -> set[str]:
    [operation] = gate(DOCUMENT, settings).snapshot.operations
    return {step.policy for step in operation.steps}


def test_nothing_is_inspected_unless_the_file_asks_for_it(gate: Any) -> None:
    assert POLICY.name not in policies(gate, {})
    assert POLICY.name not in policies(gate, {"inspect": {}})


def test_it_is_where_the_file_does(gate: Any) -> None:
    assert POLICY.name in policies(gate, {"inspect": {"injection": {}}})
    assert POLICY.name in policies(gate, {"operations": {"GET /notes": {"inspect": {"injection": {}}}}})


def test_what_is_inspected_comes_after_what_is_validated(gate: Any) -> None:
    [operation] = gate(DOCUMENT, {"inspect": {"injection": {}}}).snapshot.operations
    order = [step.policy for step in operation.head_steps]
    assert order.index("validate.request") < order.index(POLICY.name)
