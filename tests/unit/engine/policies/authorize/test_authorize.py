from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.operation import OperationContext
from portcullis.engine.policies.authorize import compile_phase

Make = Callable[..., OperationContext]
SCOPES = {"authorize": {"scopes": ["orders:read"]}}
PUBLIC = {"public": True}


def test_without_the_section_there_is_no_step(context: Make) -> None:
    assert compile_phase(context({})) == ()
    assert compile_phase(context({"authorize": {}})) == ()


def test_a_kind_that_is_there_makes_its_steps(context: Make) -> None:
    [step] = compile_phase(context(SCOPES))
    assert (step.policy, step.needs, step.monitor) == ("authorize.scopes", "head", False)


def test_what_an_api_asks_for_holds_for_its_operations(context: Make) -> None:
    assert len(compile_phase(context(api=SCOPES))) == 1


def test_an_operation_that_is_made_public_asks_for_nothing(context: Make) -> None:
    assert compile_phase(context(PUBLIC, api=SCOPES)) == ()


@rows(("operation", "api"), [(SCOPES, PUBLIC), ({**SCOPES, **PUBLIC}, {}), ({}, {**SCOPES, **PUBLIC})])
def test_asking_callers_of_a_public_operation_for_something_is_an_error(
    context: Make, operation: dict[str, Any], api: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match="they are nobody") as caught:
        compile_phase(context(operation, api=api))
    assert caught.value.diagnostics[0].pointer == "apis.shop.operations.GET /orders.authorize"
