"""What a document declares as answers: by status, the media types and the schema of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.body_reading import SpecContent, read_content
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.references import follow


class SpecResponse(msgspec.Struct, frozen=True):
    """A declared answer. ``status``: ``"200"``, a range ``"2XX"`` or ``"default"``; ``headers``: names it declares.

    ``content``: the media types of its body; empty where the document declares no body.
    """

    status: str
    pointer: str
    content: tuple[SpecContent, ...] = ()
    headers: tuple[str, ...] = ()


def read_responses(root: dict[str, Any], operation: str, problems: Problems) -> Iterator[SpecResponse]:
    """The declared answers of the operation at the pointer ``operation``."""
    for status in pointers.look_up(root, operation).get("responses", {}):
        if status.startswith("x-"):
            continue
        pointer, raw = follow(root, pointers.join(operation, "responses", status), problems)
        if not isinstance(raw, dict):
            problems.error(pointer, "this is not a response")
            continue
        content = tuple(read_content(pointer, raw.get("content", {}), problems))
        yield SpecResponse(status, pointer, content, tuple(raw.get("headers", ())))
