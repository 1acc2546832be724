"""The certificate that a client has proven to hold the key of, read once for a connection.

Nothing is parsed before somebody asks: most requests are decided without it. What a certificate says is taken as it is
written; whether it is believed is decided by who reads it, such as the kind ``mtls`` of the phase ``authenticate``.
"""

from __future__ import annotations

import base64
import warnings
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from cryptography import x509

MAX_NAMES: Final = 100
"""Alternative names of one certificate that are read; the largest public ones have as many."""


class CertificateError(ValueError):
    """The certificate can't be read. The message says why, and quotes nothing of it."""


class CertificateDetails(msgspec.Struct, frozen=True):
    """What a certificate says (RFC 5280 4.1).

    ``subject`` and ``issuer`` by RFC 4514; ``issuer_name`` the latter as it is encoded; times in Unix seconds. The
    alternative names by their kind, in order: ``dns``, ``uris``, ``emails``; ``names``: how many there are of all
    kinds. ``is_authority``: it may sign others; ``is_for_clients``: its usages, where it names any, are those of a TLS
    client.
    """

    subject: str
    issuer: str
    issuer_name: bytes
    serial: int
    not_before: float
    not_after: float
    dns: tuple[str, ...]
    uris: tuple[str, ...]
    emails: tuple[str, ...]
    names: int
    is_authority: bool
    is_for_clients: bool


class PeerCertificate:
    """One client certificate in DER, with ``chain``, which gives what the client sent along, itself first.

    ``proven``: what identities have made of it, by their name; ``refusal``: gives why it does not hold any
    more at a time (Unix seconds), empty where it does, and is there where that can change; ``inquire``: has it found
    out again at such a time, where that has to be asked for. It lives as long as the connection.
    """

    __slots__ = ("_chain", "_details", "_thumbprint", "der", "inquire", "proven", "refusal")

    def __init__(self, der: bytes, chain: Callable[[], Sequence[bytes]] = tuple) -> None:
        self.der = der
        self.proven: dict[str, Any] = {}
        self.refusal: Callable[[float], str] | None = None
        self.inquire: Callable[[float], None] | None = None
        self._chain = chain
        self._details: CertificateDetails | None = None
        self._thumbprint = ""

    def __repr__(self) -> str:
        return f"<PeerCertificate {self.thumbprint}>"

    @property
    def thumbprint(self) -> str:
        """The SHA-256 of the certificate in base64url, as tokens that are bound to it say it (RFC 8705 3.1)."""
        if not self._thumbprint:
            self._thumbprint = base64.urlsafe_b64encode(sha256(self.der).digest()).rstrip(b"=").decode()
        return self._thumbprint

    @property
    def details(self) -> CertificateDetails:
        """What it says. Raises :class:`CertificateError`."""
        if self._details is None:
            self._details = read_details(read_certificate(self.der))
        return self._details

    def chain(self) -> Sequence[bytes]:
        """What the client sent, in DER: the certificate itself and those of authorities between it and one we know."""
        return self._chain() or (self.der,)


def read_certificate(der: bytes) -> x509.Certificate:
    """The certificate in ``der``. Raises :class:`CertificateError`."""
    # Where nobody has a client certificate nothing of this is loaded.
    from cryptography import x509  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of what RFC 5280 forbids and is read all the same, such as serial number 0
            return x509.load_der_x509_certificate(der)
    except (ValueError, TypeError, Warning, x509.InvalidVersion) as error:
        raise CertificateError("it is no certificate in DER") from error


def read_details(certificate: x509.Certificate) -> CertificateDetails:
    """What ``certificate`` says. Raises :class:`CertificateError`."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415

    try:
        extensions = certificate.extensions
        names = _names(extensions)
        return CertificateDetails(
            certificate.subject.rfc4514_string(),
            certificate.issuer.rfc4514_string(),
            certificate.issuer.public_bytes(),
            certificate.serial_number,
            certificate.not_valid_before_utc.timestamp(),
            certificate.not_valid_after_utc.timestamp(),
            tuple(name.value for name in names if isinstance(name, x509.DNSName)),
            tuple(name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)),
            tuple(name.value for name in names if isinstance(name, x509.RFC822Name)),
            len(names),
            _is_authority(extensions),
            _is_for_clients(extensions),
        )
    except CertificateError:
        raise
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise CertificateError("what it says can't be read") from error


def _names(extensions: x509.Extensions) -> Sequence[x509.GeneralName]:
    from cryptography import x509  # noqa: PLC0415

    names: Sequence[x509.GeneralName] = tuple(_extension(extensions, x509.SubjectAlternativeName) or ())
    if len(names) > MAX_NAMES:
        raise CertificateError(f"it has more than {MAX_NAMES} alternative names")
    return names


def _extension(extensions: x509.Extensions, kind: type[Any]) -> Any:
    found = [each.value for each in extensions if isinstance(each.value, kind)]
    return found[0] if found else None


def _is_authority(extensions: x509.Extensions) -> bool:
    from cryptography import x509  # noqa: PLC0415

    constraints = _extension(extensions, x509.BasicConstraints)
    usage = _extension(extensions, x509.KeyUsage)
    signs = usage is not None and (usage.key_cert_sign or usage.crl_sign)
    return signs or (constraints is not None and constraints.ca)


def _is_for_clients(extensions: x509.Extensions) -> bool:
    """RFC 5280 4.2.1.3 and 4.2.1.12: a usage that is not named is not allowed, unless none is."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.x509.oid import ExtendedKeyUsageOID  # noqa: PLC0415

    usage = _extension(extensions, x509.KeyUsage)
    extended = _extension(extensions, x509.ExtendedKeyUsage)
    may_sign = usage is None or usage.digital_signature
    return may_sign and (extended is None or ExtendedKeyUsageOID.CLIENT_AUTH in extended)
