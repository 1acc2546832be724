"""JSONTestSuite: what every parser must accept and must refuse, and what we do where RFC 8259 lets parsers differ.

Wherever two parsers may read different values from the same text, the text is refused: what the gateway checked would
else not be what the service gets.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
from fnmatch import fnmatch
from pathlib import Path

import pytest

from portcullis.engine.strict_json import DuplicateKeyError, MalformedJsonError, loads

REFUSED_ON_PURPOSE = {
    "y_object_duplicated_key.json": "of repeated keys one parser keeps the first and another the last",
    "y_object_duplicated_key_and_value.json": "the same, though here nothing is lost",
}
"""Texts that are JSON."""

REFUSED = {
    "i_number_*huge_exp.json": "a number over the range of a double becomes infinity, the largest double, or an error",
    "i_number_*_overflow.json": "the same",
    "i_number_too_big_*_int.json": "an integer over 64 bits is rounded by many parsers, and wraps in some",
    "i_number_very_big_negative_int.json": "the same",
    "i_*surrogate*.json": "half of a surrogate pair is no character: it is kept, replaced or refused",
    "i_string_*utf*.json": "bytes that are not UTF-8 are replaced, guessed or refused",
    "i_string_UTF-*.json": "the same",
    "i_string_iso_latin_1.json": "the same",
    "i_string_not_in_unicode_range.json": "the same",
    "i_string_overlong_sequence_*.json": "the same; overlong codes are how a filter is passed by",
    "i_structure_500_nested_arrays.json": "deeper than the gateway reads",
    "i_structure_UTF-8_BOM_empty_object.json": "a byte order mark is skipped or refused; none may be sent (8.1)",
}
"""What parsers may accept or not, by class, and why it is refused."""

ACCEPTED = {
    "i_number_double_huge_neg_exp.json": "a number too close to zero is zero to everybody",
    "i_number_real_underflow.json": "the same",
}
"""The same, accepted."""

Cases = dict[str, tuple[str, bytes]]


@pytest.fixture(scope="module")
def cases(corpora: Path) -> Cases:
    """Expectation and text of each case, by name."""
    with gzip.open(corpora / "json" / "jsontestsuite.jsonl.gz", "rt", encoding="utf-8") as lines:
        read = [json.loads(line) for line in lines]
    return {case["name"]: (case["expected"], base64.b64decode(case["raw_base64"])) for case in read}


def is_read(text: bytes) -> bool:
    try:
        loads(text)
    except MalformedJsonError:
        return False
    return True


def test_all_classes_of_the_suite_are_there(cases: Cases) -> None:
    expected = [case for case, _ in cases.values()]
    assert [expected.count(name) for name in ("accept", "reject", "either")] == [95, 188, 35]


def test_what_must_be_accepted_is_read_as_it_is_meant(cases: Cases) -> None:
    wrong = []
    for name, (expected, text) in cases.items():
        if expected == "accept" and name not in REFUSED_ON_PURPOSE and loads(text) != json.loads(text):
            wrong.append(name)
    assert wrong == []


def test_what_must_be_rejected_is_refused(cases: Cases) -> None:
    assert [name for name, (expected, text) in cases.items() if expected == "reject" and is_read(text)] == []


def test_repeated_keys_are_refused_on_purpose(cases: Cases) -> None:
    for name in REFUSED_ON_PURPOSE:
        with pytest.raises(DuplicateKeyError):
            loads(cases[name][1])


def test_where_parsers_may_differ_it_is_written_down_what_we_do(cases: Cases) -> None:
    undecided, wrong, used = [], [], set()
    for name, (expected, text) in cases.items():
        if expected != "either":
            continue
        classes = [each for each in REFUSED if fnmatch(name, each)]
        used.update(classes or {name})
        if not classes and name not in ACCEPTED:
            undecided.append(name)
        elif is_read(text) != (not classes):
            wrong.append(name)
    assert undecided == []
    assert wrong == []
    assert used == {*REFUSED, *ACCEPTED}, "a decision about nothing"


def test_numbers_too_close_to_zero_are_zero(cases: Cases) -> None:
    for name in ACCEPTED:
        (value,) = loads(cases[name][1])
        assert math.copysign(1.0, value) == 1.0
        assert value == 0
