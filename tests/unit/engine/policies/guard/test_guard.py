from __future__ import annotations

from collections.abc import Callable

from portcullis.engine.operation import OperationContext
from portcullis.engine.policies.guard import compile_phase

Make = Callable[..., OperationContext]
LISTS = {"guard": {"addresses": {"deny": ["203.0.113.0/24"]}}}


def test_without_the_section_there_is_no_step(context: Make) -> None:
    assert compile_phase(context({})) == ()
    assert compile_phase(context({"guard": {}})) == ()


def test_a_kind_that_is_there_makes_its_steps(context: Make) -> None:
    [step] = compile_phase(context(LISTS))
    assert (step.policy, step.needs, step.monitor) == ("guard.addresses", "head", False)


def test_what_an_api_guards_is_guarded_in_its_operations(context: Make) -> None:
    assert len(compile_phase(context(api=LISTS))) == 1


def test_an_operation_can_turn_it_off(context: Make) -> None:
    assert compile_phase(context({"guard": {"addresses": {"mode": "off"}}}, api=LISTS)) == ()
