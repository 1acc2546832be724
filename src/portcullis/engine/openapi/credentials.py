"""Where the security schemes of a document put credentials that are texts of the caller's: API keys (OpenAPI 4.8.27).

They are not declared as parameters, and are known to the document nevertheless.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.references import follow

_NOTHING: Final[frozenset[str]] = frozenset()


class KeyPlaces(msgspec.Struct, frozen=True):
    """Names of header ``fields`` (lower-case) and of ``cookies`` that any of a document's schemes puts a key into."""

    fields: frozenset[str] = _NOTHING
    cookies: frozenset[str] = _NOTHING


NOWHERE: Final = KeyPlaces()
"""Most documents have no such key: it is the same object for all of them, and all of their operations."""


def key_places(root: dict[str, Any], problems: Problems) -> KeyPlaces:
    """The places of all keys in the document ``root``, whichever of its operations ask for them.

    A browser that is logged in sends its cookie to all of them.
    """
    fields, cookies = set(), set()
    for library in ("/components/securitySchemes", "/securityDefinitions"):
        for scheme in _schemes(root, library, problems):
            name = scheme.get("name")
            if scheme.get("type") == "apiKey" and isinstance(name, str):
                if scheme.get("in") == "header":
                    fields.add(name.lower())
                elif scheme.get("in") == "cookie":
                    cookies.add(name)
    return KeyPlaces(frozenset(fields), frozenset(cookies)) if fields or cookies else NOWHERE


def _schemes(root: dict[str, Any], library: str, problems: Problems) -> Iterator[dict[str, Any]]:
    """The schemes below the pointer ``library``; what is wrong with others is told elsewhere."""
    try:
        schemes = pointers.look_up(root, library)
    except LookupError:
        return
    for name in schemes if isinstance(schemes, dict) else ():
        try:
            _, scheme = follow(root, pointers.join(library, name), problems)
        except (LookupError, ValueError):
            continue
        if isinstance(scheme, dict):
            yield scheme
