from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from rows import rows

from portcullis.engine.cel.errors import EvaluationError
from portcullis.engine.cel.values import (
    MAX_INT,
    MAX_UINT,
    MIN_INT,
    Duration,
    Timestamp,
    TypeValue,
    Uint,
    as_key,
    from_key,
    int64,
    type_name,
    uint64,
)


@rows(
    ("value", "name"),
    [
        (True, "bool"),
        (1, "int"),
        (MIN_INT, "int"),
        (MAX_INT, "int"),
        (MAX_INT + 1, "uint"),
        (MAX_UINT, "uint"),
        (Uint(1), "uint"),
        (1.5, "double"),
        ("a", "string"),
        (b"a", "bytes"),
        (None, "null_type"),
        ([], "list"),
        ((), "list"),
        ({}, "map"),
        (MappingProxyType({}), "map"),
        (Timestamp(0), "google.protobuf.Timestamp"),
        (Duration(0), "google.protobuf.Duration"),
        (TypeValue("int"), "type"),
    ],
)
def test_every_value_has_a_type(value: Any, name: str) -> None:
    assert type_name(value) == name


@rows("value", [MAX_UINT + 1, MIN_INT - 1, 10**400, object(), {1, 2}, 1j])
def test_what_is_no_value_has_none(value: Any) -> None:
    with pytest.raises(EvaluationError):
        type_name(value)


def test_true_and_one_are_different_keys() -> None:
    keys = [as_key(key) for key in (True, False, 1, 0, "1", Uint(2))]
    assert len(set(keys)) == len(keys)
    assert [from_key(key) for key in keys] == [True, False, 1, 0, "1", 2]
    assert as_key(1) == as_key(Uint(1))


@rows("value", [1.0, None, [], b"a", Timestamp(1)])
def test_what_can_be_no_key_is_an_error(value: Any) -> None:
    with pytest.raises(EvaluationError):
        as_key(value)


def test_numbers_stay_within_64_bits() -> None:
    assert (int64(MIN_INT), int64(MAX_INT)) == (MIN_INT, MAX_INT)
    assert type(uint64(MAX_UINT)) is Uint
    for check, value in ((int64, MAX_INT + 1), (int64, MIN_INT - 1), (uint64, -1), (uint64, MAX_UINT + 1)):
        with pytest.raises(EvaluationError):
            check(value)
