"""Parameters of a query, of which only some are looked at.

A provider may add any others to its answer, and they must be ignored (RFC 6749 4.1.2). One that is looked at stands
once: of two, somebody else may read the other one.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import unquote_plus

MAX_PARAMETERS: Final = 64
MAX_VALUE: Final = 4_096
"""Characters of a value: Microsoft's authorization codes come to some 1,500."""


class ParameterError(ValueError):
    """The query can't be read one way only. Repeats nothing of it."""


def read_parameters(query: str, wanted: Collection[str]) -> dict[str, str]:
    """Those in ``wanted``, by name; without those that have no value. Raises :class:`ParameterError`."""
    parts = query.split("&")
    if len(parts) > MAX_PARAMETERS:
        raise ParameterError(f"more than {MAX_PARAMETERS} parameters")
    found: dict[str, str] = {}
    for part in parts:
        encoded_name, _, encoded_value = part.partition("=")
        name = unquote_plus(encoded_name) if len(encoded_name) <= MAX_VALUE else ""
        if name not in wanted:
            continue
        if name in found:
            raise ParameterError(f"{name} stands more than once")
        found[name] = _decoded(encoded_value)
    return {name: value for name, value in found.items() if value}


def _decoded(encoded: str) -> str:
    if len(encoded) > 3 * MAX_VALUE:
        raise ParameterError(f"a value of more than {MAX_VALUE} characters")
    try:
        value = unquote_plus(encoded, errors="strict")
    except UnicodeDecodeError:
        raise ParameterError("a value that is not in UTF-8") from None
    if len(value) > MAX_VALUE or not value.isprintable():
        raise ParameterError(f"a value of more than {MAX_VALUE} characters, or with control characters")
    return value
