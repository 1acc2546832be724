"""Credentials in a query string: found as the service behind the gateway would find them, and taken out again.

Only ``&`` separates parameters here, and names are percent-decoded before they are compared: a credential that
hides behind ``api%5Fkey`` is still one, and must not reach the service or count as absent. The names looked for
have no ``%`` themselves.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import unquote_plus


def credential_values(query: str, name: str) -> list[str]:
    """The decoded values of every parameter ``name`` of the raw ``query``, in order."""
    if name not in query and "%" not in query:
        return []
    parameters = [part.partition("=") for part in query.split("&")]
    return [unquote_plus(value) for written, _, value in parameters if _reads(written, name)]


def without_credentials(query: str, names: Collection[str]) -> str:
    """``query`` without the parameters in ``names``; everything else stays as it was written.

    Gives the same object back where there is nothing to take out.
    """
    if "%" not in query and not any(name in query for name in names):
        return query
    parts = query.split("&")
    kept = [part for part in parts if not any(_reads(part.partition("=")[0], name) for name in names)]
    return query if len(kept) == len(parts) else "&".join(kept)


def _reads(written: str, name: str) -> bool:
    """Whether a service reads ``written`` as ``name``."""
    if "%" not in written and "+" not in written:
        return written == name
    # Each percent code stands for one octet: only what has the right length is worth the decoding, which is dear.
    return len(written) - 2 * written.count("%") == len(name.encode()) and unquote_plus(written) == name
