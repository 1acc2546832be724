"""One validator for many schemas."""

from __future__ import annotations

import time

import pytest

from portcullis.engine.openapi.checker import Checker
from portcullis.engine.openapi.violations import TooComplexError

DEFINITIONS = {
    "0": {"x-source": "/a", "type": "integer"},
    "1": {"x-source": "/b", "properties": {"n": {"$ref": "#/$defs/0"}, "next": {"$ref": "#/$defs/1"}}},
    "2": False,
}


def test_each_value_is_checked_against_the_definition_it_stands_under() -> None:
    checker = Checker(DEFINITIONS)
    assert checker.fits({"0": 1, "1": {"n": 2}})
    assert not checker.fits({"0": "1", "1": {"n": 2}})
    assert not checker.fits({"0": 1, "1": {"next": {"n": "x"}}})
    assert not checker.fits({"2": None})
    assert checker.fits({})


def test_violations_are_found_across_definitions() -> None:
    (violation,) = Checker(DEFINITIONS).violations("1", {"next": {"next": {"n": "x"}}})
    assert (violation.path, violation.keyword, violation.source) == (("next", "next", "n"), "type", "/a/type")


def test_formats_are_not_asserted() -> None:
    assert Checker({"0": {"format": "date"}}).fits({"0": "tomorrow"})


def test_a_budget_holds() -> None:
    with pytest.raises(TooComplexError):
        Checker(DEFINITIONS).violations("1", {"next": {"next": {"n": "x"}}}, budget=2)


def test_a_verdict_takes_no_longer_however_the_value_is_made() -> None:
    alternatives = [
        {"properties": {"z": {"const": n}, "a": {"$ref": "#/$defs/0"}}, "required": ["z"]} for n in range(8)
    ]
    checker = Checker({"0": {"oneOf": alternatives, "unevaluatedProperties": False}})
    value: dict[str, object] = {"z": 99}
    for _ in range(100):
        value = {"a": value, "z": 3}
    started = time.perf_counter()
    assert not checker.fits({"0": value})
    assert time.perf_counter() - started < 0.1
