"""What workers and the control process say to each other about the gateway's own tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

CALLS: Final = "token_service"
"""The topic of questions: a :class:`Call`, answered by a :class:`CallAnswer`."""
KEYS: Final = "token_service:keys"
"""The topic of :class:`PublishedKeys`; also of questions for them, which are empty."""
IDENTITY_KEY: Final = "token_service:identity"
"""The topic of the :class:`IdentityKey` that workers sign identity tokens with."""
REVOCATIONS: Final = "token_service:revocations"
"""The topic of :class:`Revocations`."""

EndpointName = Literal["token", "revoke", "introspect"]
ClientAuthentication = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]


class Call(msgspec.Struct, frozen=True, array_like=True):
    """A request to an endpoint: its ``parameters``, each once, and who says to send it.

    ``secret``: of the client; where it signs with a key (``private_key_jwt``) its assertion, which names it as well.
    """

    endpoint: EndpointName
    parameters: Mapping[str, str]
    client: str = ""
    secret: str = ""
    how: ClientAuthentication = "none"

    def __repr__(self) -> str:
        return f"Call({self.endpoint}, {self.client!r})"


class CallAnswer(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """``body``: JSON, or nothing; ``client``: who was proven to have asked; ``reason``: for the record, no secret."""

    status: int
    body: bytes = b""
    client: str = ""
    reason: str = ""

    def __repr__(self) -> str:
        return f"CallAnswer({self.status}, {self.client!r}, {self.reason!r})"


class PublishedKeys(msgspec.Struct, frozen=True, array_like=True):
    """``access`` and ``identity``: the JWK sets of tokens of ``issuer`` for clients, and for services."""

    issuer: str
    access: bytes
    identity: bytes


class IdentityKey(msgspec.Struct, frozen=True, array_like=True):
    """A private key (PKCS #8, DER) to sign identity tokens of ``issuer`` with."""

    issuer: str
    kid: str
    algorithm: str
    private: bytes

    def __repr__(self) -> str:
        return f"IdentityKey({self.kid})"


class Revoked(msgspec.Struct, frozen=True, array_like=True):
    """No token holds of which this is said, until all of them have ended anyway (``until``, in Unix seconds).

    ``id``: a ``jti``, a ``sid``, or :func:`of_client`; ``issued_by``: only those issued up to then (Unix seconds).
    """

    id: str
    until: float
    issued_by: float | None = None


class Revocations(msgspec.Struct, frozen=True, array_like=True):
    """All that is revoked, if it is ``whole``; else what was revoked since."""

    whole: bool
    revoked: Sequence[Revoked]


def of_client(client: str) -> str:
    """What all tokens of ``client`` are revoked by; no ``jti`` or ``sid`` is like it."""
    return f"client {client}"


encode = msgspec.msgpack.Encoder().encode
decode_call = msgspec.msgpack.Decoder(Call).decode
decode_answer = msgspec.msgpack.Decoder(CallAnswer).decode
decode_keys = msgspec.msgpack.Decoder(PublishedKeys).decode
decode_identity_key = msgspec.msgpack.Decoder(IdentityKey).decode
decode_revocations = msgspec.msgpack.Decoder(Revocations).decode
