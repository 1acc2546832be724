"""From a client certificate to who calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from portcullis.engine.authentication import spiffe
from portcullis.engine.authentication.authorities import Authorities, read_authorities
from portcullis.engine.authentication.certificate_names import is_host, matches_host
from portcullis.engine.authentication.key_loading import Place, mistake
from portcullis.engine.authentication.proof import UNAVAILABLE, NotMine
from portcullis.engine.authentication.revocation import RevocationListError, Revocations, read_list
from portcullis.engine.codes import Code
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.identity import Consumer, Identity
from portcullis.engine.peer_certificate import CertificateDetails, CertificateError, PeerCertificate
from portcullis.engine.policies.authenticate.mtls import (
    CERTIFICATE_EXPIRED,
    CERTIFICATE_NOT_ACCEPTED,
    CERTIFICATE_REVOKED,
    MtlsConfig,
)
from portcullis.engine.ports import Clock, Ports

_POINTER: Final = "/connection/certificate"
Judged = Identity | Refuse | NotMine


def judge_of(name: str, config: MtlsConfig, ports: Ports) -> CertificateJudge:
    """What judges certificates for identity ``name``. Raises ``ConfigurationError`` for files that can't be used."""
    where = ("identities", name, "mtls")
    authorities = None if config.ca is None else _authorities((*where, "ca"), config.ca, ports)
    known = () if authorities is None else authorities.certificates
    lists = []
    for index, path in enumerate(config.crl):
        place = (*where, f"crl[{index}]")
        data = _read(place, path, ports)
        try:
            lists.append(read_list(data, known, ports.clock.wall_s()))
        except RevocationListError as error:
            raise mistake(place, f"{path} can't be used: {error}", "a list of the authority that holds now") from None
    return CertificateJudge(name, config, ports.clock, authorities, Revocations(lists) if lists else None)


