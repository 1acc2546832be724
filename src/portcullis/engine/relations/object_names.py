"""Objects named by what an exchange says: ``order:{response.id}``, ``order:{request.path.order_id}``.

A type, a colon, and the id: text with paths of rules in braces.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from pydantic import AfterValidator

from portcullis.engine.config.values import Meaning
from portcullis.engine.objects.parsing import parse_path
from portcullis.engine.objects.syntax import Path
from portcullis.engine.objects.tokens import RuleError

_WHOLE: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,63}):((?:[^{}]|\{[^{}]+\})+)")
_PART: Final = re.compile(r"\{([^{}]+)\}|([^{}]+)")
_MAX_LENGTH: Final = 500

Part: TypeAlias = Path | str
"""What is read, or what is written there."""


class ObjectName(msgspec.Struct, frozen=True):
    """How objects of ``type`` are named."""

    type: str
    parts: tuple[Part, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """What has to be read, in order."""
        return tuple(part for part in self.parts if isinstance(part, Path))


def parse_object_name(text: str) -> ObjectName:
    """The name that ``text`` says. Raises ``ValueError``, which says what would be right."""
    match = _WHOLE.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None:
        raise ValueError("a type and where the id is, such as order:{response.id}")
    parts: list[Part] = []
    for path, written in _PART.findall(match[2]):
        try:
            parts.append(parse_path(path) if path else written)
        except RuleError as error:
            raise ValueError(f"{{{path}}} is no path such as response.id: {error.message}") from None
    if any(isinstance(one, Path) and isinstance(other, Path) for one, other in pairwise(parts)):
        raise ValueError("something must stand between two parts in braces: 1 and 23 would be the same as 12 and 3")
    name = ObjectName(match[1], tuple(parts))
    if not name.paths:
        raise ValueError("where the id is stands in braces: order:{response.id}")
    return name


def as_part(value: Any) -> str | None:
    """``value`` as a part of an id; ``None`` for what can't be one."""
    if value.__class__ is int:
        return str(value)
    return value if isinstance(value, str) and value else None


def check_object_name(value: str) -> str:
    """``value`` if it names objects; raises ``ValueError``."""
    parse_object_name(value)
    return value


ObjectNameText = Annotated[
    str, AfterValidator(check_object_name), Meaning("the name of objects", "order:{response.id}")
]
"""Objects, named by what an exchange says."""
