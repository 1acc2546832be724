"""Why a body can't be read, whatever kind of body it is."""

from __future__ import annotations

from typing import Literal

Fault = Literal[
    "malformed", "malformed_json", "limit", "duplicate", "undeclared", "missing", "type", "value", "part", "file_name"
]
Path = tuple[str | int, ...]


class BodyError(ValueError):
    """A body can't be read, or one of its parts is not what is declared.

    ``fault``: what is wrong: it is not of its media type (``malformed``, ``malformed_json``), exceeds a ``limit``, has
    something twice (``duplicate``), has what is ``undeclared``, lacks something (``missing``), holds a value of another
    ``type`` or a ``value`` that is not allowed, has a ``part`` that is not as it must be, or a ``file_name`` that could
    do harm. ``detail``: a sentence for the client, which repeats no values; ``path``: where in it; ``found``: what was
    there; ``allowed``: what would be right; ``source``: the JSON pointer into the document, if that says so.
    """

    def __init__(
        self, fault: Fault, detail: str, *, path: Path = (), found: str = "", allowed: str = "", source: str = ""
    ) -> None:
        super().__init__(detail)
        self.fault: Fault = fault
        self.detail = detail
        self.path = path
        self.found = found
        self.allowed = allowed
        self.source = source


class UnfitError(ValueError):
    """A part of a body, at ``path``, does not fit the schema that the checker calls ``key``: its value is ``value``."""

    def __init__(self, key: str, value: object, path: Path) -> None:
        super().__init__("a part does not fit its schema")
        self.key = key
        self.value = value
        self.path = path
