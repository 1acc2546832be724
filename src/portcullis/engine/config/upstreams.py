"""The section ``upstream`` of an API in the configuration file: which service its calls go to, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from portcullis.engine.config.names import FilePath, Pin, ServerName, UpstreamUrl
from portcullis.engine.config.protocols import Protocol
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Deadline, Size


class UpstreamTimeouts(Section):
    """Deadlines on the upstream's side."""

    connect: Deadline = 3.0
    """To open a connection (and finish TLS)."""
    first_byte: Deadline = 30.0
    """From the end of the request to the first byte of the answer."""
    idle: Deadline = 30.0
    """Between two pieces of the answer, and for the upstream to take a piece of the request."""
    whole: Deadline = 120.0
    """For the whole exchange with the upstream."""
    keep: Deadline = 55.0
    """An unused connection is kept this long (below the common 60 s of servers)."""


class EjectionConfig(Section):
    """Passive health: a target that fails is left out for a while."""

    failures: int = Field(5, ge=1)
    """Consecutive failures (connect errors, timeouts, broken answers) after which it is left out."""
    duration: Deadline = 10.0
    """How long; doubled at each ejection in a row, up to 5 minutes."""


class UpstreamTlsConfig(Section):
    """What is asked of services under https, and what they are shown."""

    server_name: ServerName | None = None
    """Name that is asked for (SNI) and that their certificates must be for; default: the host of the target."""
    pins: list[Pin] = Field([], min_length=1, max_length=16)
    """Public keys, one of which must be in their chain: the one in use first, then backups."""
    certificate: FilePath | None = None
    """PEM file with the certificate, and its chain, that the gateway shows them."""
    key: FilePath | None = None
    """PEM file with its private key."""
    min_version: Literal["1.2", "1.3"] = "1.2"
    """The oldest version of TLS that is spoken."""
    unverified: Annotated[str, Field(min_length=10, max_length=500)] | None = None
    """Their certificates are not verified, for this reason, which ``check`` tells. Pins are looked at all the same."""


class UpstreamConfig(Section):
    """Where the calls of an API go."""

    targets: list[UpstreamUrl] = Field(min_length=1)
    """URLs (``http://127.0.0.1:9000``, ``https://shop.internal:9000``); requests go round robin."""
    path: Literal["keep", "strip"] = "keep"
    """``strip`` removes base path and version from the path before it is sent upstream."""
    protocols: list[Protocol] = Field(["http/1.1"], min_length=1, max_length=2)
    """What is spoken with the service, the preferred first. With both, it chooses (ALPN), which takes TLS. ``[h2]``
    alone is spoken in clear too, without asking (RFC 9113 3.3)."""
    host: Literal["upstream", "preserve"] = "upstream"
    """Host field sent upstream: the target's own, or the one the client sent."""
    ca: FilePath | None = None
    """PEM file with the certificate authorities that may sign the targets' certificates; default: the system's."""
    tls: UpstreamTlsConfig = UpstreamTlsConfig()
    """What is asked of services under https; without it certificate and name are verified."""
    timeouts: UpstreamTimeouts = UpstreamTimeouts()
    """Deadlines on the upstream's side."""
    max_connections: int = Field(1_000, ge=1)
    """Open connections to one target from one worker."""
    max_header_bytes: Size = Field(64 * 1024, ge=512, le=1024 * 1024)
    """Bytes of an answer's status line and header fields together (nginx 4 or 8 KiB, Envoy 60 KiB)."""
    resolve_every: Deadline = 10.0
    """How often host names are resolved again."""
    ejection: EjectionConfig = EjectionConfig()
    """Passive health."""
