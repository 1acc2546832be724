"""How schemas are compiled: as JSON Schema 2020-12, formats asserted, patterns in linear time, nothing fetched."""

from __future__ import annotations

from typing import Any, Final

import jsonschema_rs

MAX_PATTERN_SIZE: Final = 16 * 1024 * 1024
"""Bytes of one compiled pattern. AWS' tags, 256 characters of six classes of Unicode, have 12 MB."""

# RFC 5321 has addresses; what stands around them in a mail's head (Joe <joe@example.com>) is another format.
_EMAIL: Final = jsonschema_rs.EmailOptions(allow_display_text=False)
_PATTERNS: Final = jsonschema_rs.RegexOptions(size_limit=MAX_PATTERN_SIZE)


def compile_schema(
    schema: dict[str, Any] | bool | str,
    patterns: jsonschema_rs.RegexOptions | jsonschema_rs.FancyRegexOptions = _PATTERNS,
) -> jsonschema_rs.Validator:
    """The validator of ``schema``, a JSON value or JSON text; raises ``ValueError`` if it is no valid schema.

    It takes microseconds, and time linear in the value, however cleverly that is made.
    """
    return jsonschema_rs.Draft202012Validator(
        schema, offline=True, validate_formats=True, email_options=_EMAIL, pattern_options=patterns
    )
