"""JSON that reads one way only."""

from __future__ import annotations

import json
import timeit
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.strict_json import (
    MAX_DEPTH,
    DuplicateKeyError,
    JsonLimitError,
    Limits,
    MalformedJsonError,
    loads,
)


@rows(
    "text",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"b":2,"a":3}',
        b'[{"x":{"a":[],"a":{}}}]',
        b'{"a" : 1, "a"\n:2}',
        rb'{"a":1,"\u0061":2}',
        rb'{"\u003a":1,":":2}',
        rb'{"\u003A":"\u003a","x":":","\u003a":1}',
        b'{"":1,"":2}',
        '{"é":1,"\\u00e9":2}'.encode(),
    ],
)
def test_repeated_keys_are_refused(text: bytes) -> None:
    with pytest.raises(DuplicateKeyError):
        loads(text)


def test_a_repeated_key_is_named() -> None:
    with pytest.raises(DuplicateKeyError) as caught:
        loads(b'{"a":{"role":1,"role":2}}')
    assert caught.value.name == "role"


@rows(
    "text",
    [rb'{"a":"\u003a:","b":":\":"}', b'[{"a":1},{"a":1}]', b'{"a":{"a":{"a":1}}}', rb'{"a\":":1,"a":2}', b'":"'],
)
def test_equal_keys_of_different_objects_and_colons_in_strings_are_fine(text: bytes) -> None:
    assert loads(text) == json.loads(text)


@rows(
    "text",
    [
        b"",
        b" ",
        b"nul",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"\xef\xbb\xbf{}",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        rb'"\ud800"',
        rb'"\udc00\ud800"',
        rb'{"\uDFFF": 1}',
        b"\xfe\xff\x00{\x00}",
        "{}".encode("utf-16-le"),
        "{}".encode("utf-32"),
        b'{"a": 1}\x00',
        b"{}{}",
        b"{'a':1}",
        b"[1,]",
        b"01",
        b"1e999",
        b'"a\nb"',
        "{}".encode("utf-16"),
    ],
)
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        loads(text)


@rows("text", [b"18446744073709551616", b"-9223372036854775809", b'{"n":[1' + b"0" * 300 + b"]}"])
def test_integers_over_64_bits_are_refused_instead_of_rounded(text: bytes) -> None:
    with pytest.raises(MalformedJsonError, match="64 bits"):
        loads(text)


@rows(
    "text",
    [b"18446744073709551615", b"-9223372036854775808", b"0.12345678901234567890123", b'"12345678901234567890123"'],
)
def test_other_long_numbers_are_fine(text: bytes) -> None:
    assert loads(text) == json.loads(text)


def test_depth_is_bounded() -> None:
    assert loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    deep = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    assert loads(deep)
    with pytest.raises(MalformedJsonError, match="levels"):
        loads(b"[" + deep + b"]")
    with pytest.raises(MalformedJsonError):
        loads(b"[" * 1_000_000)


def test_many_flat_objects_are_not_deep() -> None:
    assert len(loads(b"[" + b",".join([b'{"a":["]"]}'] * 1000) + b"]")) == 1000


@rows(
    ("limits", "fits", "exceeds"),
    [
        (Limits(depth=3), b'[[{"a":"[[[["}],[[]],[]]', b'[[],{"a":{"b":[]}}]'),
        (Limits(depth=1), b"[1]", b"[[]]"),
        (Limits(depth=0), b'"[{"', b"[]"),
        (Limits(keys=3), b'{"a":{"b":[{"c":":::"}]}}', b'[{"a":1},{"a":1},{"a":1},{"a":1}]'),
        (Limits(keys=3), b'{"a":{"b":{}},"c":"::::::::"}', b'{"a":{"b":{}},"c":1,"d":2}'),
        (Limits(string=4), b'["abcd","\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"]', b'[1,2,3,["abcde"]]'),
        (Limits(string=4), rb'["\u0061\u0061\u0061\u0061"]', b'{"abcde":1}'),
        (Limits(digits=64), b"[1." + b"1" * 62 + b"]", b"[1." + b"1" * 63 + b"]"),
        (Limits(digits=64), b'["' + b"1" * 65 + b'"]', b"[1e" + b"0" * 63 + b"]"),
        (Limits(digits=64), b"[1]", b"0." + b"0" * 1000),
        (Limits(), rb'["\\u0000", "u0000", "\"u0000"]', rb'["\\\u0000"]'),
        (Limits(), rb'{"\\\\u0000": 0}', rb'{"a\u0000": 0}'),
    ],
)
def test_what_exceeds_a_limit_is_refused(limits: Limits, fits: bytes, exceeds: bytes) -> None:
    assert loads(fits, limits) == json.loads(fits)
    assert loads(exceeds) == json.loads(exceeds)
    with pytest.raises(JsonLimitError):
        loads(exceeds, limits)


def test_nul_passes_where_it_is_allowed() -> None:
    assert loads(rb'"\u0000"', Limits(nul=True)) == loads(rb'"\u0000"') == "\0"


@pytest.mark.slow
def test_limits_cost_little_time_however_a_text_is_made() -> None:
    for text in (
        b"[" + b"[]," * 100_000 + b"0]",
        b"[" + b'{"a":1},' * 40_000 + b"0]",
        rb'"' + rb"\\" * 200_000 + b'u0000"',
    ):
        took = min(timeit.repeat(lambda text=text: loads(text, Limits(depth=64, keys=10**6)), number=1, repeat=2))
        assert took < 1


def test_errors_do_not_repeat_what_was_sent() -> None:
    for text in (b'{"password": hunter2}', b'["hunter2', b'{"hunter2":1,"hunter2":2}'):
        with pytest.raises(MalformedJsonError) as caught:
            loads(text)
        assert "hunter2" not in str(caught.value)


KEYS = st.sampled_from(["a", "b", ":", '":', "\u003a", "é", "\\", "\\u003a", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | KEYS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(KEYS, inner), max_size=4).map(tuple),
    max_leaves=12,
)


def _write(value: Any, draw: Any) -> str:
    """``value`` as JSON, a tuple of pairs as an object; strings, colons and spaces written in one of their ways."""
    space = draw(st.sampled_from(["", " ", "\n\t"]))
    if isinstance(value, tuple):
        members = (f"{_write(key, draw)}{space}:{_write(item, draw)}" for key, item in value)
        return "{" + f",{space}".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_write(item, draw) for item in value) + space + "]"
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    if isinstance(value, str) and draw(st.booleans()):
        text = text.replace(":", draw(st.sampled_from(["\\u003a", "\\u003A"])))
    return text


def _repeats(value: Any) -> bool:
    if isinstance(value, tuple):
        return len({key for key, _ in value}) < len(value) or any(_repeats(item) for _, item in value)
    return isinstance(value, list) and any(map(_repeats, value))


@given(VALUES, st.data())
@pytest.mark.slow
def test_keys_are_found_repeated_exactly_if_they_are(value: Any, data: st.DataObject) -> None:
    text = _write(value, data.draw).encode()
    if _repeats(value):
        with pytest.raises(DuplicateKeyError):
            loads(text)
    else:
        assert loads(text) == json.loads(text)
