"""What browsers are answered at the paths of logging in and out. Nobody may keep any of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from portcullis.engine.decision import Answer

FieldList = Sequence[tuple[bytes, bytes]]
UNSTORED: Final = ((b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer"))
"""The addresses of these pages hold codes and states, which are nobody's business."""


def sent_to(url: str, *fields: tuple[bytes, bytes]) -> Answer:
    """On to ``url``, by ``GET`` (RFC 9110 15.4.4)."""
    return Answer(303, ((b"location", url.encode()), *UNSTORED, *fields))


def json_answer(document: Any, status: int = 200) -> Answer:
    """A document of JSON."""
    fields = ((b"content-type", b"application/json"), (b"x-content-type-options", b"nosniff"), *UNSTORED)
    return Answer(status, fields, msgspec.json.encode(document))


def error_answer(error: str, description: str, status: int = 400) -> Answer:
    """An error as OpenID providers read it."""
    return json_answer({"error": error, "error_description": description}, status)
