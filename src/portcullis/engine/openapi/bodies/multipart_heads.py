"""What the header fields of a part may say, by what its property is: whether it is a file, and of which type."""

from __future__ import annotations

from typing import Final

import msgspec

from portcullis.engine import media_type
from portcullis.engine.decision import shorten
from portcullis.engine.media_type import MediaType
from portcullis.engine.openapi.bodies.errors import BodyError
from portcullis.engine.openapi.bodies.file_names import fault_of_file_name
from portcullis.engine.openapi.bodies.multipart_wire import PartHead
from portcullis.engine.openapi.bodies.text_body import is_utf8
from portcullis.engine.openapi.multipart_reading import SpecPart

_MAX_NAME: Final = 60
_DEFAULTS: Final = {"text": "text/plain", "json": "application/json", "xml": "application/xml"}


def check_file_name(head: PartHead, spec: SpecPart, what: str) -> None:
    """See whether a part may have a file name, and one like this. ``what``: how the part is called."""
    name = head.file_name
    if name is None:
        return
    if spec.form == "text":
        # A service would take it for a file, and miss the value that was checked.
        detail = f"{what} is a value, not a file: it can't have a file name."
        raise BodyError("part", detail, path=(head.name,), found="a file name", allowed="none")
    if fault := fault_of_file_name(name):
        detail = f"The file name of the part {shorten(head.name, _MAX_NAME)} {fault}."
        raise BodyError("file_name", detail, path=(head.name,), found=shorten(name), allowed="a plain name")


def check_type(head: PartHead, spec: SpecPart, what: str) -> None:
    """See whether a part has one of the media types it may have. Without one it is what is declared."""
    if head.content_type is None and (not spec.types or spec.form != "bytes"):
        return
    text = "text/plain" if head.content_type is None else head.content_type  # RFC 7578 4.4
    try:
        actual = media_type.parse(text)
    except ValueError:
        raise _bad_type(what, head, "a media type") from None
    allowed = ", ".join(map(str, spec.types)) or _DEFAULTS.get(spec.form, "anything but multipart")
    if actual.is_range or actual.type == "multipart" or not _is_allowed(actual, spec):
        raise _bad_type(what, head, allowed)
    if spec.form != "bytes" and not is_utf8(actual):
        raise _bad_type(what, head, "UTF-8")


def _is_allowed(actual: MediaType, spec: SpecPart) -> bool:
    if spec.types:
        plain = msgspec.structs.replace(actual, parameters=())
        return any(msgspec.structs.replace(each, parameters=()).specificity(plain) for each in spec.types)
    match spec.form:
        case "text":
            return actual.essence == "text/plain"
        case "json":
            return actual.is_json or actual.essence == "text/plain"
        case _:
            return True


def _bad_type(what: str, head: PartHead, allowed: str) -> BodyError:
    found = shorten(head.content_type or "no Content-Type")
    detail = f"{what} has another Content-Type than declared: {allowed} is."
    return BodyError("part", detail, path=(head.name,), found=found, allowed=allowed)
