"""The public keys of clients that sign assertions, as they are registered: what can't be used is refused then.

Each key is for one algorithm: that of its curve, its own ``alg``, or RS256 (RFC 8725 3.1).
No assertion chooses another.
"""

from __future__ import annotations

from typing import Final

from portcullis.engine.authentication.jose.key_set import read_key_set
from portcullis.engine.authentication.jose.keys import PEM, read_pem

MAX_KEYS: Final = 8
"""Keys of one client: some for each place that it runs at, and the next ones."""
MAX_TEXT: Final = 32 * 1024
_PRIVATE: Final = b"PRIVATE KEY-----"


def read_client_keys(text: str) -> bytes:
    """What is kept of ``text``, a JWK set or one public key in PEM. Raises ``ValueError``, and repeats no secret."""
    content = text.encode().strip()
    if len(content) > MAX_TEXT:
        raise ValueError(f"keys of a client have at most {MAX_TEXT} bytes")
    if _PRIVATE in content:
        raise ValueError("that is a private key, which only the client has: give its public key")
    if content.startswith(PEM):
        try:
            read_pem(content)
        except ValueError as error:
            raise ValueError(f"the key can't be used: {error}") from None
        return content
    try:
        read = read_key_set(content)
    except ValueError as error:
        raise ValueError(f"that is neither a JWK set nor a public key in PEM: {error}") from None
    if read.keys.problems:
        raise ValueError("; ".join(read.keys.problems))
    if not 1 <= read.keys.size <= MAX_KEYS:
        raise ValueError(f"a client has between 1 and {MAX_KEYS} keys for signatures, not {read.keys.size}")
    return read.document
