"""Questions that a rule may ask of something else."""

from __future__ import annotations

from portcullis.engine.objects.functions import Function, all_functions


def test_functions_are_found_by_their_place() -> None:
    found = all_functions()
    assert all(isinstance(function, Function) and function.name == name for name, function in found.items())
    assert found is all_functions()
