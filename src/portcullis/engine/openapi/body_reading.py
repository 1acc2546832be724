"""What a document declares as bodies: which media types, and the schema of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from portcullis.engine import media_type
from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.parameter_reading import not_validated
from portcullis.engine.openapi.problems import Problem, Problems
from portcullis.engine.openapi.references import follow


class SpecContent(msgspec.Struct, frozen=True):
    """One media type (or range) of a request body, and the JSON pointer of its schema, if it has one."""

    media_range: media_type.MediaType
    pointer: str
    schema: str | None

    @property
    def holds_json(self) -> bool:
        """Whether some of what the range holds is JSON."""
        return self.media_range.is_json or (
            self.media_range.type in ("application", "*") and self.media_range.subtype == "*"
        )


class SpecBody(msgspec.Struct, frozen=True):
    """The request body of an operation."""

    pointer: str
    required: bool
    content: tuple[SpecContent, ...]


def read_body(root: dict[str, Any], pointer: str, problems: Problems, unsupported: list[Problem]) -> SpecBody:
    """The request body of which the Request Body Object, or a reference to one, stands at ``pointer``.

    What is wrong with it is noted in ``problems``, what can't be validated in ``unsupported``.
    """
    pointer, raw = follow(root, pointer, problems)
    if not isinstance(raw, dict) or not isinstance(raw.get("content"), dict):
        problems.error(pointer, "this is not a request body")
        return SpecBody(pointer, required=False, content=())
    content = tuple(read_content(pointer, raw["content"], problems))
    if content and not any(each.holds_json for each in content):
        names = ", ".join(str(each.media_range) for each in content)
        message = f"a body of {names} can't be validated: only JSON is supported yet"
        unsupported.append(not_validated(pointers.join(pointer, "content"), message))
    for each in content:
        if not each.holds_json and any(other.holds_json for other in content):
            problems.warning(each.pointer, f"bodies of {each.media_range} are refused: only JSON is supported yet")
    return SpecBody(pointer, raw.get("required", False), content)


def read_content(owner: str, declared: dict[str, Any], problems: Problems) -> Iterator[SpecContent]:
    """Each media type of ``declared``, the ``content`` of the object at ``owner``."""
    for name, media in declared.items():
        here = pointers.join(owner, "content", name)
        try:
            media_range = media_type.parse(name)
        except ValueError:
            problems.error(here, f"{name[:80]} is not a media type or range")
            continue
        schema = pointers.join(here, "schema") if "schema" in media else None
        yield SpecContent(media_range, here, schema)
