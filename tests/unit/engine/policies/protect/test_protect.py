"""The phase as a whole: on unless it is turned off."""

from __future__ import annotations

from typing import Any

from portcullis.engine.config.model import OperationSettings
from portcullis.engine.operation import OperationContext
from portcullis.engine.policies.protect import compile_phase


def context(**settings: Any) -> OperationContext:
    nothing: Any = None
    return OperationContext(
        configuration=nothing,
        api_name="shop",
        api=nothing,
        version="v1",
        settings=OperationSettings.model_validate(settings),
        document=nothing,
        operation=nothing,
        ports=nothing,
        where=(),
    )


def test_protection_is_on_where_the_file_says_nothing() -> None:
    assert {step.policy for step in compile_phase(context())} == {"protect.headers", "protect.errors"}


def test_each_kind_can_be_turned_off() -> None:
    off = {"headers": {"mode": "off"}}
    assert {step.policy for step in compile_phase(context(protect=off))} == {"protect.errors"}
    assert compile_phase(context(protect={**off, "errors": {"mode": "off"}})) == ()