class CertificateJudge:
    """Says whom certificates prove for one identity."""

    def __init__(
        self,
        name: str,
        config: MtlsConfig,
        clock: Clock,
        authorities: Authorities | None,
        revocations: Revocations | None,
    ) -> None:
        self._name = name
        self._config = config
        self._wall_s = clock.wall_s
        self._authorities = authorities
        self._revocations = revocations
        self._source = f"#/identities/{name}/mtls"

    def judge(self, certificate: PeerCertificate) -> Judged:
        """Whom ``certificate`` proves, or why nobody. What does not change is found out once for a connection."""
        now = self._wall_s()
        judged: Judged | None = certificate.proven.get(self._name)
        if judged is None:
            judged = certificate.proven[self._name] = self._who(certificate, now)
        if isinstance(judged, Identity):
            return self._holds(judged, certificate.details, now)
        return judged

    def _holds(self, identity: Identity, details: CertificateDetails, now: float) -> Identity | Refuse:
        if not details.not_before <= now < details.not_after:
            return self._out_of_time(details, now)
        if self._revocations is not None:
            status = self._revocations.status(details.issuer_name, details.serial, now)
            if status == "revoked":
                return self._refuse(CERTIFICATE_REVOKED, f"{_shown(details)}, revoked", "one that is not revoked")
            if status == "unknown":
                found = f"no list of {details.issuer} that holds now"
                return self._refuse(UNAVAILABLE, found, "a revocation list of its authority", "crl")
        return identity

    def _out_of_time(self, details: CertificateDetails, now: float) -> Refuse:
        seconds = details.not_before - now if now < details.not_before else now - details.not_after
        when = "begins to hold in" if now < details.not_before else "expired"
        found = f"{_shown(details)} {when} {seconds:.0f} s{'' if now < details.not_before else ' ago'}"
        return self._refuse(CERTIFICATE_EXPIRED, found, "a certificate that holds now")

    def _who(self, certificate: PeerCertificate, now: float) -> Judged:
        try:
            details = certificate.details
        except CertificateError as error:
            return self._refuse(CERTIFICATE_NOT_ACCEPTED, str(error), "a certificate by RFC 5280")
        if details.is_authority or not details.is_for_clients:
            usage = "may sign others" if details.is_authority else "is not for TLS clients"
            return self._refuse(CERTIFICATE_NOT_ACCEPTED, f"{_shown(details)}: it {usage}", "one for TLS clients")
        try:
            subject, roles = self._named(details)
        except ValueError as error:
            return NotMine(self._refuse(CERTIFICATE_NOT_ACCEPTED, f"{_shown(details)}: {error}", "an accepted name"))
        if not details.not_before <= now < details.not_after:
            return self._out_of_time(details, now)  # which the chain would not have told apart
        if self._authorities is not None and not self._authorities.vouch_for(certificate, now):
            found = f"{_shown(details)}, by {details.issuer}"
            return NotMine(self._refuse(CERTIFICATE_NOT_ACCEPTED, found, "a chain to its authorities", "ca"))
        return Identity(
            "mtls",
            subject,
            certificate.thumbprint,
            consumer=Consumer(f"{self._name}:{subject}", self._config.plan or "", roles),
            name=self._name,
            issuer=details.issuer,
            claims=_claims(details, certificate.thumbprint),
            expires=details.not_after,
        )

    def _named(self, details: CertificateDetails) -> tuple[str, frozenset[str]]:
        """The one accepted name that the certificate has, and its roles. Raises ``ValueError``."""
        config = self._config
        reason = "none of its names is accepted"
        found: dict[str, set[str]] = {}
        if config.trust_domain is not None:
            try:
                text, domain, segments = spiffe.id_of(details)
            except spiffe.SpiffeError as error:
                reason = str(error)
            else:
                paths = config.spiffe or ["/**"]
                if domain == config.trust_domain and any(spiffe.matches(each, segments) for each in paths):
                    found[text] = {each for each in config.roles if spiffe.matches(each, segments)}
        for name, pattern in self._listed(details):
            found.setdefault(name, set()).add(pattern)
        if len(found) != 1:
            raise ValueError(f"{len(found)} accepted names, not one" if found else reason)
        ((subject, patterns),) = found.items()
        return subject, frozenset(role for each in patterns for role in config.roles.get(each, ()))

    def _listed(self, details: CertificateDetails) -> Iterator[tuple[str, str]]:
        """Names of the certificate that the file lists, each with what it is listed as."""
        config = self._config
        for host in map(str.lower, details.dns if config.dns else ()):
            if is_host(host):
                yield from ((host, pattern) for pattern in config.dns if matches_host(pattern, host))
        for names, listed in ((details.emails, config.emails), (details.uris, config.uris)):
            yield from ((name, name) for name in names if name in listed)
        if details.subject in config.subjects:
            yield details.subject, details.subject

    def _refuse(self, code: Code, found: str, allowed: str, key: str = "") -> Refuse:
        source = f"{self._source}/{key}" if key else self._source
        return Refuse(code, finding=Finding(_POINTER, shorten(found), allowed, source))


def _claims(details: CertificateDetails, thumbprint: str) -> dict[str, Any]:
    return {
        "subject": details.subject,
        "issuer": details.issuer,
        "serial": f"{details.serial:x}",
        "dns": list(details.dns),
        "uris": list(details.uris),
        "emails": list(details.emails),
        "x5t#S256": thumbprint,
    }


def _shown(details: CertificateDetails) -> str:
    name = next(iter((*details.uris, *details.dns, *details.emails)), details.subject)
    return f"certificate {details.serial:x} of {shorten(name, 60)}"


def _authorities(where: Place, path: str, ports: Ports) -> Authorities:
    data = _read(where, path, ports)
    try:
        return read_authorities(data)
    except ValueError as error:
        raise mistake(where, f"{path} can't be used: {error}", "a PEM file with certificate authorities") from None


def _read(where: Place, path: str, ports: Ports) -> bytes:
    try:
        return ports.files.read(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise mistake(where, f"{path} can't be read: {reason}", "paths are relative to this file") from None
