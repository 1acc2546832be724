"""SPIFFE: names of workloads, ``spiffe://example.internal/ns/prod/sa/checkout``, and patterns for them.

By SPIFFE-ID 2 the trust domain is of lower-case letters, digits, dots, dashes and underscores, and a path of segments
of letters, digits, dots, dashes and underscores; nothing is encoded, so a name is written in one way only. A
certificate that proves one has exactly one URI, and is no authority's (X.509-SVID 2 and 5).
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from portcullis.engine.peer_certificate import CertificateDetails

MAX_ID: Final = 2048
"""Bytes of a name (SPIFFE-ID 2.3)."""
_SCHEME: Final = "spiffe://"
_TRUST_DOMAIN: Final = re.compile(r"[a-z0-9._-]{1,255}")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9._-]{1,2048}")
_ONE: Final = "*"
_ALL: Final = "**"

Segments: TypeAlias = tuple[str, ...]


class SpiffeError(ValueError):
    """It is no name of a workload."""


def check_trust_domain(value: str) -> str:
    """``value`` if it is a trust domain; raises ``ValueError``."""
    if not _TRUST_DOMAIN.fullmatch(value):
        raise ValueError("lower-case letters, digits, '.', '-' and '_': example.internal")
    return value


def split_id(text: str) -> tuple[str, Segments]:
    """The trust domain and the segments of the path that ``text`` names. Raises :class:`SpiffeError`."""
    if not text.startswith(_SCHEME) or len(text) > MAX_ID:
        raise SpiffeError(f"not {_SCHEME}..., of at most {MAX_ID} characters")
    domain, *segments = text.removeprefix(_SCHEME).split("/")
    if not _TRUST_DOMAIN.fullmatch(domain):
        raise SpiffeError("not a trust domain: lower-case letters, digits, '.', '-' and '_'")
    if not segments:
        raise SpiffeError("a trust domain, and no workload of it")
    if not all(_is_segment(each) for each in segments):
        raise SpiffeError("not a path of letters, digits, '.', '-' and '_' between single slashes")
    return domain, tuple(segments)


def id_of(details: CertificateDetails) -> tuple[str, str, Segments]:
    """The name that a certificate proves, its trust domain and its path. Raises :class:`SpiffeError`."""
    if len(details.uris) != 1:
        raise SpiffeError(f"{len(details.uris)} URIs among its alternative names, not exactly one")
    (text,) = details.uris
    domain, segments = split_id(text)
    if details.is_authority:
        raise SpiffeError("a certificate that may sign others")
    return text, domain, segments


def check_pattern(value: str) -> str:
    """``value`` if it is a pattern of paths; raises ``ValueError``."""
    *first, last = value.removeprefix("/").split("/")
    if (
        not value.startswith("/")
        or len(value) > MAX_ID
        or not all(each == _ONE or _is_segment(each) for each in first)
        or not (last in (_ONE, _ALL) or _is_segment(last))
    ):
        raise ValueError("a path such as /ns/prod/sa/checkout; * stands for one segment, /** at the end for any more")
    return value


def matches(pattern: str, segments: Segments) -> bool:
    """Whether a path is one of those that ``pattern`` describes, segment by segment."""
    wanted = pattern.removeprefix("/").split("/")
    if wanted[-1] == _ALL:
        wanted = wanted[:-1]
        if len(segments) <= len(wanted):
            return False
        segments = segments[: len(wanted)]
    return len(wanted) == len(segments) and all(mine in (_ONE, its) for mine, its in zip(wanted, segments, strict=True))


def _is_segment(text: str) -> bool:
    return text not in (".", "..") and _SEGMENT.fullmatch(text) is not None
