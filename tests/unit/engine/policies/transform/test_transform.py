from __future__ import annotations

from typing import Any

from portcullis.engine.config.model import OperationSettings
from portcullis.engine.operation import OperationContext
from portcullis.engine.policies.transform import compile_phase
from portcullis.engine.ports import Ports
from portcullis.testing import FakeClock, FakeCounters, FakeKeys


def context(**transform: Any) -> OperationContext:
    nothing: Any = None
    settings = OperationSettings.model_validate({"transform": transform} if transform else {})
    ports = Ports(FakeClock(), FakeCounters(), FakeKeys())
    return OperationContext(nothing, "shop", nothing, "v1", settings, nothing, nothing, ports, ("apis", "shop"))


def test_nothing_is_transformed_unless_the_file_says_so() -> None:
    assert compile_phase(context()) == ()


def test_what_the_file_names_is_done() -> None:
    steps = compile_phase(context(identity={"headers": {"X-User": "subject"}}))
    assert [(step.policy, step.needs) for step in steps] == [("transform.identity", "head")]
