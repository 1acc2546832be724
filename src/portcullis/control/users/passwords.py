"""Passwords: what they must be, and their argon2id hashes (RFC 9106).

The parameters are the second recommended ones of RFC 9106 4: 64 MiB, 3 passes, 4 lanes. One hash costs 150 ms of CPU
where this was measured (19 MiB and 2 passes, the least that OWASP takes, cost 18 ms). That is dear, and bearable since
hashes are computed rarely and two at a time (:mod:`portcullis.control.users.checking`).

A password is text in Unicode's normalisation form C (RFC 8265 4.2): what two keyboards write differently is the same
password. Rules of composition are not asked for, length is, and that it is not known to be common (NIST SP 800-63B).
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Final

import argon2
import msgspec
from argon2.low_level import Type

DEFAULT_MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 256
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MEMORY_KIB: Final = range(7 * 1024, 1024 * 1024 + 1)
_PASSES: Final = range(1, 21)
_LANES: Final = range(1, 17)
_DUMMY: Final = "a password that nobody has"


class PasswordRules(msgspec.Struct, frozen=True):
    """What new passwords must be. ``deny_list``: the path of a file with passwords that are not taken, one a line."""

    min_length: int = DEFAULT_MIN_LENGTH
    deny_list: str | None = None

    @classmethod
    def of(cls, min_length: int, deny_list: str | None, folder: Path) -> PasswordRules:
        """The rules that a configuration file in ``folder`` says."""
        return cls(min_length, None if deny_list is None else str(folder / deny_list))

    def check(self, user: str, password: str) -> None:
        """Raise ``ValueError`` where ``password`` may not be that of ``user``. Raises ``OSError`` for the list.

        It never says anything of the password but what is wrong with it.
        """
        text = normalised(password)
        if len(text) < self.min_length:
            raise ValueError(f"a password has at least {self.min_length} characters")
        if len(text) > MAX_LENGTH:
            raise ValueError(f"a password has at most {MAX_LENGTH} characters")
        if _CONTROLS.search(text):
            raise ValueError("a password has no control characters, such as tabs and line breaks")
        if len(text.casefold().replace(user.casefold(), "")) < self.min_length // 2:
            raise ValueError("a password is more than the user's name with a little added")
        if self.deny_list is not None and _lists(Path(self.deny_list), text.casefold()):
            raise ValueError("this password is too common: it is in the list of those that are not taken")


class PasswordHasher:
    """Makes and verifies hashes, in the thread that asks."""

    def __init__(self, parameters: argon2.Parameters = argon2.profiles.RFC_9106_LOW_MEMORY) -> None:
        self._hasher = argon2.PasswordHasher.from_parameters(parameters)
        self._nobodys = ""

    def hash(self, password: str) -> str:
        """The hash of ``password``, with a salt of its own, in the PHC string format."""
        return self._hasher.hash(normalised(password))

    def verify(self, hashed: str | None, password: str) -> bool:
        """Whether ``password`` is the one of ``hashed``. With ``None`` (no such user) it takes as long, and is not."""
        if not self._nobodys:  # for the first one, whoever it is
            self._nobodys = self._hasher.hash(_DUMMY)
        try:
            right = self._hasher.verify(self._nobodys if hashed is None else hashed, normalised(password))
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHash):
            return False
        return right and hashed is not None

    def is_outdated(self, hashed: str) -> bool:
        """Whether ``hashed`` was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(hashed)


def check_hash(hashed: str) -> None:
    """Raise ``ValueError`` unless ``hashed`` is an argon2id hash that is neither too cheap nor too dear to verify."""
    try:
        found = argon2.extract_parameters(hashed)
    except (argon2.exceptions.InvalidHash, ValueError):
        raise ValueError("a password is written as its argon2id hash: $argon2id$v=19$m=65536,t=3,p=4$...") from None
    if found.type is not Type.ID or found.version != argon2.low_level.ARGON2_VERSION:
        raise ValueError("a password's hash is argon2id, version 19")
    for what, value, allowed in (
        ("m", found.memory_cost, _MEMORY_KIB),
        ("t", found.time_cost, _PASSES),
        ("p", found.parallelism, _LANES),
    ):
        if value not in allowed:
            raise ValueError(f"a hash's {what} is between {allowed[0]} and {allowed[-1]}, not {value}")
    if found.salt_len < 8 or not 16 <= found.hash_len <= 64:
        raise ValueError("a hash has a salt of at least 8 bytes, and 16 to 64 bytes itself")


def normalised(password: str) -> str:
    """``password`` as it is hashed."""
    return unicodedata.normalize("NFC", password)


def _lists(path: Path, text: str) -> bool:
    with path.open(encoding="utf-8", errors="replace") as lines:
        return any(normalised(line.rstrip("\r\n")).casefold() == text for line in lines)
