"""Identity tokens: who calls, signed by a worker for the service behind it.

A signature costs more than all else about a request, so each is used for half of its token's life.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Final

from portcullis.engine.identity import Identity
from portcullis.engine.ports import Ports
from portcullis.engine.token_service.messages import IDENTITY_KEY, decode_identity_key
from portcullis.engine.token_service.random_ids import new_id
from portcullis.engine.token_service.signing import TokenSigner

TYPE: Final = "identity+jwt"
MAX_REMEMBERED: Final = 16_384
"""Tokens of one audience in one worker: some 1.5 KiB each."""


class IdentityTokens:
    """Gives tokens for ``audience`` that hold for ``lifetime`` seconds."""

    def __init__(self, audience: str, lifetime: float, ports: Ports) -> None:
        self._audience = audience
        self._lifetime = lifetime
        self._wall_s = ports.clock.wall_s
        self._issuer = ""
        self._signer: TokenSigner | None = None
        self._signed: OrderedDict[Hashable, tuple[float, bytes]] = OrderedDict()
        ports.topics.subscribe(IDENTITY_KEY, self._told)

    def __repr__(self) -> str:
        return f"IdentityTokens({self._audience}, {len(self._signed)} remembered)"

    def _told(self, message: bytes) -> None:
        """Sign with another key from now on; what the last one has signed holds on. Raises ``ValueError``."""
        key = decode_identity_key(message)
        self._signer = TokenSigner(key.algorithm, key.private, TYPE)
        if key.issuer != self._issuer:
            self._signed.clear()
        self._issuer = key.issuer

    def of(self, identity: Identity) -> tuple[float, bytes] | None:
        """The token that says who ``identity`` is, and until when (Unix seconds) it may be used.

        ``None`` where there is no key to sign with.
        """
        now = self._wall_s()
        key = (
            identity.name,
            identity.method,
            identity.subject,
            identity.issuer,
            identity.credential,
            identity.scopes,
            identity.roles,
            identity.actors,
        )
        found = self._signed.get(key)
        if found is not None and now < found[0]:
            return found
        if self._signer is None:
            return None
        made = now + self._lifetime / 2, self._signer.sign(self._claims(identity, now)).encode()
        self._signed[key] = made
        self._signed.move_to_end(key)
        if len(self._signed) > MAX_REMEMBERED:
            self._signed.popitem(last=False)
        return made

    def _claims(self, identity: Identity, now: float) -> dict[str, Any]:
        said: dict[str, Any] = {
            "iss": self._issuer,
            "sub": identity.subject,
            "aud": self._audience,
            "exp": math.floor(now + self._lifetime),
            "iat": math.floor(now),
            "jti": new_id(),
            "idp": identity.name or identity.method,
        }
        if identity.scopes:
            said["scope"] = " ".join(sorted(identity.scopes))
        if identity.roles:
            said["roles"] = sorted(identity.roles)
        if identity.issuer:
            said["idp_iss"] = identity.issuer
        if identity.credential:
            said["credential"] = identity.credential
        chain: dict[str, Any] = {}
        for actor in reversed(identity.actors):
            chain = {"sub": actor, **({"act": chain} if chain else {})}
        return {**said, "act": chain} if chain else said
