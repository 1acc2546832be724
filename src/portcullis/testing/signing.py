"""Signed requests for tests: the fields that a caller would add, by HMAC or by HTTP message signatures (RFC 9421).

Written from the descriptions alone, so that it does not share a mistake with what verifies::

    fields = hmac_fields(secret, key="acme", time=now, nonce="n" * 16, method="GET", host="shop", target="/orders?a=1")
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence


def content_digest(body: bytes, algorithm: str = "sha-256") -> str:
    """The value of ``Content-Digest`` for ``body`` (RFC 9530)."""
    digest = hashlib.new(algorithm.replace("-", ""), body).digest()
    return f"{algorithm}=:{base64.b64encode(digest).decode()}:"


def hmac_credential(
    secret: bytes,
    *,
    key: str,
    time: int,
    nonce: str,
    method: str,
    host: str,
    target: str,
    fields: Sequence[tuple[str, str]] = (("content-type", ""), ("content-encoding", "")),
    digest: str = "",
    algorithm: str = "sha256",
) -> str:
    """The value of ``Authorization`` of a request that is signed by HMAC; see the policy ``authenticate.hmac``."""
    lines = ["portcullis-hmac-1", key, str(time), nonce, method, host, target]
    lines += [f"{name}:{value}" for name, value in (*fields, ("content-digest", digest))]
    signature = base64.b64encode(hmac.digest(secret, "\n".join(lines).encode(), algorithm)).decode()
    return f'HMAC-{algorithm.upper()} key="{key}", time="{time}", nonce="{nonce}", signature="{signature}"'


def message_signature(
    sign: Callable[[bytes], bytes],
    components: Sequence[tuple[str, str]],
    parameters: Mapping[str, int | str],
    label: str = "sig1",
) -> tuple[str, str]:
    """The values of ``Signature-Input`` and ``Signature`` (RFC 9421) over ``components``: identifiers, and values.

    An identifier is written as it stands in the signature base: ``"@method"`` with its quotes.
    """
    said = "".join(
        f";{name}={value}" if isinstance(value, int) else f';{name}="{value}"' for name, value in parameters.items()
    )
    inner = f"({' '.join(identifier for identifier, _ in components)}){said}"
    base = "".join(f"{identifier}: {value}\n" for identifier, value in components) + f'"@signature-params": {inner}'
    return f"{label}={inner}", f"{label}=:{base64.b64encode(sign(base.encode('latin-1'))).decode()}:"
