"""Certificates for tests: authorities, what they sign, and what they revoke, of any shape.

Made with plain cryptography, so that they can be wrong in all the ways in which a certificate can be::

    authority = Authority("mesh")
    leaf = authority.issue(uris=["spiffe://example.internal/ns/prod/sa/checkout"])
    crl = authority.revoked(leaf)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Builder = x509.CertificateBuilder
Change = Callable[[Builder], Builder]
_serials: Final = itertools.count(1000)


class Issued:
    """A certificate with its key, and the authorities between it and a root in ``chain``."""

    def __init__(
        self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, chain: Sequence[x509.Certificate] = ()
    ) -> None:
        self.certificate = certificate
        self.key = key
        self.chain = tuple(chain)

    @property
    def der(self) -> bytes:
        """The certificate as it goes over the wire."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def chain_der(self) -> list[bytes]:
        """What a client sends: the certificate itself first."""
        return [self.der, *(each.public_bytes(Encoding.DER) for each in self.chain)]

    @property
    def pem(self) -> bytes:
        """The certificate and its chain."""
        return b"".join(each.public_bytes(Encoding.PEM) for each in (self.certificate, *self.chain))

    def write(self, certificate: Path, key: Path) -> None:
        """Write both as a server or a client takes them."""
        certificate.write_bytes(self.pem)
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


class Authority(Issued):
    """An authority; without ``parent`` a root."""

    def __init__(self, name: str, parent: Authority | None = None) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(self.name, timedelta(days=-1), timedelta(days=30), key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .issuer_name(self.name if parent is None else parent.name)
        )
        certificate = builder.sign(key if parent is None else parent.key, SHA256())
        super().__init__(certificate, key, () if parent is None else _below_root(parent))
        self._chain_of_issued = () if parent is None else (certificate, *self.chain)

    def issue(
        self,
        subject: str = "CN=workload",
        *,
        dns: Sequence[str] = (),
        uris: Sequence[str] = (),
        emails: Sequence[str] = (),
        starts: timedelta = timedelta(hours=-1),
        ends: timedelta = timedelta(hours=1),
        purposes: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH),
        addresses: Sequence[Any] = (),
        change: Change = lambda builder: builder,
    ) -> Issued:
        """A certificate of this authority. Names are taken as they are, however odd; times are from now on."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(x509.Name.from_rfc4514_string(subject), starts, ends, key).issuer_name(self.name)
        names: list[x509.GeneralName] = [
            *(_raw(x509.DNSName, each) for each in dns),
            *(_raw(x509.UniformResourceIdentifier, each) for each in uris),
            *(_raw(x509.RFC822Name, each) for each in emails),
            *(x509.IPAddress(each) for each in addresses),
        ]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        return Issued(change(builder).sign(self.key, SHA256()), key, self._chain_of_issued)

    def revoked(
        self,
        *those: Issued,
        starts: timedelta = timedelta(hours=-1),
        ends: timedelta = timedelta(hours=1),
        key: ec.EllipticCurvePrivateKey | None = None,
        critical: x509.ExtensionType | None = None,
        number: int | None = None,
        base: int | None = None,
        removed: Sequence[Issued] = (),
        more: Iterable[int] = (),
    ) -> x509.CertificateRevocationList:
        """A list that revokes ``those``, and ``more`` serial numbers.

        ``key`` signs it instead of the authority's, ``critical`` is put into it. ``number``: of the list; ``base``: of
        the one that it is a delta to, from which ``removed`` are taken.
        """
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name)
        builder = builder.last_update(now + starts).next_update(now + ends)
        for each in those:
            entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number).revocation_date(now)
            builder = builder.add_revoked_certificate(entry.build())
        for each in removed:
            entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number).revocation_date(now)
            reason = x509.CRLReason(x509.ReasonFlags.remove_from_crl)
            builder = builder.add_revoked_certificate(entry.add_extension(reason, critical=False).build())
        entries = (x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now) for serial in more)
        made = [*builder._revoked_certificates, *(entry.build() for entry in entries)]  # noqa: SLF001
        builder._revoked_certificates = made  # noqa: SLF001 - adding one by one copies them all each time
        if number is not None:
            builder = builder.add_extension(x509.CRLNumber(number), critical=False)
        if base is not None:
            builder = builder.add_extension(x509.DeltaCRLIndicator(base), critical=True)
        if critical is not None:
            builder = builder.add_extension(critical, critical=True)
        return builder.sign(key or self.key, SHA256())


def pem_of(revocations: x509.CertificateRevocationList) -> bytes:
    """A list in PEM."""
    return revocations.public_bytes(Encoding.PEM)


def _below_root(authority: Authority) -> tuple[x509.Certificate, ...]:
    return authority._chain_of_issued  # noqa: SLF001 - of the same class


def _builder(name: x509.Name, starts: timedelta, ends: timedelta, key: ec.EllipticCurvePrivateKey) -> Builder:
    now = datetime.now(UTC)
    return (
        Builder()
        .subject_name(name)
        .not_valid_before(now + starts)
        .not_valid_after(now + ends)
        .serial_number(next(_serials))
        .public_key(key.public_key())
    )


def _raw(kind: Any, value: str) -> Any:
    """A name without the checks of its constructor."""
    made = kind.__new__(kind)
    made._value = value  # noqa: SLF001 - nothing public makes a name that is wrong
    return made
