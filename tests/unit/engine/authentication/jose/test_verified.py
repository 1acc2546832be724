from __future__ import annotations

import sys
from hashlib import sha256

import orjson
from rows import rows

from portcullis.engine.authentication.jose.verified import BASE_BYTES, BYTES_A_BYTE, VerifiedTokens

ONE = BASE_BYTES + BYTES_A_BYTE * 100


def digest(number: int) -> bytes:
    return sha256(b"%d" % number).digest()


def test_a_token_is_known_until_it_ends() -> None:
    verified = VerifiedTokens[str](10 * ONE)
    verified.keep(digest(1), 100, "alice", 50.0)
    assert verified.find(digest(1), 49.9) == "alice"
    assert verified.find(digest(1), 50.0) is None
    assert verified.find(digest(2), 0.0) is None
    assert repr(verified) == f"VerifiedTokens(1 entries, {ONE} bytes)"


def test_the_oldest_make_room() -> None:
    verified = VerifiedTokens[int](3 * ONE)
    for number in range(5):
        verified.keep(digest(number), 100, number, 50.0)
    assert [verified.find(digest(number), 0.0) for number in range(5)] == [None, None, 2, 3, 4]
    assert len(verified) == 3


def test_a_token_that_is_kept_again_counts_once() -> None:
    verified = VerifiedTokens[int](3 * ONE)
    for until in (50.0, 60.0, 70.0, 80.0):
        verified.keep(digest(1), 100, 1, until)
    assert (len(verified), verified.find(digest(1), 79.0)) == (1, 1)
    verified.keep(digest(2), 100, 2, 50.0)
    assert len(verified) == 2


def test_what_is_too_large_is_not_kept() -> None:
    verified = VerifiedTokens[int](ONE)
    verified.keep(digest(1), 101, 1, 50.0)
    assert len(verified) == 0
    none = VerifiedTokens[int](0)
    none.keep(digest(1), 0, 1, 50.0)
    assert len(none) == 0


def test_one_can_be_forgotten() -> None:
    verified = VerifiedTokens[str](10 * ONE)
    for number in (1, 2):
        verified.keep(digest(number), 100, "alice", 50.0)
    verified.forget(digest(1))
    verified.forget(digest(3))
    assert verified.find(digest(1), 0.0) is None
    assert repr(verified) == f"VerifiedTokens(1 entries, {ONE} bytes)"


def test_all_can_be_forgotten() -> None:
    verified = VerifiedTokens[int](3 * ONE)
    for number in range(3):
        verified.keep(digest(number), 100, number, 50.0)
    verified.clear()
    assert repr(verified) == "VerifiedTokens(0 entries, 0 bytes)"


def size_of(value: object) -> int:
    whole = sys.getsizeof(value)
    if isinstance(value, dict):
        return whole + sum(size_of(each) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return whole + sum(map(size_of, value))
    return whole


@rows(
    ("claims", "times"),
    [
        ({f"k{number}": number + 2**40 for number in range(150)}, 1),
        ({"groups": [f"g{number}" for number in range(300)]}, 1),
        ({"text": "x" * 3000}, 1),
        ({}, 1),
        ({"nested": [{"a": 1, "b": 2} for _ in range(60)]}, 2),
        ({"empty": [{} for _ in range(1000)]}, 3),
    ],
)
def test_the_memory_is_estimated_well_enough(claims: dict[str, object], times: int) -> None:
    text = orjson.dumps(claims)
    token = len(text) * 4 // 3 + 400
    assert size_of(orjson.loads(text)) < times * (BASE_BYTES + BYTES_A_BYTE * token)
