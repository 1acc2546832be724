"""An authority of one's own: a root that stays offline, one below it that issues, and short-lived certificates.

Nothing here looks at a clock or a file; keys come in and go out as objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BACKDATED: Final = timedelta(minutes=5)
"""Certificates hold since a little before they were made: not all clocks are alike."""
_REASONS: Final = {
    1: x509.ReasonFlags.key_compromise,
    3: x509.ReasonFlags.affiliation_changed,
    4: x509.ReasonFlags.superseded,
    5: x509.ReasonFlags.cessation_of_operation,
}
"""RFC 5280 5.3.1; where none is given, none is said."""
_USES: Final = ("digital_signature", "key_cert_sign", "crl_sign")


class IssuingError(ValueError):
    """A certificate can't be issued. The message says why."""


class Signer(msgspec.Struct, frozen=True):
    """Who signs: the certificate of an authority, its key, and what stands between it and a root."""

    certificate: x509.Certificate
    key: Any
    chain: Sequence[x509.Certificate] = ()


class Wanted(msgspec.Struct, frozen=True):
    """What a certificate is to be for: ``names`` of hosts, a SPIFFE ID, and ``lifetime`` in seconds."""

    names: Sequence[str]
    spiffe_id: str
    lifetime: float


def new_key() -> ec.EllipticCurvePrivateKey:
    """A private key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def make_root(name: str, key: ec.EllipticCurvePrivateKey, days: int, now: datetime) -> x509.Certificate:
    """The certificate of a root, which signs itself, and authorities that sign no others."""
    subject = _named(f"{name} root")
    builder = _authority(subject, subject, key.public_key(), 1, now, now + timedelta(days=days))
    return _with_key_of(builder, key.public_key()).sign(key, SHA256())


def make_intermediate(
    name: str, public_key: CertificatePublicKeyTypes, root: Signer, days: int, domains: Sequence[str], now: datetime
) -> x509.Certificate:
    """The certificate of an authority that issues, signed by ``root``.

    ``domains``: names of hosts and trust domains (SPIFFE) below which it may issue, and for no addresses; empty for any
    (RFC 5280 4.2.1.10).
    """
    until = min(now + timedelta(days=days), root.certificate.not_valid_after_utc)
    # The next one has the same name: lists of what was revoked go by it, and are for both.
    builder = _authority(_named(name), root.certificate.subject, public_key, 0, now, until)
    builder = _with_key_of(builder, root.key.public_key())
    if domains:
        # Of hosts only: constraints of URIs are more than many verifiers understand.
        permitted = [x509.DNSName(each) for each in domains]
        excluded = [x509.IPAddress(ip_network(each)) for each in ("0.0.0.0/0", "::/0")]
        builder = builder.add_extension(x509.NameConstraints(permitted, excluded), critical=True)
    return builder.sign(root.key, _hash_for(root.key))


def domains_of(authority: x509.Certificate) -> list[str]:
    """The names of hosts and trust domains below which ``authority`` may issue; none where it may for any."""
    try:
        permitted = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
    except x509.ExtensionNotFound:
        return []
    return [each.value for each in permitted or () if isinstance(each, x509.DNSName)]


def issue(wanted: Wanted, public_key: CertificatePublicKeyTypes, signer: Signer, now: datetime) -> x509.Certificate:
    """A certificate for ``public_key``, which holds no longer than ``signer``'s. Raises :class:`IssuingError`."""
    authority = signer.certificate
    if now >= authority.not_valid_after_utc:
        raise IssuingError("the authority's own certificate has ended")
    until = min(now + timedelta(seconds=wanted.lifetime), authority.not_valid_after_utc)
    _check_constraints(wanted, authority)
    alternatives: list[x509.GeneralName] = [x509.DNSName(each) for each in wanted.names]
    if wanted.spiffe_id:
        alternatives.append(x509.UniformResourceIdentifier(wanted.spiffe_id))
    common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted.names[0][:64])] if wanted.names else [])
    usages = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
    builder = _builder(common, authority.subject, public_key, now - BACKDATED, until)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage("digital_signature"), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=not wanted.names)
    return _with_key_of(builder, authority.public_key()).sign(signer.key, _hash_for(signer.key))


def revocation_list(
    signer: Signer, revoked: Sequence[tuple[int, float, int]], number: int, now: datetime, holds: timedelta
) -> x509.CertificateRevocationList:
    """The list of what ``signer`` has revoked: serial numbers, with when (Unix seconds) and why (RFC 5280 5.3.1)."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(signer.certificate.subject)
    builder = builder.last_update(now - BACKDATED).next_update(now + holds)
    for serial, at, why in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial)
        entry = entry.revocation_date(datetime.fromtimestamp(at, UTC))
        if why in _REASONS:
            entry = entry.add_extension(x509.CRLReason(_REASONS[why]), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.certificate.public_key())  # type: ignore[arg-type]
    return builder.add_extension(key_id, critical=False).sign(signer.key, _hash_for(signer.key))


def is_signed_by_its_key(request: x509.CertificateSigningRequest) -> bool:
    """Whether who asks has the key that he asks for, which is one that is strong enough."""
    key = request.public_key()
    strong = (
        (isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048)
        or (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= 256)
        or isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)
    )
    return strong and request.is_signature_valid


def _check_constraints(wanted: Wanted, authority: x509.Certificate) -> None:
    """What the authority may not issue nobody would believe (RFC 5280 4.2.1.10)."""
    hosts = domains_of(authority)
    for name in wanted.names:
        if hosts and not any(_is_below(name.removeprefix("*."), each) for each in hosts):
            raise IssuingError(f"the authority may not issue for {name}, only below {', '.join(hosts)}")
    domain = wanted.spiffe_id.removeprefix("spiffe://").partition("/")[0]
    if domain and hosts and not any(_is_below(domain, each) for each in hosts):
        raise IssuingError(f"the authority may not issue for the trust domain {domain}, only below {', '.join(hosts)}")


def _is_below(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain.removeprefix('.')}")


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: CertificatePublicKeyTypes, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key)
    return builder.add_extension(identifier, critical=False)


def _authority(
    subject: x509.Name, issuer: x509.Name, key: CertificatePublicKeyTypes, below: int, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    builder = _builder(subject, issuer, key, now - BACKDATED, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
    return builder.add_extension(_usage(*_USES), critical=True)


def _with_key_of(builder: x509.CertificateBuilder, key: Any) -> x509.CertificateBuilder:
    return builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key), critical=False)


def _usage(*uses: str) -> x509.KeyUsage:
    known = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
    given = dict.fromkeys((*known, "decipher_only", *_USES), False) | dict.fromkeys(uses, True)
    return x509.KeyUsage(**given)


def _hash_for(key: Any) -> SHA256 | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else SHA256()
