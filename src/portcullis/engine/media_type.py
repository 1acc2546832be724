"""Media types and ranges by RFC 9110 (8.3.1 and 12.5.1), as content of requests and of OpenAPI documents."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"  # noqa: S105
_QUOTED: Final = r'"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*)"'
_TYPE: Final = re.compile(rf"[ \t]*+({_TOKEN})/({_TOKEN})")
_PARAMETER: Final = re.compile(rf"[ \t]*+;[ \t]*+(?:({_TOKEN})=(?:({_TOKEN})|{_QUOTED}))?")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_MAX_LENGTH: Final = 512
_MAX_PARAMETERS: Final = 16


class MediaType(msgspec.Struct, frozen=True):
    """A media type, or (where ``subtype`` or both are ``*``) a range of them.

    ``type``, ``subtype`` and the names in ``parameters`` are lower-case; parameter values are unquoted, and
    that of ``charset`` is lower-case too (RFC 9110 8.3.2: it is case-insensitive).
    """

    type: str
    subtype: str
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def is_json(self) -> bool:
        """``application/json``, the older ``text/json``, or any type with the suffix ``+json`` (RFC 6839)."""
        return (self.subtype == "json" and self.type in ("application", "text")) or self.subtype.endswith("+json")

    @property
    def is_xml(self) -> bool:
        """``application/xml``, ``text/xml``, or any type with the suffix ``+xml`` (RFC 7303)."""
        return self.essence in ("application/xml", "text/xml") or self.subtype.endswith("+xml")

    @property
    def essence(self) -> str:
        """Type and subtype without parameters: ``text/plain``."""
        return f"{self.type}/{self.subtype}"

    @property
    def is_range(self) -> bool:
        """Whether it stands for more than one media type."""
        return "*" in self.subtype or self.type == "*"

    def parameter(self, name: str) -> str | None:
        """The value of parameter ``name`` (lower-case), or ``None``."""
        return next((value for key, value in self.parameters if key == name), None)

    def specificity(self, actual: MediaType) -> int:
        """How closely this range fits ``actual``: 0 if it does not, more the more it says."""
        if self.type not in ("*", actual.type) or self.subtype not in ("*", actual.subtype):
            return 0
        if any(parameter not in actual.parameters for parameter in self.parameters):
            return 0
        return 1 + (self.type != "*") + (self.subtype != "*") + len(self.parameters)

    def __str__(self) -> str:
        return f"{self.type}/{self.subtype}" + "".join(f";{name}={value}" for name, value in self.parameters)


@lru_cache(maxsize=512)
def parse(text: str) -> MediaType:
    """The media type or range that ``text``, a Content-Type value, says. Remembered, since there are few of them.

    Raises ``ValueError`` for anything that is not exactly one, for a parameter given twice or in a way that not all
    read alike, and for values of unreasonable length.
    """
    return parse_once(text)


def parse_once(text: str) -> MediaType:
    """As :func:`parse`, for what is not seen again: a multipart type has a boundary of its own each time."""
    match = _TYPE.match(text)
    if match is None or len(text) > _MAX_LENGTH:
        raise ValueError("not a media type")
    parameters: dict[str, str] = {}
    end = match.end()
    while parameter := _PARAMETER.match(text, end):
        end = parameter.end()
        name, token, quoted = parameter.groups()
        if name is None:  # RFC 9110 5.6.6 lets a semicolon stand alone
            continue
        name = name.lower()
        if name in parameters or len(parameters) == _MAX_PARAMETERS:
            raise ValueError("a media type's parameter is given twice, or there are too many")
        # Some readers take "boundary*" (RFC 2231) for another way to say "boundary", and not all know escapes there.
        if "*" in name or (name == "boundary" and quoted is not None and "\\" in quoted):
            raise ValueError("a media type's parameter can be read in two ways")
        value = _ESCAPED.sub(r"\1", quoted) if token is None else token
        parameters[name] = value.lower() if name == "charset" else value
    if text[end:].strip(" \t"):
        raise ValueError("not a media type")
    return MediaType(match[1].lower(), match[2].lower(), tuple(parameters.items()))


def best_match(actual: MediaType, ranges: Iterable[MediaType]) -> MediaType | None:
    """The most specific of ``ranges`` that holds ``actual`` (RFC 9110 12.5.1), or ``None``."""
    best, best_score = None, 0
    for candidate in ranges:
        score = candidate.specificity(actual)
        if score > best_score:
            best, best_score = candidate, score
    return best
