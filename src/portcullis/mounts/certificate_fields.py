"""Whose certificate a request comes with: the connection's own, or the one that a trusted proxy reports (RFC 9440).

A proxy that ends TLS writes the client's certificate into ``Client-Cert`` and what came with it into
``Client-Cert-Chain``. Both are believed from ``trusted_proxies`` only, on listeners that say so, and never cross the
gateway: :mod:`portcullis.mounts.request_fields` keeps all fields of these names from services.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, Protocol

from portcullis.engine.peer_certificate import PeerCertificate

_FIELD: Final = b"client-cert"
_CHAIN: Final = b"client-cert-chain"
_BYTES: Final = re.compile(rb":([A-Za-z0-9+/]*=?=?):")
"""A byte sequence of RFC 8941 3.3.5."""
_MAX_CHAIN: Final = 10
_UNREADABLE: Final = b""
"""Stands for what is no certificate: nobody is proven by it, and it is not the same as none."""


class CertificateSource(Protocol):
    """Where the certificate of a request is from."""

    def of(self, headers: Mapping[bytes, bytes]) -> PeerCertificate | None:
        """The certificate of the request with these header fields; ``None`` without one."""


class OwnCertificate:
    """The certificate that the client of a connection has proven."""

    __slots__ = ("_certificate",)

    def __init__(self, certificate: PeerCertificate) -> None:
        self._certificate = certificate

    def of(self, headers: Mapping[bytes, bytes]) -> PeerCertificate:  # noqa: ARG002
        """The connection's own, whatever its fields say."""
        return self._certificate


class ReportedCertificates:
    """The certificates that a trusted proxy reports; the last one is remembered, as many requests have the same.

    The proxy's own certificate is never the client's: without the field there is none.
    """

    __slots__ = ("_certificate", "_last")

    def __init__(self) -> None:
        self._last: tuple[bytes, bytes] = (b"", b"")
        self._certificate: PeerCertificate | None = None

    def of(self, headers: Mapping[bytes, bytes]) -> PeerCertificate | None:
        """The certificate that the fields name."""
        field = headers.get(_FIELD)
        if field is None:
            return None
        chain = headers.get(_CHAIN, b"")
        if self._certificate is None or self._last != (field, chain):
            der = _read_bytes(field)
            self._certificate = PeerCertificate(der, partial(_read_chain, der, chain))
            self._last = (field, chain)
        return self._certificate


def _read_chain(der: bytes, field: bytes) -> Sequence[bytes]:
    """The certificates in a list of byte sequences, after the client's own ``der``."""
    others = [_read_bytes(each.strip(b" \t")) for each in field.split(b",", _MAX_CHAIN)[:_MAX_CHAIN]] if field else []
    return [der, *others]


def _read_bytes(field: bytes) -> bytes:
    match = _BYTES.fullmatch(field)
    if match is None:
        return _UNREADABLE
    try:
        return base64.b64decode(match[1], validate=True)
    except binascii.Error:
        return _UNREADABLE
