"""JSON: read whole, and one way only."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec
import orjson

from portcullis.engine.decision import shorten
from portcullis.engine.openapi.bodies.errors import BodyError, Path
from portcullis.engine.strict_json import DuplicateKeyError, JsonLimitError, Limits, MalformedJsonError, loads

_MAX_NAME = 60


class JsonBody(msgspec.Struct, frozen=True):
    """A JSON body. ``limits``: of what it may hold, whatever its schema is."""

    key: str
    limits: Limits
    is_held: ClassVar[Literal[True]] = True

    def read(self, data: bytes) -> tuple[Any, None]:
        """What the body says."""
        try:
            return loads(data, self.limits), None
        except MalformedJsonError as error:
            raise _translated(error, ()) from None

    def write(self, data: bytes, value: Any) -> bytes:  # noqa: ARG002
        """``value`` as JSON."""
        return orjson.dumps(value)


def read_json(data: bytes, limits: Limits, path: Path = ()) -> Any:
    """The value of the JSON text ``data``, which stands at ``path`` of a body. Raises :class:`BodyError`."""
    try:
        return loads(data, limits)
    except MalformedJsonError as error:
        raise _translated(error, path) from None


def _translated(error: MalformedJsonError, path: Path) -> BodyError:
    what = f"The part {shorten(path[0], _MAX_NAME)}" if path else "The body"
    if isinstance(error, DuplicateKeyError):
        name = shorten(error.name, _MAX_NAME)
        detail = f"The key {name} is given twice in one object."
        return BodyError("duplicate", detail, path=path, found=f"the key {name} twice", allowed="each key once")
    if isinstance(error, JsonLimitError):
        return BodyError("limit", f"{what} is not taken: {error}.", path=path, found=str(error), allowed=error.allowed)
    detail = f"{what} can't be read: {error}."
    return BodyError("malformed_json", detail, path=path, found=str(error), allowed="JSON (RFC 8259)")
