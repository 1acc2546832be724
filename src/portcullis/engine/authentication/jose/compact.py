"""The compact form of a signed token (RFC 7515 7.1), read within bounds before anything is computed from it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from portcullis.engine import strict_json
from portcullis.engine.authentication.jose import base64url
from portcullis.engine.authentication.jose.errors import MALFORMED_TOKEN, ForeignTokenError, TokenError
from portcullis.engine.decision import shorten

MAX_TOKEN: Final = 16 * 1024
"""Bytes of a token; nginx and Node take heads of that size, and tokens that list groups come near to it."""
MAX_KID: Final = 1024
"""Characters of a key's name."""
_LIMITS: Final = strict_json.Limits(depth=6, keys=64, string=8_192, digits=64)
_FORM: Final = "three parts in base64url, the first two of them JSON objects"


class Header(msgspec.Struct, frozen=True):
    """What of a header decides something; all else in it is ignored, and nothing that it points to is fetched.

    ``type``: ``typ`` in lower case and without ``application/`` (RFC 7515 4.1.9), empty where there is none.
    """

    algorithm: str
    kid: str | None = None
    type: str = ""


def split(token: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Header, payload and signature of a signed token, still encoded, and before them what was signed.

    Raises :class:`TokenError`, for something that is no such token :class:`ForeignTokenError`.
    """
    if len(token) > MAX_TOKEN:
        raise TokenError(MALFORMED_TOKEN, f"{len(token)} bytes", f"at most {MAX_TOKEN} bytes")
    signed, _, signature = token.rpartition(b".")
    header, dot, payload = signed.partition(b".")
    if not dot or b"." in payload:
        raise ForeignTokenError(MALFORMED_TOKEN, f"{token.count(b'.') + 1} parts in {len(token)} bytes", _FORM)
    return signed, header, payload, signature


def read_header(encoded: bytes) -> Header:
    """The header of a signed token. Raises :class:`TokenError`; :class:`ForeignTokenError` where it is none at all."""
    header = header_object(encoded)
    # No extension is understood; ``b64`` is one that tokens must not use (RFC 7797 7).
    for extension in ("crit", "b64"):
        if extension in header:
            raise TokenError(MALFORMED_TOKEN, f"the header has {extension}", "a header without extensions")
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "")
    if not isinstance(algorithm, str) or not isinstance(kind, str) or not (kid is None or isinstance(kid, str)):
        raise TokenError(MALFORMED_TOKEN, "alg, kid or typ of the header is no text", "text")
    if kid is not None and len(kid) > MAX_KID:
        raise TokenError(MALFORMED_TOKEN, f"a kid of {len(kid)} characters", f"at most {MAX_KID}")
    return Header(algorithm, kid, media_type(kind))


def read_claims(encoded: bytes) -> dict[str, Any]:
    """The payload of a token: its claims. Raises :class:`TokenError`."""
    try:
        claims = strict_json.loads(base64url.decode(encoded))  # the token's size is limit enough
    except ValueError as error:
        raise TokenError(MALFORMED_TOKEN, f"the payload: {shorten(str(error), 80)}", _FORM) from None
    if type(claims) is not dict:
        raise TokenError(MALFORMED_TOKEN, "the payload is no JSON object", _FORM)
    return claims


def header_object(encoded: bytes) -> dict[str, Any]:
    """The JSON object that a header is, without repeated names (RFC 7515 4).

    Raises :class:`ForeignTokenError`: what has another header is no token of this kind at all.
    """
    try:
        header = strict_json.loads(base64url.decode(encoded), _LIMITS)
    except ValueError as error:
        raise ForeignTokenError(MALFORMED_TOKEN, f"the header: {shorten(str(error), 80)}", _FORM) from None
    if type(header) is not dict:
        raise ForeignTokenError(MALFORMED_TOKEN, "the header is no JSON object", _FORM)
    return header


def media_type(kind: str) -> str:
    """``typ`` and ``cty`` as they are compared: case does not matter, ``application/`` may be left out."""
    return kind.lower().removeprefix("application/")
