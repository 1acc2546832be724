from __future__ import annotations

import hashlib
import re
import secrets
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.api_key_format import (
    CHECKSUM_LENGTH,
    ID_LENGTH,
    KEY_LENGTH,
    PATTERN,
    SECRET_LENGTH,
    ApiKey,
    is_id,
    is_well_formed,
    mask,
    mint,
)

BASE62 = string.digits + string.ascii_letters
keys = st.builds(
    lambda public_id, secret: mint(lambda n: public_id if n == 36**ID_LENGTH else secret),
    st.integers(0, 36**ID_LENGTH - 1),
    st.integers(0, 62**SECRET_LENGTH - 1),
)


@given(keys)
def test_every_key_that_is_made_is_well_formed(key: ApiKey) -> None:
    text = key.reveal()
    assert len(text) == KEY_LENGTH
    assert is_well_formed(text.encode())
    assert re.fullmatch(PATTERN, text)
    assert text.startswith(f"pcl_{key.id}_")
    assert is_id(key.id)
    assert key.digest == hashlib.sha256(text.encode()).digest()


@given(keys, st.integers(0, KEY_LENGTH - 1), st.sampled_from(BASE62 + "_-. "))
def test_a_change_of_any_single_character_is_found(key: ApiKey, place: int, character: str) -> None:
    text = key.reveal()
    changed = text[:place] + character + text[place + 1 :]
    assert is_well_formed(changed.encode()) == (changed == text)


@given(keys, st.integers(0, KEY_LENGTH - 2))
def test_two_neighbours_that_change_places_are_found(key: ApiKey, place: int) -> None:
    text = key.reveal()
    changed = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    assert is_well_formed(changed.encode()) == (changed == text)


@given(st.binary(max_size=2 * KEY_LENGTH))
def test_arbitrary_bytes_are_no_key(junk: bytes) -> None:
    assert not is_well_formed(junk)


@rows(("before", "after"), [("", "\n"), ("", "\0"), (" ", ""), ("", " "), ("x", ""), ("", "٣")])
def test_a_key_with_something_around_it_is_no_key(before: str, after: str) -> None:
    text = mint(secrets.randbelow).reveal()
    assert not is_well_formed(f"{before}{text}{after}".encode())


def test_the_secret_has_256_bits() -> None:
    assert 62**SECRET_LENGTH >= 2**256


def test_the_extremes_of_the_random_numbers_make_keys_of_the_same_length() -> None:
    lowest, highest = mint(lambda _n: 0), mint(lambda n: n - 1)
    assert lowest.reveal()[:-CHECKSUM_LENGTH] == "pcl_00000000_" + 43 * "0"
    assert highest.reveal()[:-CHECKSUM_LENGTH] == "pcl_zzzzzzzz_" + 43 * "z"


def test_the_format_stays_as_it_is() -> None:
    # Scanners of other people know it: what is a key today must be one for good.
    assert is_well_formed(b"pcl_c0000000_KfKfKfKfKfKfKfKfKfKfKfKfKfKfKfKfKfKfKfKfKfK46Jd7K")


@given(keys)
def test_a_key_is_not_in_its_representations(key: ApiKey) -> None:
    secret = key.reveal().rpartition("_")[2]
    for shown in (repr(key), str(key), f"{key}", f"{[key]}"):
        assert secret not in shown
        assert key.id in shown


def test_only_keys_can_be_wrapped() -> None:
    with pytest.raises(ValueError, match=r"^not an API key$"):
        ApiKey("pcl_hunter2")


@rows("text", ["", "abcdefg", "abcdefghi", "ABCDEFGH", "abcdefg\n", "abcdefgh\n", "abc/efgh", "٣bcdefgh"])
def test_what_is_no_id(text: str) -> None:
    assert not is_id(text)


@given(st.text(max_size=20), keys, st.text(max_size=20), keys)
def test_keys_in_text_are_masked(before: str, first: ApiKey, between: str, second: ApiKey) -> None:
    masked = mask(f"{before}{first.reveal()}{between}{second.reveal()}")
    assert first.reveal()[-40:] not in masked
    assert second.reveal()[-40:] not in masked
    assert f"pcl_{first.id}_***" in masked
