"""Which patterns of a document can be used, and why others can't."""

from __future__ import annotations

import time

import pytest
from rows import rows

from portcullis.engine.openapi.patterns import MAX_LENGTH, Patterns, matcher


def reason(pattern: str) -> str:
    fault = Patterns().fault(pattern)
    assert fault is not None
    assert fault.hint
    return fault.reason


@pytest.mark.slow
@rows(
    "pattern",
    [
        *("", "^a+$", r"\d{1,3}", "[a-z]*?x", r"^\p{L}+$", "^(?:[a-z]+-)*[a-z]+$"),
        *("a" * MAX_LENGTH, r"^[^\x00-\x1f]{1,3000}$", r"[\p{L}\p{Z}\p{N}_.:/=+@-]{0,256}"),
    ],
    ids=lambda pattern: pattern[:40],
)
def test_patterns_that_can_be_used(pattern: str) -> None:
    patterns = Patterns()
    assert patterns.fault(pattern) is None
    assert patterns.fault(pattern) is None


@rows("pattern", ["(?=a)", "(?<!a)b", r"(a)\1", "(?!x{3})y"])
def test_patterns_that_are_not_linear(pattern: str) -> None:
    assert reason(pattern) == "can't be matched in linear time"


@rows("pattern", ["(", "a{2,1}", r"\p{Foo}", "[", "*"])
def test_what_is_no_pattern(pattern: str) -> None:
    assert reason(pattern).startswith("is no regular expression")


@pytest.mark.slow
@rows(
    "pattern",
    ["(?:(?:a{1000}){1000}){1000}", ".{1,65535}", "(?:a{1000}){1000}", "x{99999999}", r"^(?:\S{0,1000},){0,50}$"],
)
def test_patterns_that_are_too_large_when_they_are_written_out(pattern: str) -> None:
    assert reason(pattern) == "takes more than 16 MiB when it is written out"


def test_patterns_that_are_too_long_are_not_even_tried() -> None:
    began = time.process_time()
    assert reason("a?" * 500_000) == "has 1,000,000 characters: 8,192 are the most"
    assert time.process_time() - began < 0.1


@pytest.mark.slow
def test_the_patterns_of_a_document_have_a_largest_size_together() -> None:
    patterns = Patterns()
    large = [rf"^[^\x00-\x1f]{{1,{number}}}$" for number in range(3000, 3030)]
    faults = [patterns.fault(pattern) for pattern in large]
    assert faults[:10] == [None] * 10
    assert faults[-1] is not None
    assert faults[-1].reason == "is one too many: together they take more than 64 MiB when written out"
    assert [patterns.fault(pattern) for pattern in large] == faults, "asked again, they count no more than once"
    assert patterns.fault("^a$") is not None
    assert Patterns().fault("^a$") is None


@rows(
    "hostile",
    [
        [rf"^.{{1,{number}}}$" for number in range(50_000, 52_000)],
        [r"(?i)" + r"\pL{50}" * 100 + str(number) for number in range(2_000)],
        [f"(?:a?){{{number}}}(?=b)" for number in range(20_000)],
    ],
    ids=["large", "slow to read", "not linear"],
)
@pytest.mark.slow
def test_many_hostile_patterns_take_seconds_at_most(hostile: list[str]) -> None:
    patterns = Patterns()
    began = time.process_time()
    assert any(patterns.fault(pattern) is not None for pattern in hostile)
    assert all(patterns.fault(pattern) is not None for pattern in hostile[-10:])
    assert time.process_time() - began < 10


def test_a_matcher_is_kept() -> None:
    matches = matcher("^a+$")
    assert matches("aa")
    assert not matches("ab")
    assert matcher("^a+$") is matches
