"""How schemas are compiled: as JSON Schema 2020-12, formats asserted, patterns in linear time, nothing fetched."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import jsonschema_rs

# RFC 5321 has addresses; what stands around them in a mail's head (Joe <joe@example.com>) is another format.
_EMAIL: Final = jsonschema_rs.EmailOptions(allow_display_text=False)
_PATTERNS: Final = jsonschema_rs.RegexOptions()


def compile_schema(schema: dict[str, Any] | bool | str) -> jsonschema_rs.Validator:
    """The validator of ``schema``, a JSON value or JSON text; raises ``ValueError`` if it is no valid schema.

    It takes microseconds, and time linear in the value, however cleverly that is made.
    """
    return jsonschema_rs.Draft202012Validator(
        schema, offline=True, validate_formats=True, email_options=_EMAIL, pattern_options=_PATTERNS
    )


@lru_cache(maxsize=4096)
def is_linear(pattern: str) -> bool:
    """Whether ``pattern`` (ECMA-262) can be matched in linear time: without lookaround and backreferences."""
    try:
        compile_schema({"pattern": pattern})
    except ValueError:
        return False
    return True
