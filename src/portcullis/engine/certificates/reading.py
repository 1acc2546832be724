"""What a PEM file with a certificate and its chain says."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from portcullis.engine.public_key_pins import pin_of, written_pin

DAY: Final = 86_400.0
MAX_CHAIN: Final = 16
"""Certificates of a file that are looked at; chains of public authorities have two or three."""


class UnreadableError(ValueError):
    """A file holds no certificate, or no key, that can be read. The message says why."""


class CertificateFacts(msgspec.Struct, frozen=True):
    """A certificate in words. Times are Unix seconds; ``pin`` is as in ``upstream.tls.pins``.

    ``names``: DNS names, addresses and URIs it is for; ``key``: kind and size, such as ``EC 256``; ``serial`` in
    lower-case hex; ``fingerprint``: the SHA-256 of the certificate in hex.
    """

    subject: str
    issuer: str
    serial: str
    names: list[str]
    not_before: float
    not_after: float
    key: str
    signature: str
    pin: str
    fingerprint: str

    def days_left(self, now: float) -> float:
        """Days until it ends; negative once it has."""
        return (self.not_after - now) / DAY


def read_chain(pem: bytes) -> list[x509.Certificate]:
    """The certificates of a PEM file, in its order. Raises :class:`UnreadableError`."""
    try:
        chain = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise UnreadableError("no PEM certificate that can be read") from error
    if len(chain) > MAX_CHAIN:
        raise UnreadableError(f"{len(chain)} certificates: a chain has {MAX_CHAIN} at most")
    return chain


def facts_of(certificate: x509.Certificate) -> CertificateFacts:
    """What ``certificate`` says. Raises :class:`UnreadableError` where a part of it can't be read."""
    try:
        return CertificateFacts(
            certificate.subject.rfc4514_string(),
            certificate.issuer.rfc4514_string(),
            f"{certificate.serial_number:x}",
            names_of(certificate),
            certificate.not_valid_before_utc.timestamp(),
            certificate.not_valid_after_utc.timestamp(),
            key_of(certificate),
            signature_of(certificate),
            written_pin(pin_of(certificate)),
            sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
        )
    except (ValueError, UnsupportedAlgorithm, x509.UnsupportedGeneralNameType) as error:
        raise UnreadableError(f"the certificate can't be read: {error}") from error


def names_of(certificate: x509.Certificate) -> list[str]:
    """The subject alternative names: DNS names, addresses, URIs; none where there are none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [
        *names.get_values_for_type(x509.DNSName),
        *map(str, names.get_values_for_type(x509.IPAddress)),
        *names.get_values_for_type(x509.UniformResourceIdentifier),
    ]


def key_of(certificate: x509.Certificate) -> str:
    """Kind and size of the public key."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.key_size}"
    if isinstance(key, dsa.DSAPublicKey):
        return f"DSA {key.key_size}"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519"
    return "Ed448" if isinstance(key, ed448.Ed448PublicKey) else type(key).__name__


def signature_of(certificate: x509.Certificate) -> str:
    """The hash that was signed, or the scheme where that has none to choose."""
    try:
        found = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return "unknown"
    return "EdDSA" if found is None else found.name


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether it names itself as its issuer: a root, or a certificate that somebody made for himself."""
    return certificate.subject == certificate.issuer


def key_belongs_to(certificate: x509.Certificate, key_pem: bytes) -> bool:
    """Whether a PEM private key is that of ``certificate``. Raises :class:`UnreadableError`."""
    try:
        key = load_pem_private_key(key_pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        why = "it is encrypted" if isinstance(error, TypeError) else "not PEM, or of an unknown kind"
        raise UnreadableError(f"the private key can't be read: {why}") from error
    return _spki(key.public_key()) == _spki(certificate.public_key())


def _spki(key: object) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined,no-any-return]
