"""What a document declares as answers: by status, the media types and the schema of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.body_reading import SpecContent, read_content
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.references import follow

_STATUS: Final = re.compile(r"[1-5](?:[0-9]{2}|XX)|default")


class SpecResponse(msgspec.Struct, frozen=True, omit_defaults=True):
    """A declared answer. ``status``: ``"200"``, a range ``"2XX"`` or ``"default"``; ``headers``: names it declares.

    ``content``: the media types of its body; empty where the document declares no body.
    """

    status: str
    pointer: str
    content: tuple[SpecContent, ...] = ()
    headers: tuple[str, ...] = ()


def declared_responses(
    root: dict[str, Any], operation: str, problems: Problems
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Status, pointer and Response Object of each answer of the operation at the pointer ``operation``."""
    for key in pointers.look_up(root, operation).get("responses", {}):
        if key.startswith("x-"):
            continue
        here = pointers.join(operation, "responses", key)
        status = key.upper() if key != "default" else key
        if not _STATUS.fullmatch(status):
            problems.warning(here, f"{key[:40]} is no status that an answer could have", "200, 2XX or default")
            continue
        pointer, raw = follow(root, here, problems)
        if not isinstance(raw, dict):
            problems.error(here, "this is not a response")
            continue
        yield status, pointer, raw


def read_responses(root: dict[str, Any], operation: str, problems: Problems) -> Iterator[SpecResponse]:
    """The declared answers of the operation at the pointer ``operation``."""
    for status, pointer, raw in declared_responses(root, operation, problems):
        content = tuple(read_content(pointer, raw.get("content", {}), problems))
        yield SpecResponse(status, pointer, content, tuple(raw.get("headers", ())))
