"""How the gateway proves to an issuer's endpoint who it is: a secret, or an assertion that its key signs."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import Final
from urllib.parse import quote_plus

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from portcullis.engine.authentication.introspection_messages import IntrospectionSource
from portcullis.engine.token_service.forms import ASSERTION_TYPE

ASSERTION_SECONDS: Final = 60
_KEYS: Final[dict[str, type[RSAKey | ECKey | OKPKey]]] = {"RS": RSAKey, "PS": RSAKey, "ES": ECKey, "Ed": OKPKey}


class ClientProofError(Exception):
    """A secret can't be what it should be. The message tells why, and nothing of it."""


class ClientProof(msgspec.Struct, frozen=True):
    """What is sent beside a token: header ``fields``, and a part of the ``form``."""

    fields: dict[str, str]
    form: dict[str, str]

    def __repr__(self) -> str:
        return "ClientProof(***)"


Prove = Callable[[float], ClientProof]
"""Makes a proof at a time, in Unix seconds."""


def prover(source: IntrospectionSource, secret: bytes) -> Prove:
    """What makes the proofs of ``source``. Raises :class:`ClientProofError`."""
    if source.method == "private_key_jwt":
        return _asserting(source, secret)
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        raise ClientProofError("the secret is no text in UTF-8") from None
    if source.method == "client_secret_post":
        proof = ClientProof({}, {"client_id": source.client, "client_secret": text})
    else:  # both are encoded as in a form before (RFC 6749 2.3.1)
        pair = f"{quote_plus(source.client)}:{quote_plus(text)}".encode()
        proof = ClientProof({"authorization": f"Basic {base64.b64encode(pair).decode()}"}, {})
    return lambda _now: proof


def _asserting(source: IntrospectionSource, secret: bytes) -> Prove:
    header = {"alg": source.algorithm, **({"kid": source.kid} if source.kid else {})}
    try:
        text = secret.decode()
        key = _KEYS[source.algorithm[:2]].import_key(msgspec.json.decode(text) if text.lstrip()[:1] == "{" else text)
        jwt.encode(header, {}, key, algorithms=[source.algorithm])
    except (JoseError, ValueError, TypeError, KeyError):
        raise ClientProofError(
            f"the key is no private key for {source.algorithm}, in PEM or as a JSON web key"
        ) from None

    def prove(now: float) -> ClientProof:
        claims = {
            "iss": source.client,
            "sub": source.client,
            "aud": source.audience,
            "jti": secrets.token_urlsafe(16),
            "iat": int(now),
            "exp": int(now) + ASSERTION_SECONDS,
        }
        assertion = jwt.encode(header, claims, key, algorithms=[source.algorithm])
        form = {"client_id": source.client, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        return ClientProof({}, form)

    return prove
