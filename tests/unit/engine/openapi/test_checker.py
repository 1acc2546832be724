"""One validator for many schemas."""

from __future__ import annotations

import time

import jsonschema_rs
import pytest

from portcullis.engine.openapi.checker import Checker, pack
from portcullis.engine.openapi.violations import TooComplexError

DEFINITIONS = pack(
    {
        "0": {"type": "integer"},
        "1": {"properties": {"n": {"$ref": "#/$defs/0"}, "next": {"$ref": "#/$defs/1"}}},
        "2": False,
    },
    {"0": "/a", "1": "/b", "2": "/c"},
)


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


def test_formats_are_asserted() -> None:
    checker = Checker(pack({"0": {"format": "date"}, "1": {"format": "email"}}))
    assert checker.fits({"0": "2024-05-31", "1": "joe@example.com"})
    assert not checker.fits({"0": "tomorrow"})
    assert not checker.fits({"1": "Joe <joe@example.com>"})


def test_bounds_over_64_bits_are_kept() -> None:
    checker = Checker(pack({"0": {"maximum": 10**30}}))
    assert checker.fits({"0": 10**20})
    assert checker.violations("0", 10**31)[0].keyword == "maximum"


def test_a_definition_that_is_no_schema_is_an_error_with_its_place() -> None:
    with pytest.raises(jsonschema_rs.ValidationError) as caught:
        Checker(pack({"7": {"properties": {"a": {"minLength": -1}}}}))
    assert [str(token) for token in caught.value.instance_path][1:] == ["7", "properties", "a", "minLength"]
    with pytest.raises(jsonschema_rs.ValidationError) as caught:
        Checker(pack({"7": {"minLength": -1}, "8": {"$ref": "#/$defs/7"}}))
    assert [str(token) for token in caught.value.instance_path][1:] == ["7", "minLength"]


def test_what_is_referred_to_is_found_however_the_reference_is_written() -> None:
    huge = 10**30  # such a number has the definition written by another library, with blanks
    checker = Checker(pack({"0": {"type": "string"}, "1": {"items": {"$ref": "#/$defs/0"}, "maximum": huge}}))
    assert checker.fits({"1": ["a"], "0": "a"})
    assert not checker.fits({"1": [1]})
    assert not checker.fits({"0": 1})


def test_a_text_that_looks_like_a_reference_is_a_text() -> None:
    text = '"$ref":"#/$defs/0"'
    checker = Checker(pack({"0": {"type": "string"}, "1": {"enum": [text, {"$ref": "#/$defs/0"}]}}))
    assert checker.fits({"0": "a", "1": text})
    assert checker.fits({"1": {"$ref": "#/$defs/0"}})
    assert not checker.fits({"1": "a"})


def test_a_definition_is_given_with_its_source() -> None:
    checker = Checker(pack({"0": {"type": "integer"}, "1": {"$ref": "#/$defs/0"}}, {"0": "/a", "1": "/b"}))
    assert checker.schema("0") == {"type": "integer", "x-source": "/a"}
    assert checker.schema("1") == {"$ref": "#/$defs/0"}


def test_a_budget_holds() -> None:
    with pytest.raises(TooComplexError):
        Checker(DEFINITIONS).violations("1", {"next": {"next": {"n": "x"}}}, budget=2)


def test_a_verdict_takes_no_longer_however_the_value_is_made() -> None:
    alternatives = [
        {"properties": {"z": {"const": n}, "a": {"$ref": "#/$defs/0"}}, "required": ["z"]} for n in range(8)
    ]
    checker = Checker(pack({"0": {"oneOf": alternatives, "unevaluatedProperties": False}}))
    value: dict[str, object] = {"z": 99}
    for _ in range(100):
        value = {"a": value, "z": 3}
    started = time.perf_counter()
    assert not checker.fits({"0": value})
    assert time.perf_counter() - started < 0.1
