"""What kind of content a body or a part of one is, for the way in which its texts are found.

A label is only believed where it makes things be looked at more closely. A body that is said to be an image is not
looked at because it is not text, not because it is said to be an image: what begins like text is looked at as text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

from portcullis.engine.media_type import MediaType, parse

Kind = Literal["json", "form", "xml", "multipart", "text", "other"]

_STRUCTURED: Final[dict[tuple[str, str], Kind]] = {
    ("application", "x-www-form-urlencoded"): "form",
    ("application", "xml"): "xml",
    ("text", "xml"): "xml",
    ("multipart", "form-data"): "multipart",
    ("multipart", "mixed"): "multipart",
    ("multipart", "related"): "multipart",
}
_TEXTS: Final = frozenset(
    (
        *("javascript", "ecmascript", "x-javascript", "graphql", "sql", "csv"),
        *("yaml", "x-yaml", "x-ndjson", "ndjson", "jsonl"),
        *("x-sh", "x-httpd-php", "toml", "jwt", "jose"),
    )
)
SNIFFED: Final = 512
"""Bytes at the beginning of content that are looked at to tell whether it is text."""
_NOT_TEXT: Final = bytes({*range(0x20)} - set(b"\t\n\r\f\x1b"))


@lru_cache(maxsize=256)
def kind_of(content_type: bytes | None) -> Kind:
    """The kind that a Content-Type says; ``other`` where it says nothing that is known, or is none."""
    try:
        return kind_of_type(parse((content_type or b"").decode("latin-1")))
    except ValueError:
        return "other"


def kind_of_type(actual: MediaType) -> Kind:
    """The kind of a media type."""
    if actual.is_json:
        return "json"
    structured = _STRUCTURED.get((actual.type, actual.subtype))
    if structured is not None:
        return structured
    if actual.subtype.endswith("+xml"):
        return "xml"
    return "text" if actual.type == "text" or actual.subtype in _TEXTS else "other"


def is_text(data: bytes) -> bool:
    """Whether ``data``, or what begins with it, is text by its first bytes: UTF-8 without control characters."""
    begin = data[:SNIFFED]
    if begin.translate(None, _NOT_TEXT) != begin:
        return False
    try:
        begin.decode()
    except UnicodeDecodeError as error:
        # A character may be cut at the end.
        return error.reason == "unexpected end of data" and error.end == len(begin)
    return True
