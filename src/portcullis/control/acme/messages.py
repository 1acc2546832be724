"""What the control process and the program that speaks ACME say to each other: one JSON document a line."""

from __future__ import annotations

from typing import Literal

import msgspec


class Authority(msgspec.Struct, frozen=True):
    """Who is asked. ``account``: the file of the account with it; ``ca``: a PEM file, ``None`` for the system's.

    ``key_id`` and ``key``: of the external account to which a new account is bound, empty without one.
    """

    name: str
    directory: str
    account: str
    contact: tuple[str, ...] = ()
    ca: str | None = None
    proxy: str | None = None
    key_id: str = ""
    key: str = ""
    profile: str | None = None

    def __repr__(self) -> str:
        return f"Authority({self.name})"


class AcmeOrder(msgspec.Struct, frozen=True):
    """What is to be done.

    ``obtain`` a certificate for ``names``, and write it with its key to the file ``certificate``;
    ``suggest``: ask when the one in that file should be renewed (RFC 9773); ``revoke`` it, for ``reason``. ``timeout``
    seconds that it may take in all.
    """

    what: Literal["obtain", "suggest", "revoke"]
    authority: Authority
    certificate: str
    names: tuple[str, ...] = ()
    challenge: str = "tls-alpn-01"
    dns_hook: tuple[str, ...] = ()
    dns_wait: float = 0.0
    key: str = "ec-256"
    reason: int = 0
    timeout: float = 180.0


class Present(msgspec.Struct, frozen=True, tag="present"):
    """An http-01 or tls-alpn-01 challenge: ``key`` (a token, or a name) has to be answered with ``value``."""

    challenge: str
    key: str
    value: str


class Suggested(msgspec.Struct, frozen=True, tag="suggested"):
    """The window, in Unix seconds, in which the authority would have the certificate renewed."""

    start: float
    end: float
    again_in: float | None = None
    why: str = ""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """It is done; of a suggestion: there is none."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """It could not be done; ``wait``: seconds that the authority asks to wait."""

    error: str
    wait: float = 0.0


Said = Present | Suggested | Done | Failed
Result = Suggested | Done | Failed
"""What the program says last."""
