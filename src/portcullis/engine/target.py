"""The request target, read once and in one way only.

A path is an access decision waiting to be made, and every party on the way reads it: caches and load balancers before
the gateway, the route index, the service behind. Most bypasses of an access list are two of them that read one path
differently. So the rule here is: **a path is normalised once, before routing, what is normalised is what the service
gets, and what another reader could take for another path is refused** rather than repaired (RFC 3986 6.2.2, 5.2.4).

Repaired, because every reader agrees on the meaning: octets that need no encoding are decoded (``%41``, ``%7E``),
the hex digits of the others are upper-cased, literal ``.`` and ``..`` segments are resolved, repeated slashes inside
the path become one. Refused, with a sentence that says what: all that a second decoding, a ``;`` parser, a Windows
path or a C string would turn into something else. Nothing here quotes the caller's bytes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from urllib.parse import unquote_to_bytes

from portcullis.engine.codes import MALFORMED_REQUEST, MALFORMED_TARGET, Code

# DNS names have at most 253 characters; "[", an IPv6 address, "]" and a port fit as well.
MAX_HOST: Final = 262
ENCODED_SLASH: Final = "The path holds an encoded slash."
REMEMBERED_HOSTS: Final = 512
REMEMBERED_TARGETS: Final = 2048
REMEMBERED_TARGET: Final = 256
"""Characters of the longest target that is remembered."""

_ORIGIN_FORM = re.compile(r"(/[!-\"$->@-~]*+)(?:\?([!-\"$-~]*+))?")
_ABSOLUTE_FORM = re.compile(r"https?://([!-\"$-.0->@-~]++)(/[!-\"$->@-~]*+)?(?:\?([!-\"$-~]*+))?", re.IGNORECASE)

# What needs no second look: segments of pchar (RFC 3986 3.3) without "%" and ";", not empty, not beginning with a dot.
_PLAIN_PATH = re.compile(
    r"/(?:[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9._~!$&'()*+,=:@-]*+"
    r"(?:/[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9._~!$&'()*+,=:@-]*+)*/?)?"
)
_PATH_CHARACTERS = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/%-]*+")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# An encoded "%" followed by the code of a control, "%", ".", "/", ";", or "\": one more decoding changes the path.
_TWICE_ENCODED = re.compile(r"%25(?:[01][0-9A-F]|2[5EF]|3B|5C|7F)", re.IGNORECASE)
# RFC 6570 3.2.7: a segment may be a parameter with its name. Only routes that declare one take it.
_NAMED_PARAMETER = re.compile(r";[^;=%]++=.*+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_NORMAL_ESCAPES: Final = {
    f"%{high}{low}": chr(int(high + low, 16)) if chr(int(high + low, 16)) in _UNRESERVED else f"%{high}{low}".upper()
    for high in "0123456789ABCDEFabcdef"
    for low in "0123456789ABCDEFabcdef"
}

_AUTHORITY = re.compile(r"(?:([A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)*)\.?|\[([0-9A-Fa-f:.]{2,45}+)\])(?::([0-9]{1,5}+))?")
_NUMBER = re.compile(r"[0-9]++|0[xX][0-9A-Fa-f]*+")


class TargetError(Exception):
    """The target, a part of it, or a host cannot be read in one way only.

    ``code``: what to answer with; ``detail``: a sentence for the caller, which quotes nothing of the request.
    """

    def __init__(self, detail: str, code: Code = MALFORMED_TARGET) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def split_target(target: str) -> tuple[str | None, str, str]:
    """``(authority, path, query)`` of a request target in origin-form or absolute-form (RFC 9112 3.2).

    ``authority`` is ``None`` in origin-form. Path and query are as received; the query is ``""`` if there is none.
    Raises :class:`TargetError` for the other forms, a fragment, and anything but visible ASCII.
    """
    if match := _ORIGIN_FORM.fullmatch(target):
        return None, match[1], match[2] or ""
    if match := _ABSOLUTE_FORM.fullmatch(target):
        return match[1], match[2] or "/", match[3] or ""
    if "#" in target:
        raise TargetError("A request target has no fragment.")
    if not target.isascii() or not target.isprintable() or " " in target:
        raise TargetError("A request target consists of visible ASCII characters.")
    raise TargetError("The request target must be an absolute path or an http or https URL.")


def read_target(target: str) -> tuple[str, str]:
    """The normalised path and the raw query of a request target. Raises :class:`TargetError`.

    Encoded slashes may be in the path: whoever routes it has to know whether they may be there. What short targets
    mean is remembered: the same few are asked for again and again.
    """
    return _read_short(target) if len(target) <= REMEMBERED_TARGET else _read(target)


def _read(target: str) -> tuple[str, str]:
    _, path, query = split_target(target)
    return normalise_path(path, encoded_slash=True), query


_read_short = lru_cache(maxsize=REMEMBERED_TARGETS)(_read)


def normalise_path(path: str, *, encoded_slash: bool = False) -> str:
    """The one form of ``path``, in which it is routed, checked and sent to the service.

    The result starts with a slash, has no empty segment but perhaps the last, no dot segment, and percent-encoding
    only where it is needed. Normalising it again changes nothing. Raises :class:`TargetError`.

    ``encoded_slash``: ``%2F`` may stand within a segment, as long as a reader that takes it for a slash finds no empty
    and no dot segments there.
    """
    if _PLAIN_PATH.fullmatch(path):
        return path
    if path[:1] != "/" or not _PATH_CHARACTERS.fullmatch(path):
        raise TargetError(_fault_of_characters(path))
    if path.startswith("//"):
        # Many URL readers take what follows for a host (RFC 3986 4.2, network-path reference).
        raise TargetError("The path starts with two slashes.")
    if "%" in path:
        if _BAD_ESCAPE.search(path):
            raise TargetError("The path holds a percent sign that two hex digits do not follow.")
        raw_segments = path.split("/")
        path = _ESCAPE.sub(_normal_escape, path)
        if _TWICE_ENCODED.search(path):
            raise TargetError("The path is percent-encoded twice.")
    else:
        raw_segments = []
    segments = path.split("/")
    for position, segment in enumerate(segments):
        if "%" in segment or ";" in segment or "." in segment:
            raw = raw_segments[position] if raw_segments else segment
            _check_segment(segment, raw, encoded_slash=encoded_slash)
    return _resolve(segments)


def _normal_escape(match: re.Match[str]) -> str:
    return _NORMAL_ESCAPES[match[0]]


def _fault_of_characters(path: str) -> str:
    """Why ``path`` is no sequence of pchar and slashes."""
    if not path.startswith("/"):
        return "The path must start with a slash."
    if "\\" in path:
        return "The path holds a backslash."
    if "#" in path:
        return "The path holds a fragment."
    if not path.isascii():
        return "The path holds characters beyond ASCII that are not percent-encoded."
    return "The path holds a character that must be percent-encoded."


def _check_segment(segment: str, raw: str, *, encoded_slash: bool) -> None:
    """Refuse a segment that another reader would take for another one; ``raw`` is it before it was normalised."""
    if "%" in segment:
        decoded = decode_segment(segment)
        if "/" in decoded:
            if not encoded_slash:
                raise TargetError(ENCODED_SLASH)
            if any(part.partition(";")[0].strip(" ") in ("", ".", "..") for part in decoded.split("/")):
                raise TargetError("The path holds an encoded slash beside an empty or a dot segment.")
        if "\\" in decoded:
            raise TargetError("The path holds an encoded backslash.")
        if _CONTROL.search(decoded):
            raise TargetError("The path holds an encoded control character.")
    else:
        decoded = segment
    name, semicolon, _ = decoded.partition(";")
    # Before they resolve dots, servlet containers remove what follows a semicolon, and Windows blanks at the end.
    if semicolon and not name and not _NAMED_PARAMETER.fullmatch(raw):
        raise TargetError("The path holds a segment that is empty before its semicolon.")
    if name.strip(" ") in (".", "..") and raw not in (".", ".."):
        raise TargetError("The path holds a disguised dot segment.")


def _resolve(segments: list[str]) -> str:
    """Resolve dot segments (RFC 3986 5.2.4) and drop empty ones; ``segments[0]`` is what precedes the first slash."""
    if ("." in segments or ".." in segments) and any(not part or part[0] == ";" for part in segments[1:-1]):
        # A segment that only servlet containers find empty is one of these. Whether ".." removes the empty segment or
        # the one before it is read both ways; and "/.//x" may become "//x".
        raise TargetError("The path holds both empty segments and dot segments.")
    kept: list[str] = []
    for segment in segments[1:]:
        if segment == "..":
            if not kept:
                raise TargetError("The path climbs above the root.")
            kept.pop()
        elif segment and segment != ".":
            kept.append(segment)
    is_folder = segments[-1] in ("", ".", "..")
    return f"/{'/'.join(kept)}/" if is_folder and kept else f"/{'/'.join(kept)}"


def decode_segment(segment: str) -> str:
    """The text that the percent-encoded ``segment`` stands for; ``+`` is a plus.

    Raises :class:`TargetError` where a percent sign does not begin an escape, the octets are not UTF-8, or a NUL is
    among them (RFC 3986 2.5; a NUL ends a string for whatever is written in C).
    """
    if "%" not in segment:
        return segment
    if _BAD_ESCAPE.search(segment):
        raise TargetError("A percent sign must be followed by two hex digits.")
    try:
        text = unquote_to_bytes(segment).decode("utf-8")
    except UnicodeError:
        raise TargetError("Percent-encoded text must be UTF-8.") from None
    if "\0" in text:
        raise TargetError("Percent-encoded text holds a NUL.")
    return text


@lru_cache(maxsize=REMEMBERED_HOSTS)
def parse_host(value: str) -> str:
    """The host of a Host field or an authority: lower-case, without port, an IPv6 address in brackets and compressed.

    Stricter than RFC 3986 3.2.2: names of letters, digits, ``-`` and ``_``; no user information, no percent-encoding,
    no empty port. A trailing dot is dropped. A host that ends in a number is an IPv4 address of four decimal numbers
    or nothing, since many resolvers read ``127.1`` and ``0x7f000001`` as addresses. Raises :class:`TargetError`.
    """
    match = _AUTHORITY.fullmatch(value) if 0 < len(value) <= MAX_HOST else None
    if match is None:
        raise TargetError("The host is not a name or an address with an optional port.", MALFORMED_REQUEST)
    name, address, port = match.groups()
    if port is not None and int(port) > 65535:
        raise TargetError("The port of the host is out of range.", MALFORMED_REQUEST)
    try:
        if name is None:
            return f"[{IPv6Address(address).compressed}]"
        if _NUMBER.fullmatch(name, name.rfind(".") + 1):
            return str(IPv4Address(name))
    except AddressValueError:
        raise TargetError("The host is not a well-formed IP address.", MALFORMED_REQUEST) from None
    if len(name) > 253:
        raise TargetError("The host is too long.", MALFORMED_REQUEST)
    lowered: str = name.lower()
    return lowered
