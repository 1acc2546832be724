"""Who is calling: the identity that the authenticate phase establishes and all later phases read."""

from __future__ import annotations

from typing import Final

import msgspec


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
    ``credential``: the identifier of the credential used (a key's id, never the key);
    ``scopes``: what this credential may be used for; ``consumer``: the party it belongs to, if known.
    """

    method: str
    subject: str
    credential: str = ""
    scopes: frozenset[str] = frozenset()
    consumer: Consumer | None = None


ANONYMOUS: Final = Identity(method="none", subject="")
