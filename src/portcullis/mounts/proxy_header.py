"""The header of the PROXY protocol, versions 1 and 2: who the client of a connection is that a balancer passes on.

Read strictly, since whoever gets a wrong address through gets past address lists and limits. What a header says beside
the address (its TLVs) is skipped.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

import msgspec

MAX_BYTES: Final = 4096
"""Bytes of a header that is read: the addresses take 36, the rest is what balancers say beside them."""

_V1: Final = b"PROXY "
_V1_BYTES: Final = 107
_V2: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_V2_FIXED: Final = 16
_PORT: Final = rb"(?:0|[1-9][0-9]{0,4})"
_LINE = re.compile(rb"PROXY (TCP4|TCP6) ([0-9a-fA-F.:]{2,45}) ([0-9a-fA-F.:]{2,45}) (%b) (%b)\r\n" % (_PORT, _PORT))
_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [\x20-\x7e]*)?\r\n")
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6, _UNSPECIFIED = 0x11, 0x21, 0x00
_ADDRESS_BYTES: Final = {_TCP4: 12, _TCP6: 36}


class ProxyHeaderError(ValueError):
    """These bytes are no header. The message says why, and quotes nothing of them."""


class ProxyHeader(msgspec.Struct, frozen=True):
    """``length``: bytes of the header; ``client``: address and port, ``None`` where the peer speaks for itself."""

    length: int
    client: tuple[str, int] | None


def read_proxy_header(data: bytes) -> ProxyHeader | None:
    """The header that ``data`` begins with; ``None`` if more is needed to tell. Raises :class:`ProxyHeaderError`."""
    if data[: len(_V2)] == _V2[: len(data)]:
        return _read_binary(data)
    if data[: len(_V1)] == _V1[: len(data)]:
        return _read_line(data)
    raise ProxyHeaderError("the connection does not begin with a PROXY header")


def _read_line(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\n", 0, _V1_BYTES)
    if end < 0:
        if len(data) >= _V1_BYTES:
            raise ProxyHeaderError(f"the line of the PROXY header is longer than {_V1_BYTES} bytes")
        return None
    line = data[: end + 1]
    if _UNKNOWN.fullmatch(line):
        return ProxyHeader(len(line), None)
    match = _LINE.fullmatch(line)
    if match is None:
        raise ProxyHeaderError("the line of the PROXY header is malformed")
    version = 4 if match[1] == b"TCP4" else 6
    try:
        client, served = (ipaddress.ip_address(match[group].decode()) for group in (2, 3))
    except ValueError:
        raise ProxyHeaderError("an address in the PROXY header is none") from None
    port = int(match[4])
    if client.version != version or served.version != version or max(port, int(match[5])) > 65535:
        raise ProxyHeaderError("an address in the PROXY header is not of the family that it names")
    return ProxyHeader(len(line), (str(client), port))


def _read_binary(data: bytes) -> ProxyHeader | None:
    if len(data) < _V2_FIXED:
        return None
    command, family = data[12], data[13]
    length = _V2_FIXED + int.from_bytes(data[14:16], "big")
    if command not in (_LOCAL, _PROXY):
        raise ProxyHeaderError("version or command of the PROXY header is unknown")
    if length > MAX_BYTES:
        raise ProxyHeaderError(f"the PROXY header is longer than {MAX_BYTES} bytes")
    if command == _PROXY and family not in (_UNSPECIFIED, *_ADDRESS_BYTES):
        raise ProxyHeaderError("the PROXY header is about a connection that is not TCP")
    if command == _PROXY and length < _V2_FIXED + _ADDRESS_BYTES.get(family, 0):
        raise ProxyHeaderError("the PROXY header is shorter than its addresses")
    if len(data) < length:
        return None
    if command == _LOCAL or family == _UNSPECIFIED:
        return ProxyHeader(length, None)
    size = 4 if family == _TCP4 else 16
    client = ipaddress.ip_address(data[_V2_FIXED : _V2_FIXED + size])
    ports = _V2_FIXED + 2 * size
    return ProxyHeader(length, (str(client), int.from_bytes(data[ports : ports + 2], "big")))
