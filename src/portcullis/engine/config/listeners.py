"""The section ``listeners`` of the configuration file: where the gateway can be reached, and how."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from portcullis.engine.config.names import CertificateName, FilePath, ResponderUrl, RevocationListPlace, ServerName
from portcullis.engine.config.protocols import Protocol
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Bind, Deadline, Duration, Network, Size


class CertificateFiles(Section):
    """A certificate: from files, or one that the gateway gets itself."""

    certificate: FilePath | None = None
    """PEM file with the certificate and its chain."""
    key: FilePath | None = None
    """PEM file with the private key."""
    managed: CertificateName | None = None
    """In place of both: one of ``certificates``, which the gateway gets and renews itself."""


class OcspConfig(Section):
    """Authorities that are asked about single certificates (RFC 6960)."""

    responder: ResponderUrl | None = None
    """Who is asked about all of them; plain http too, since answers are signed."""
    hosts: list[ServerName] = Field([], min_length=1, max_length=64)
    """Responders that are asked where a certificate names them itself."""
    max_age: Annotated[Duration, Field(ge=1.0, le=7 * 86400.0)] = 3600.0
    """How long an answer is gone by at most, whatever it says."""

    @model_validator(mode="after")
    def _asks_somebody(self) -> Self:
        if self.responder is None and not self.hosts:
            raise ValueError("nobody is asked: name a responder, or the hosts that certificates may name")
        return self


class RevocationConfig(Section):
    """What is known of revoked certificates, kept fresh while the gateway runs."""

    lists: list[RevocationListPlace] = Field([], min_length=1, max_length=64)
    """Where lists are: files, or URLs (plain http too, since lists are signed). Complete ones, and deltas to them."""
    distribution_points: list[ServerName] = Field([], min_length=1, max_length=64)
    """Hosts from which lists are fetched that certificates name themselves."""
    ocsp: OcspConfig | None = None
    """Authorities that are asked about single certificates."""
    refresh: Annotated[Duration, Field(ge=1.0, le=86400.0)] = 3600.0
    """How often lists are fetched again; files are looked at each second."""
    on_unknown: Literal["refuse", "allow"] = "refuse"
    """What becomes of certificates about which nothing that holds decides."""

    @property
    def asks(self) -> bool:
        """Whether something is found out only when a certificate is shown."""
        return self.ocsp is not None or bool(self.distribution_points)

    @model_validator(mode="after")
    def _knows_something(self) -> Self:
        if not self.lists and not self.asks:
            raise ValueError("nothing would be known: name lists, distribution_points or ocsp")
        return self


class TlsConfig(CertificateFiles):
    """TLS on a listener."""

    certificates: list[CertificateFiles] = Field([], min_length=1, max_length=10_000)
    """Further certificates: each client gets the one for the name that it asks for (SNI). Then a name that none is for
    is refused, and who asks for no name gets the first."""
    profile: Literal["intermediate", "modern"] = "intermediate"
    """``modern``: TLS 1.3 only; ``intermediate``: TLS 1.2 too, with forward secrecy and AEAD ciphers."""
    client_ca: FilePath | None = None
    """PEM file with the authorities whose client certificates are taken; with it clients are asked for one."""
    client_certificate: Literal["require", "request"] = "require"
    """``require``: clients without a certificate are sent away; ``request``: they may call what needs none."""
    crl: list[FilePath] = Field([], min_length=1, max_length=64)
    """Revocation lists of these authorities, in PEM or DER; read at the start and at every reload."""
    revocation: RevocationConfig | None = None
    """Revocation lists that are kept fresh, and end open connections too; in place of ``crl``."""

    @model_validator(mode="after")
    def _revokes_in_one_way(self) -> Self:
        if self.revocation is not None and self.crl:
            raise ValueError("crl is read at reloads only: move its files to revocation.lists")
        return self


class ListenerTimeouts(Section):
    """Deadlines on the client's side; each has a precedent in nginx's or Envoy's default."""

    header: Deadline = 10.0
    """From the first byte of a request (or the end of the TLS handshake) to the end of its head."""
    body: Deadline = 30.0
    """Between two pieces of a request body, and for a client to take a piece of the answer."""
    idle: Deadline = 75.0
    """Of a kept connection between two requests."""


class Http2Config(Section):
    """What one client may do on an HTTP/2 connection; who does more is sent away."""

    max_concurrent_streams: int = Field(100, ge=1, le=10_000)
    """Requests on one connection at a time (nginx 128, Envoy and Go 100 to 250); one more is refused, and can be sent
    again."""
    max_resets_per_minute: int = Field(600, ge=1, le=1_000_000)
    """Requests on one connection that the client may cancel, or break a rule of the protocol with, in a minute."""
    max_control_frames_per_minute: int = Field(6_000, ge=100, le=10_000_000)
    """Frames on one connection that carry no request: pings, settings, empty ones. Requests and answers earn some."""


class ListenerConfig(Section):
    """An address the gateway listens on. The listener named ``admin`` serves health and metrics."""

    bind: Bind
    """Address and port."""
    tls: TlsConfig | None = None
    """TLS; needed everywhere but on loopback and on redirectors."""
    protocols: list[Protocol] | None = Field(None, min_length=1, max_length=2)
    """What is spoken, the preferred first; default: ``[h2, http/1.1]`` with TLS, where clients choose (ALPN), and
    ``[http/1.1]`` without. HTTP/2 without TLS is for clients that know that it is spoken here."""
    http2: Http2Config = Http2Config()
    """Bounds of HTTP/2 connections."""
    redirect: Literal["https"] | None = None
    """Answer every request with a redirect to the same URL under https."""
    redirect_port: int = Field(443, ge=1, le=65535)
    """Port of the https URL that a redirector points to."""
    allow: list[Network] = Field([], min_length=1)
    """Connections from other addresses are closed at once; default: every address may connect."""
    deny: list[Network] = Field([], min_length=1)
    """Connections from these addresses are closed at once, whatever ``allow`` says."""
    trusted_proxies: list[Network] = []
    """Peers whose ``Forwarded`` and ``X-Forwarded-*`` fields are believed."""
    proxy_protocol: list[Network] = Field([], min_length=1)
    """Balancers that begin each connection with a PROXY header (version 1 or 2), which names the client; they must."""
    client_certificate_header: Literal["Client-Cert"] | None = None
    """Field in which ``trusted_proxies``, who end TLS, name the client's certificate (RFC 9440)."""
    timeouts: ListenerTimeouts = ListenerTimeouts()
    """Deadlines on the client's side."""
    max_header_bytes: Size = Field(16 * 1024, ge=512, le=1024 * 1024)
    """Bytes of request line and header fields together (nginx 32 KiB, Envoy 60 KiB, Node 16 KiB)."""
    max_connections: int = Field(20_000, ge=1)
    """Open connections in one worker."""
    max_connections_per_address: int = Field(1_000, ge=1)
    """Open connections from one client address, over all workers; trusted proxies are not counted."""

    @property
    def spoken(self) -> tuple[str, ...]:
        """The protocols, by their names in ALPN."""
        if self.protocols is not None:
            return tuple(self.protocols)
        return ("h2", "http/1.1") if self.tls is not None else ("http/1.1",)
