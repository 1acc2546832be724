"""Who is calling: the identity that the authenticate phase establishes and all later phases read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_NO_CLAIMS: Final[Mapping[str, Any]] = {}


class Consumer(msgspec.Struct, frozen=True):
    """A party known to the gateway, with what the operator granted it.

    ``name`` is unique; ``plan`` names an entry of ``plans`` (or is empty); ``roles`` name entries of ``roles``.
    """

    name: str
    plan: str = ""
    roles: frozenset[str] = frozenset()


class Identity(msgspec.Struct, frozen=True):
    """One proven caller.

    ``method``: the policy kind that proved it (``api_key``); ``subject``: its stable name;
    ``credential``: the identifier of the credential used (a key's id, a token's ``jti``; never the secret);
    ``scopes``: what this credential may be used for; ``consumer``: the party it belongs to, with its roles;
    ``name``: the entry of ``identities`` that proved it; ``issuer``: who vouches for it, where that is somebody else;
    ``claims``: everything that was proven of it, as the credential says it; ``actors``: who acts for it, the caller
    first (the chain of ``act`` claims, RFC 8693 4.1); ``also``: what else was proven, where several credentials were
    asked for; ``expires``: until when the proof holds, in Unix seconds.
    """

    method: str
    subject: str
    credential: str = ""
    scopes: frozenset[str] = frozenset()
    consumer: Consumer | None = None
    name: str = ""
    issuer: str = ""
    claims: Mapping[str, Any] = _NO_CLAIMS
    actors: tuple[str, ...] = ()
    also: tuple[Identity, ...] = ()
    expires: float | None = None

    @property
    def roles(self) -> frozenset[str]:
        """The roles of its consumer."""
        return self.consumer.roles if self.consumer is not None else frozenset()


ANONYMOUS: Final = Identity(method="none", subject="")
