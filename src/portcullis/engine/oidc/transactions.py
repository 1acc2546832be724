"""Logins that a browser has begun, in a cookie of that browser.

A login is one random secret. What goes to the provider is derived from it by HMAC, each value under its own name: the
``state`` that tells that the answer is for this browser (RFC 9700 4.7), the ``nonce`` that ties the ID token to it
(OpenID Connect Core 15.5.2) and the PKCE verifier, without which a stolen code is worth nothing (RFC 7636). None of
them tells another one. Since all is in the cookie, nobody can fill a memory of ours by beginning logins.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

import msgspec

from portcullis.engine.authentication.jose import base64url
from portcullis.engine.oidc.cookies import MAX_VALUE
from portcullis.engine.oidc.random_ids import as_text, new_id, read_id
from portcullis.engine.oidc.return_path import safe_return_path

LIFETIME_SECONDS: Final = 600
"""How long a user may take to log in at the provider."""
MAX_TRANSACTIONS: Final = 4
"""Logins that one browser may have under way, in several tabs; the oldest gives way."""
_BEGAN_DIGITS: Final = 11


class Transaction(msgspec.Struct, frozen=True):
    """One login: its ``secret``, when it ``began`` (Unix seconds), and the path to ``return_to``."""

    secret: bytes
    began: int
    return_to: str

    def __repr__(self) -> str:
        return f"Transaction(began={self.began})"

    @classmethod
    def begin(cls, now: float, return_to: str) -> Transaction:
        """A new one."""
        return cls(new_id(), int(now), return_to)

    @property
    def state(self) -> str:
        """What the provider must give back."""
        return self._derived(b"state")

    @property
    def nonce(self) -> str:
        """What the ID token must hold."""
        return self._derived(b"nonce")

    @property
    def verifier(self) -> str:
        """What the code is exchanged with."""
        return self._derived(b"pkce")

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier, by ``S256``."""
        return as_text(hashlib.sha256(self.verifier.encode()).digest())

    def holds(self, now: float) -> bool:
        """Whether it is not too old, at ``now`` in Unix seconds."""
        return -60 <= now - self.began < LIFETIME_SECONDS

    def _derived(self, purpose: bytes) -> str:
        return as_text(hmac.digest(self.secret, b"portcullis login " + purpose, "sha256"))


def write_transactions(transactions: Sequence[Transaction]) -> str:
    """The cookie's value: the latest first, as many as there is room for."""
    written, size = [], 0
    for each in transactions[:MAX_TRANSACTIONS]:
        entry = f"{as_text(each.secret)}~{each.began}~{as_text(each.return_to.encode())}"
        size += len(entry) + 1
        if size > MAX_VALUE:
            break
        written.append(entry)
    return ".".join(written)


def read_transactions(value: bytes, now: float, own: Sequence[str] = ()) -> list[Transaction]:
    """The logins in a cookie's ``value`` that hold at ``now``; what can't be read is left out.

    ``own``: see :func:`~portcullis.engine.oidc.return_path.safe_return_path`; a browser's user may write there what he
    likes, so the path is checked again.
    """
    if len(value) > MAX_VALUE:
        return []
    found = (_read(entry, own) for entry in value.split(b".")[:MAX_TRANSACTIONS])
    return [each for each in found if each is not None and each.holds(now)]


def find_transaction(transactions: Sequence[Transaction], state: str) -> Transaction | None:
    """The one with this ``state``. Takes the same time wherever it is."""
    found = None
    for each in transactions:
        if hmac.compare_digest(each.state.encode(), state.encode()):
            found = each
    return found


def _read(entry: bytes, own: Sequence[str]) -> Transaction | None:
    secret_text, _, rest = entry.partition(b"~")
    began, _, path_text = rest.partition(b"~")
    secret = read_id(secret_text)
    if secret is None or not began.isdigit() or len(began) > _BEGAN_DIGITS:
        return None
    return Transaction(secret, int(began), _path(path_text, own))


def _path(text: bytes, own: Sequence[str]) -> str:
    try:
        return safe_return_path(base64url.decode(text).decode(), own)
    except ValueError:
        return "/"
