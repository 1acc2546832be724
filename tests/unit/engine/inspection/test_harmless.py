from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.inspection.harmless import FORMATS, admits_harmless_only, is_harmless
from portcullis.engine.inspection.inspector import the_inspector


@rows(
    "pattern",
    [
        "^[a-z0-9-]+$",
        "^c-[0-9]+$",
        r"^\d{4}-\d{2}$",
        r"^\w+$",
        "^(?:EUR|USD)$",
        "^([A-Z]{3})?$",
        "^[a-f0-9]{32}$",
        "^a?b*c+?$",
    ],
)
def test_a_pattern_of_letters_digits_and_a_few_marks_is_harmless(pattern: str) -> None:
    assert admits_harmless_only(pattern)


@rows(
    "pattern",
    [
        *("[a-z]+", "^[a-z]+", "[a-z]+$", "^.+$", "^[^<>]+$", r"^\S+$", "^[a-z ]+$", "^[a-z/]+$", "^[ -~]+$", "^a|b$"),
        *("^(?:a|<b)$", "^$|^x", "^[a-z]+(?=x)$", "(", "^[\u00e4-\u00ff]+$", "", "^[a-z'-]+$"),
    ],
)
def test_a_pattern_that_lets_anything_else_through_is_not(pattern: str) -> None:
    assert not admits_harmless_only(pattern)


@rows(
    ("schema", "harmless"),
    [
        ({"format": "uuid"}, True),
        ({"format": "date-time"}, True),
        ({"format": "email"}, False),
        ({"format": "uri"}, False),
        ({"format": "password"}, False),
        ({"maxLength": 2}, True),
        ({"maxLength": 3}, False),
        ({"maxLength": 2.0}, False),
        ({"pattern": "^[a-z]+$"}, True),
        ({"pattern": "^.*$", "format": "date"}, True),
        ({}, False),
    ],
)
def test_a_schema_is_harmless_by_format_length_or_pattern(schema: dict[str, Any], harmless: bool) -> None:
    assert is_harmless(schema) is harmless


@rows(
    "text",
    [
        *("2024-05-31T12:30:00Z", "P3DT12H", "192.0.2.1", "2001:db8::1", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        *("Fri, 31 May 2024 12:30:00 GMT", "shop.example", ":aGVsbG8=:", "aGVsbG8/+w==", "-1.5e10", "?1"),
    ],
)
def test_nothing_is_found_in_what_harmless_formats_look_like(text: str) -> None:
    assert len(FORMATS) > 10
    assert the_inspector().find(text, "body") is None
