"""Whether an answer is compressed, and by which coding."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from portcullis.engine.compression.declaring import CompressConfig
from portcullis.engine.decision import Modify

_MAX_ELEMENTS: Final = 32
_WEIGHT: Final = rb"[ \t]*;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)"
_ELEMENT: Final = re.compile(rb"([!#$%%&'*+.^_`|~0-9A-Za-z-]+)(?:%b)?" % _WEIGHT)
_VARY: Final = b"Accept-Encoding"
_WITHOUT_BODY: Final = frozenset({204, 205, 206, 304})
"""Statuses whose answers have no body, or a part of one, which is a part of the bytes as they were (RFC 9110 14.2)."""


class Compression(msgspec.Struct, frozen=True):
    """What of an operation's answers is compressed; the fields are those of :class:`CompressConfig`, for matching."""

    codings: tuple[bytes, ...]
    types: frozenset[bytes]
    families: tuple[tuple[bytes, bytes], ...]
    min_bytes: int
    authenticated: bool

    @classmethod
    def of(cls, config: CompressConfig) -> Compression:
        """What ``config`` says."""
        types = [each.encode() for each in config.types]
        return cls(
            tuple(each.encode() for each in config.codings),
            frozenset(each for each in types if b"*" not in each),
            tuple((head, tail) for each in types if b"*" in each for head, _, tail in [each.partition(b"*")]),
            config.min_bytes,
            config.authenticated,
        )

    def is_worth_it(self, content_type: bytes) -> bool:
        """Whether answers of this type are compressed."""
        media_type = content_type.partition(b";")[0].strip(b" \t").lower()
        if media_type in self.types:
            return True
        return any(media_type.startswith(head) and media_type.endswith(tail) for head, tail in self.families)

    def varies(self, status: int, headers: Mapping[bytes, bytes]) -> bool:
        """Whether an answer would be compressed for some clients, as far as its head says (``headers`` by name)."""
        return (
            status not in _WITHOUT_BODY
            and b"content-encoding" not in headers
            and b"content-range" not in headers
            and b"no-transform" not in headers.get(b"cache-control", b"").lower()
            and self.is_worth_it(headers.get(b"content-type", b""))
        )

    def coding(self, accepted: bytes | None) -> bytes | None:
        """The coding that a client gets who sent the field Accept-Encoding ``accepted``; ``None``: as it is."""
        return None if accepted is None else _best(accepted, self.codings)


@lru_cache(maxsize=256)
def _best(accepted: bytes, codings: Sequence[bytes]) -> bytes | None:
    """The first of ``codings`` that is accepted; weights only say which are not (RFC 9110 12.5.3)."""
    elements = accepted.split(b",", _MAX_ELEMENTS)
    if len(elements) > _MAX_ELEMENTS:
        return None
    weights: dict[bytes, bool] = {}
    for element in elements:
        match = _ELEMENT.fullmatch(element.strip(b" \t"))
        if match is not None:
            weights.setdefault(match[1].lower(), match[2] is None or match[2].strip(b"0.") != b"")
    anything = weights.get(b"*", False)
    return next((coding for coding in codings if weights.get(coding, anything)), None)


def varying(headers: Mapping[bytes, bytes]) -> Modify | None:
    """What says that an answer depends on Accept-Encoding; ``None`` where it says so already."""
    told = headers.get(b"vary")
    if told is None:
        return Modify(set_fields=((b"vary", _VARY),))
    names = {name.strip(b" \t").lower() for name in told.split(b",")}
    return None if names & {b"*", _VARY.lower()} else Modify(set_fields=((b"vary", told + b", " + _VARY),))


def encoded(headers: Mapping[bytes, bytes], coding: bytes) -> Modify:
    """What of an answer's head is other once its body is encoded (RFC 9110 8.4, 8.8.1)."""
    fields = [(b"content-encoding", coding)]
    etag = headers.get(b"etag")
    if etag is not None and not etag.startswith(b"W/"):
        fields.append((b"etag", b"W/" + etag))
    gone = frozenset({b"accept-ranges", b"content-digest", b"content-length", b"content-md5", b"digest"})
    return Modify(remove_fields=gone, set_fields=tuple(fields))
