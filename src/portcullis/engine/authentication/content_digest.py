"""The digest of a message's content in ``Content-Digest`` (RFC 9530 2): what ties a body to a signature of the head.

It is of the content as it was sent, content codings and all, so only a ``wire`` step can check it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import http_sf

from portcullis.engine.decision import shorten

FIELD: Final = b"content-digest"
MAX_FIELD: Final = 1_024
"""Bytes of the field; two digests take 160."""
ALGORITHMS: Final = {"sha-256": "sha256", "sha-512": "sha512"}
"""Those that are fit for use against an adversary (RFC 9530 5)."""


class DigestError(ValueError):
    """The content is not what the field says. The message tells why, and holds nothing of either."""


def check_digest(field: bytes, content: bytes) -> None:
    """Whether ``content`` is what ``field`` says. Raises :class:`DigestError`.

    Digests of other algorithms are passed over; of those known here there must be one, and all must be right.
    """
    known = 0
    for algorithm, said in _digests(field).items():
        name = ALGORITHMS.get(algorithm)
        if name is None:
            continue
        known += 1
        if not hmac.compare_digest(hashlib.new(name, content).digest(), said):
            raise DigestError(f"the {algorithm} of {len(content)} bytes is another one")
    if not known:
        raise DigestError(f"no digest by {' or '.join(ALGORITHMS)}")


def _digests(field: bytes) -> dict[str, bytes]:
    if len(field) > MAX_FIELD:
        raise DigestError(f"{len(field)} bytes, more than {MAX_FIELD}")
    twice: list[str] = []
    try:
        parsed = http_sf.parse(field, tltype="dictionary", on_duplicate_key=lambda key, _where: twice.append(key))
    except (ValueError, TypeError, IndexError) as error:
        raise DigestError(f"no dictionary (RFC 8941 3.2): {shorten(str(error), 60)}") from None
    digests: dict[str, bytes] = {}
    for name, member in parsed.items() if isinstance(parsed, dict) else ():
        value = member[0] if isinstance(member, tuple) else member
        if not isinstance(value, bytes):
            raise DigestError(f"{shorten(name, 40)} is no byte sequence")
        digests[name] = value
    if twice or not digests:
        raise DigestError("one algorithm twice" if twice else "no digest at all")
    return digests
