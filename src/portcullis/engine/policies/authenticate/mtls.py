"""Client certificates: callers who prove in the TLS handshake that they hold a key that an authority vouches for.

What
    A listener with ``client_ca`` asks its clients for a certificate and verifies it in the handshake: chain, times,
    revocation. This identity says whom such a certificate proves: a workload by its SPIFFE name
    (``spiffe://example.internal/ns/prod/sa/checkout``), or whoever has one of the names that are listed. A SPIFFE name
    is taken by the rules of X.509-SVID: exactly one URI, a well-formed name of the trust domain, no certificate that
    may sign others. Names are compared as they are written, host names without regard to case; a wildcard, a NUL or
    anything else that is no plain host name in a certificate never matches. A certificate that has several of the
    accepted names proves none of them. The consumer is ``<identity>:<name>``, so that limits count each caller. Tokens
    that are bound to a certificate (RFC 8705) are a matter of the kind ``jwt``.

    The certificate's times are looked at for each call, so a kept connection does not outlive them.

Why
    API2:2023 Broken Authentication. Between services a key of its own for each, which never leaves it and is replaced
    every hour, is what a stolen API key is not. Where the names of one authority can be had from another, or any
    certificate of the right authority passes, everyone inside may be everyone else.

Config
    ``trust_domain`` takes SPIFFE names of that domain; ``spiffe`` narrows them by their paths:
    ``/ns/prod/sa/checkout``, where ``*`` stands for one segment and ``/**`` at the end for all that follow. ``dns``
    lists host names (``*.mesh.example.internal`` stands for one label), ``emails`` and ``uris`` alternative names of
    these kinds, ``subjects`` whole subjects as RFC 4514 writes them (``CN=checkout,O=Shop``). At least one of these is
    needed. ``ca`` names the authorities whose certificates this identity takes, where several share a listener: names
    of one trust domain must not be had from another's authority. ``crl`` lists revocation lists, read at the start and
    at every reload; a certificate of an authority without a list that holds is refused. ``roles`` gives roles by
    pattern of the name that is proven. A ``mode`` is set where the identity is used.

    Without a certificate on the connection the next identity of an operation is asked. Two that have to be there
    together are written ``all_of``.

When it fails
    401 ``authenticate.failed`` with the challenge ``ClientCertificate realm="<identity>"``; there is no registered
    challenge for certificates, and it asks for nothing that a client could send in a field. The record says which of
    the codes below it was. 503 ``authenticate.unavailable`` where the revocation lists have run out. What a handshake
    refuses never becomes a call: the listener's log has it.

Example
    .. code-block:: yaml

        listeners:
          internal:
            bind: "0.0.0.0:9443"
            tls: {certificate: tls/internal.pem, key: tls/internal.key, client_ca: tls/mesh-ca.pem}
        identities:
          services: {mtls: {trust_domain: example.internal, spiffe: [/ns/prod/**]}}
        apis:
          shop:
            authenticate: [services]
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from portcullis.engine.authentication.certificate_names import check_dns, check_email, check_subject, check_uri
from portcullis.engine.authentication.proof import ABSENT, FAILED, MISSING, UNAVAILABLE, Authenticator, Outcome
from portcullis.engine.authentication.spiffe import check_pattern, check_trust_domain
from portcullis.engine.codes import Code
from portcullis.engine.config.names import FilePath, PlanName, RoleName
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Meaning
from portcullis.engine.facts import Facts
from portcullis.engine.policy import Policy, Probe
from portcullis.engine.ports import Ports
from portcullis.engine.request import RequestView

CERTIFICATE_NOT_ACCEPTED: Final = Code(
    "authenticate.certificate_not_accepted", 401, "The client certificate is not for this identity", FAILED
)
CERTIFICATE_EXPIRED: Final = Code(
    "authenticate.certificate_expired", 401, "The client certificate does not hold now", FAILED
)
CERTIFICATE_REVOKED: Final = Code(
    "authenticate.certificate_revoked", 401, "The client certificate has been revoked", FAILED
)

DnsPattern = Annotated[str, AfterValidator(check_dns), Meaning("a host name", "checkout.mesh.example.internal")]
SpiffePattern = Annotated[str, AfterValidator(check_pattern), Meaning("a path", "/ns/prod/sa/checkout")]
Subject = Annotated[str, AfterValidator(check_subject), Meaning("a subject", "CN=checkout,O=Shop")]
Uri = Annotated[str, AfterValidator(check_uri), Meaning("a URI", "urn:shop:checkout")]
Email = Annotated[str, AfterValidator(check_email), Meaning("an address", "ops@shop.example")]


class MtlsConfig(Section):
    """A client certificate, verified in the TLS handshake."""

    trust_domain: Annotated[str, AfterValidator(check_trust_domain)] | None = None
    """SPIFFE trust domain whose workloads are accepted: ``example.internal``."""
    spiffe: list[SpiffePattern] = Field([], min_length=1, max_length=256)
    """Paths of accepted workloads in the trust domain; default: all of them."""
    dns: list[DnsPattern] = Field([], min_length=1, max_length=256)
    """Host names among a certificate's alternative names; ``*.`` at the beginning stands for one label."""
    emails: list[Email] = Field([], min_length=1, max_length=256)
    """Addresses among a certificate's alternative names."""
    uris: list[Uri] = Field([], min_length=1, max_length=256)
    """URIs among a certificate's alternative names, to the letter."""
    subjects: list[Subject] = Field([], min_length=1, max_length=256)
    """Whole subjects (RFC 4514). Alternative names are better: a subject is what somebody typed."""
    ca: FilePath | None = None
    """PEM file with the authorities whose certificates are taken; default: those of the listener."""
    crl: list[FilePath] = Field([], min_length=1, max_length=64)
    """Revocation lists of these authorities, in PEM or DER."""
    roles: dict[str, list[RoleName]] = Field({}, max_length=1024)
    """Roles by what is proven: a path of a workload (``/ns/prod/sa/*``), or a name as it is listed above."""
    plan: PlanName | None = None
    """Plan of the callers, for ``limit: {plan: {of: consumer}}``."""

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if self.trust_domain is None and not (self.dns or self.emails or self.uris or self.subjects):
            raise ValueError("say who is accepted: trust_domain, dns, emails, uris or subjects")
        if self.spiffe and self.trust_domain is None:
            raise ValueError("spiffe lists paths of a trust domain: add trust_domain")
        named = {*self.dns, *self.emails, *self.uris, *self.subjects}
        for pattern in self.roles:
            if pattern.startswith("/"):
                check_pattern(pattern)
                if self.trust_domain is None:
                    raise ValueError(f"roles: {pattern} is a path of a trust domain: add trust_domain")
            elif pattern not in named:
                raise ValueError(f"roles: {pattern} is nothing that is accepted here: write it as it is listed")
        return self


def compile_mtls(name: str, config: MtlsConfig, ports: Ports) -> Authenticator:
    """The authenticator of identity ``name``. Raises ``ConfigurationError`` for files that can't be used."""
    # What reads certificates takes a while to load, and is needed only where certificates are.
    from portcullis.engine.authentication.certificate_judge import judge_of  # noqa: PLC0415

    judge = judge_of(name, config, ports).judge

    def prove(request: RequestView, _facts: Facts) -> Outcome:
        certificate = request.certificate
        return ABSENT if certificate is None else judge(certificate)

    return Authenticator(POLICY.name, prove, f'ClientCertificate realm="{name}"'.encode(), repeats=True)


POLICY = Policy(
    phase="authenticate",
    key="mtls",
    config=MtlsConfig,
    codes=(MISSING, CERTIFICATE_NOT_ACCEPTED, CERTIFICATE_EXPIRED, CERTIFICATE_REVOKED, UNAVAILABLE),
    probes=(Probe("a call without a certificate", "remove_credential", MISSING),),
    compile=compile_mtls,
)
