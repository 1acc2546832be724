"""The sections ``certificate_authorities`` and ``certificates``: what the gateway gets and renews itself."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from portcullis.engine.config.names import CallUrl, CertificateAuthorityName, CertificateHost, FilePath, SpiffeId
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Duration, Meaning, SecretReference

_Argument = Annotated[str, Field(min_length=1, max_length=1024), Meaning("an argument", "/usr/bin/hook")]
Challenge = Literal["http-01", "tls-alpn-01", "dns-01"]


class ExternalAccountConfig(Section):
    """An account with the authority, to which the one of the gateway is bound (RFC 8555 7.3.4)."""

    key_id: str = Field(min_length=1, max_length=256)
    """What the authority calls the key."""
    key: SecretReference
    """Where the key is, base64url as the authority gave it: ``env:NAME`` or ``file:PATH``."""


class AcmeConfig(Section):
    """An authority that speaks ACME (RFC 8555)."""

    directory: CallUrl
    """URL of its directory."""
    terms_agreed: Literal[True]
    """You agree to its terms of service; it must be told so."""
    contact: list[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]] = Field([], max_length=5)
    """E-mail addresses that it may write to."""
    ca: FilePath | None = None
    """PEM file with the authorities that may sign for its directory; default: as in ``outgoing``."""
    external_account: ExternalAccountConfig | None = None
    """An account with it that it asks for."""
    profile: str | None = Field(None, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")
    """One of its profiles, such as ``shortlived``."""


class PrivateAuthorityConfig(Section):
    """An authority of one's own, for services that know each other."""

    certificate: FilePath
    """PEM file with its certificate; its root stays elsewhere."""
    key: FilePath
    """PEM file with its private key."""
    bundle: list[FilePath] = Field(min_length=1, max_length=16)
    """PEM files with the roots that services trust: one, and while it is replaced the next one too."""
    lifetime: Annotated[Duration, Field(ge=300.0, le=90 * 86400.0)] = 86400.0
    """How long the certificates hold that it issues."""


class CertificateAuthorityConfig(Section):
    """Who issues certificates."""

    acme: AcmeConfig | None = None
    """By ACME."""
    private: PrivateAuthorityConfig | None = None
    """The gateway itself, with the key of an authority of yours."""

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if (self.acme is None) == (self.private is None):
            raise ValueError("an authority is either acme or private")
        return self


class ManagedCertificateConfig(Section):
    """A certificate that the gateway gets and renews itself."""

    names: list[CertificateHost] = Field([], min_length=1, max_length=100)
    """Host names it is for."""
    spiffe_id: SpiffeId | None = None
    """The workload that it is for; of private authorities only."""
    authorities: list[CertificateAuthorityName] = Field([], min_length=1, max_length=5)
    """Who is asked for it: the first, and the others in their order where that fails. Without any it is imported
    (``portcullis certs import``), and only looked after."""
    folder: FilePath | None = None
    """Where it is delivered for a service that shows it: certificate, key and the roots to trust, below ``current``."""
    challenge: Challenge = "tls-alpn-01"
    """How the names are proven: in a TLS handshake at port 443, by http at port 80, or by records of the DNS."""
    dns_hook: list[_Argument] = Field([], min_length=1, max_length=16)
    """Command that sets records for ``dns-01``. It is called with ``present`` or ``cleanup``, the record's name and its
    value as further arguments, without a shell."""
    dns_wait: Annotated[Duration, Field(ge=0.0, le=3600.0)] = 30.0
    """How long records take until all servers of the DNS have them."""
    key: Literal["ec-256", "ec-384", "rsa-2048", "rsa-4096"] = "ec-256"
    """Kind of its private key, which is new with each certificate; of private authorities ``ec-256``."""

    @model_validator(mode="after")
    def _is_for_somebody(self) -> Self:
        if not self.names and self.spiffe_id is None:
            raise ValueError("nobody could show it: give it names, or a spiffe_id")
        return self
