from __future__ import annotations

import base64
import hashlib

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.oidc.cookies import MAX_VALUE
from portcullis.engine.oidc.transactions import (
    LIFETIME_SECONDS,
    MAX_TRANSACTIONS,
    Transaction,
    find_transaction,
    read_transactions,
    write_transactions,
)

NOW = 1_800_000_000.0


def some(count: int, path: str = "/a") -> list[Transaction]:
    return [Transaction.begin(NOW, f"{path}?{number}") for number in range(count)]


def test_what_is_written_is_read_and_found_by_its_state_alone() -> None:
    made = some(3)
    read = read_transactions(write_transactions(made).encode(), NOW)
    assert read == made
    for each in made:
        assert find_transaction(read, each.state) == each
        assert find_transaction(read, each.nonce) is None
    assert find_transaction(read, "") is None
    assert find_transaction([], made[0].state) is None
    assert find_transaction(read, "é") is None


def test_nothing_that_the_provider_is_told_tells_anything_else() -> None:
    [each] = some(1)
    told = {each.state, each.nonce, each.verifier, each.challenge}
    assert len(told) == 4
    assert {len(value) for value in told} == {43}
    digest = hashlib.sha256(each.verifier.encode()).digest()
    assert each.challenge == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert not any(value in repr(each) for value in told)


def test_the_oldest_give_way() -> None:
    made = some(MAX_TRANSACTIONS + 2)
    assert read_transactions(write_transactions(made).encode(), NOW) == made[:MAX_TRANSACTIONS]
    long = some(MAX_TRANSACTIONS, "/" + "a" * 1000)
    written = write_transactions(long)
    assert len(written) <= MAX_VALUE
    assert read_transactions(written.encode(), NOW) == long[:2]


def test_one_that_is_too_old_or_of_the_future_is_none() -> None:
    value = write_transactions(some(1)).encode()
    assert read_transactions(value, NOW + LIFETIME_SECONDS - 1)
    assert not read_transactions(value, NOW + LIFETIME_SECONDS + 1)
    assert not read_transactions(value, NOW - 61)


def test_a_path_that_was_written_in_is_checked_again() -> None:
    forged = Transaction(b"a" * 32, int(NOW), "//evil.example")
    assert read_transactions(write_transactions([forged]).encode(), NOW)[0].return_to == "/"
    own = Transaction(b"a" * 32, int(NOW), "/login")
    assert read_transactions(write_transactions([own]).encode(), NOW, ["/login"])[0].return_to == "/"


@rows(
    "value",
    [
        b"",
        b".",
        b"~~",
        b"A" * 43,
        b"A" * 43 + b"~x~Lw",
        b"A" * 43 + b"~-1~Lw",
        b"A" * 43 + b"~\xb2~Lw",
        b"A" * (MAX_VALUE + 1),
    ],
)
def test_what_can_not_be_read_is_left_out(value: bytes) -> None:
    assert read_transactions(value, NOW) == []


@given(st.binary(max_size=200))
def test_whatever_a_cookie_holds_nothing_is_raised(value: bytes) -> None:
    read_transactions(value, NOW)
