from __future__ import annotations

from pathlib import Path

import argon2
import pytest
from rows import rows

from portcullis.control.users.passwords import PasswordHasher, PasswordRules, check_hash, normalised

SALT = "c29tZXNhbHRzb21lc2FsdA"
TAG = "pWxKL3FiNYsIPBZBJKBlFBA5lzBKXoOd0lAyPqSzfXk"
HASH = f"$argon2id$v=19$m=65536,t=3,p=4${SALT}${TAG}"


@pytest.mark.slow
def test_the_parameters_are_the_second_recommended_ones_of_rfc_9106() -> None:
    made = PasswordHasher().hash("correct horse battery")
    assert made.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    check_hash(made)


def test_a_password_is_the_one_of_its_hash_and_of_no_other(hasher: PasswordHasher) -> None:
    made = hasher.hash("correct horse battery")
    assert hasher.verify(made, "correct horse battery")
    assert not hasher.verify(made, "correct horse batter")
    assert not hasher.verify(hasher.hash("another one it is"), "correct horse battery")
    assert hasher.hash("correct horse battery") != made


def test_nobody_has_a_password_not_even_the_one_that_is_tried_for_him(hasher: PasswordHasher) -> None:
    assert not hasher.verify(None, "a password that nobody has")
    assert not hasher.verify(None, "correct horse battery")


def test_a_hash_that_can_not_be_read_is_nobodys(hasher: PasswordHasher) -> None:
    assert not hasher.verify("nonsense", "correct horse battery")


def test_what_two_keyboards_write_differently_is_one_password(hasher: PasswordHasher) -> None:
    assert hasher.verify(hasher.hash("caf\u00e9 au lait, s'il"), "cafe\u0301 au lait, s'il")
    assert normalised("e\u0301") == "\u00e9"


def test_a_hash_of_other_parameters_is_outdated(hasher: PasswordHasher) -> None:
    assert not hasher.is_outdated(hasher.hash("correct horse battery"))
    assert hasher.is_outdated(HASH)


@rows(
    "password",
    ["correct horse", "twelve chars", "x" * 256, "пароль подлиннее", "  spaces count  ", "alice in wonderland"],
    ids=ascii,
)
def test_length_is_enough(password: str) -> None:
    PasswordRules().check("alice", password)


@rows(
    ("password", "complaint"),
    [
        ("eleven char", "at least 12 characters"),
        ("", "at least 12 characters"),
        ("e\u0301" * 11, "at least 12 characters"),
        ("x" * 257, "at most 256 characters"),
        ("with a\ttab in it", "no control characters"),
        ("with a break\n", "no control characters"),
        ("alicealicealice", "more than the user's name"),
        ("AliceAlice12345", "more than the user's name"),
    ],
    ids=ascii,
)
def test_what_is_no_password_is_refused_without_repeating_it(password: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        PasswordRules().check("alice", password)
    assert not password or password not in str(caught.value)


def test_the_least_length_can_be_another() -> None:
    PasswordRules(8).check("alice", "eightchr")
    with pytest.raises(ValueError, match="at least 15"):
        PasswordRules(15).check("alice", "fourteen chars")


def test_passwords_of_a_list_are_not_taken_in_whatever_case(tmp_path: Path) -> None:
    (tmp_path / "common.txt").write_bytes(b"password1234\r\nCafe\xcc\x81 au lait noir\n\xff\xfe\nlast one here")
    rules = PasswordRules.of(12, "common.txt", tmp_path)
    for common in ("Password1234", "café au lait NOIR", "last one here"):
        with pytest.raises(ValueError, match="too common"):
            rules.check("alice", common)
    rules.check("alice", "password1234!")
    with pytest.raises(OSError, match="No such file"):
        PasswordRules.of(12, "missing.txt", tmp_path).check("alice", "correct horse")


def test_an_argon2id_hash_can_be_imported() -> None:
    check_hash(HASH)
    check_hash(HASH.replace("m=65536,t=3,p=4", "m=19456,t=2,p=1"))


@rows(
    ("hashed", "complaint"),
    [
        ("", "argon2id hash"),
        ("correct horse battery", "argon2id hash"),
        ("$2b$12$abcdefghijklmnopqrstuv", "argon2id hash"),
        (HASH.replace("argon2id", "argon2i"), "argon2id, version 19"),
        (HASH.replace("v=19", "v=16"), "argon2id, version 19"),
        (HASH.replace("m=65536", "m=1024"), "m is between"),
        (HASH.replace("m=65536", "m=4194304"), "m is between"),
        (HASH.replace("t=3", "t=1000"), "t is between"),
        (HASH.replace("p=4", "p=64"), "p is between"),
        (HASH.replace(SALT, "c2FsdA"), "a salt of at least 8 bytes"),
        (HASH.replace(TAG, "pWxKL3FiNYs"), "16 to 64 bytes"),
    ],
)
def test_a_hash_that_is_too_cheap_too_dear_or_none_is_refused(hashed: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        check_hash(hashed)


@pytest.mark.slow
def test_hashes_that_pass_can_be_verified() -> None:
    made = argon2.PasswordHasher(1, 7 * 1024, 1).hash("correct horse battery")
    check_hash(made)
    assert PasswordHasher().verify(made, "correct horse battery")
