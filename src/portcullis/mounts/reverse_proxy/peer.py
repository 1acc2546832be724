"""Who is at the other end of a client's connection, and what a request says of who is behind that."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from portcullis.engine.operation import UNROUTED
from portcullis.engine.request import RequestView
from portcullis.mounts.certificate_fields import CertificateSource, OwnCertificate, ReportedCertificates
from portcullis.mounts.client_certificates import CLIENT_CERTIFICATE
from portcullis.mounts.forwarding import (
    VIA,
    Fields,
    forwarding_fields,
    is_trusted,
    plain_address,
    reported_client,
)

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.gateway import Listener


class Head(Protocol):
    """The head of a request, of whatever protocol."""

    @property
    def method(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def headers(self) -> Mapping[bytes, bytes]: ...


class Peer:
    """The peer of one connection. ``address``: as text, ``""`` if it has none; ``trusted``: its reports are believed.

    ``via``: the line that tells services by which protocol the request came.
    """

    __slots__ = ("_certificate", "_forwarding", "_proxies", "_scheme", "_via", "address", "trusted")

    def __init__(self, transport: asyncio.BaseTransport, listener: Listener, via: bytes = VIA) -> None:
        name = transport.get_extra_info("peername")
        self.address = plain_address(str(name[0])) if name else ""
        self.trusted = bool(listener.trusted_proxies) and is_trusted(self.address, listener.trusted_proxies)
        self._proxies = listener.trusted_proxies
        self._scheme = listener.scheme
        self._via = via
        self._forwarding: tuple[bytes, bytes] = (b"", b"")
        self._certificate: CertificateSource | None = None
        if listener.reads_certificate and self.trusted:
            self._certificate = ReportedCertificates()
        elif (certificate := transport.get_extra_info(CLIENT_CERTIFICATE)) is not None:
            self._certificate = OwnCertificate(certificate)

    def request(self, head: Head, fields: Fields, headers: Mapping[bytes, bytes], *, has_body: bool) -> RequestView:
        """What the peer asks for, on behalf of whom it reports if it is trusted, with the certificate it has proven.

        ``fields``, ``headers``: those of ``head`` that are not for one connection only.
        """
        scheme, client = self._scheme, self.address
        reported = head.headers
        if self.trusted:
            client = reported_client(reported, client, self._proxies)
            told = reported.get(b"x-forwarded-proto")
            if told in (b"http", b"https"):
                scheme = told.decode()
        request = RequestView(head.method, head.target, fields, headers, scheme, client, has_body, UNROUTED, head.host)
        if self._certificate is not None:
            request.certificate = self._certificate.of(reported)
        return request

    def forwarding_fields(self, request: RequestView) -> bytes:
        """The fields that tell the service who the client is, on the wire; kept while it asks for one host."""
        host = request.headers.get(b"host", b"")
        if self.trusted:
            return forwarding_fields(request.client, host, request.scheme) + self._via
        if self._forwarding[0] != host or not self._forwarding[1]:
            self._forwarding = (host, forwarding_fields(self.address, host, self._scheme) + self._via)
        return self._forwarding[1]
