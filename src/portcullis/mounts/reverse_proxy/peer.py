"""Who is at the other end of a client's connection, and what a request says of who is behind that."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from portcullis.engine.peer_certificate import PeerCertificate
from portcullis.engine.request import RequestView
from portcullis.mounts.certificate_fields import CertificateSource, OwnCertificate, ReportedCertificates
from portcullis.mounts.client_certificates import CLIENT_CERTIFICATE
from portcullis.mounts.forwarding import VIA, forwarding_fields, is_trusted, plain_address, reported_client

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.gateway import Listener


class Peer:
    """The peer of one connection. ``address``: as text, ``""`` if it has none; ``trusted``: its reports are believed.

    ``via``: the line that tells services by which protocol the request came.
    """

    __slots__ = ("_certificate", "_forwarding", "_listener", "_via", "address", "trusted")

    def __init__(self, transport: asyncio.BaseTransport, listener: Listener, via: bytes = VIA) -> None:
        name = transport.get_extra_info("peername")
        self.address = plain_address(str(name[0])) if name else ""
        self.trusted = bool(listener.trusted_proxies) and is_trusted(self.address, listener.trusted_proxies)
        self._listener = listener
        self._via = via
        self._forwarding: tuple[bytes, bytes] = (b"", b"")
        self._certificate: CertificateSource | None = None
        if listener.reads_certificate and self.trusted:
            self._certificate = ReportedCertificates()
        elif (certificate := transport.get_extra_info(CLIENT_CERTIFICATE)) is not None:
            self._certificate = OwnCertificate(certificate)

    def scheme(self, headers: Mapping[bytes, bytes]) -> str:
        """The scheme the client used: the listener's, or what a trusted proxy reports."""
        if self.trusted:
            reported = headers.get(b"x-forwarded-proto")
            if reported in (b"http", b"https"):
                return reported.decode()
        return self._listener.scheme

    def client(self, headers: Mapping[bytes, bytes]) -> str:
        """The client's address: the peer's own, or what a trusted proxy reports."""
        if not self.trusted:
            return self.address
        return reported_client(headers, self.address, self._listener.trusted_proxies)

    def certificate(self, headers: Mapping[bytes, bytes]) -> PeerCertificate | None:
        """The certificate the client has proven, here or to a trusted proxy."""
        return None if self._certificate is None else self._certificate.of(headers)

    def forwarding_fields(self, request: RequestView) -> bytes:
        """The fields that tell the service who the client is, on the wire; kept while it asks for one host."""
        host = request.headers.get(b"host", b"")
        if self.trusted:
            return forwarding_fields(request.client, host, request.scheme) + self._via
        if self._forwarding[0] != host or not self._forwarding[1]:
            self._forwarding = (host, forwarding_fields(self.address, host, self._listener.scheme) + self._via)
        return self._forwarding[1]
