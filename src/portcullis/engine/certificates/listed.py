"""Whether a revocation list names one certificate, since when, and why (RFC 5280 5, 6.3.3).

Large authorities spread what they have revoked over many lists, each of which says for which certificates it decides
(issuing distribution point, RFC 5280 5.2.5): here, where the certificate is at hand, that can be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cryptography import x509

from portcullis.engine.authentication.revocation import RevocationListError, open_list, readable_list
from portcullis.engine.certificates.revocation import Told

_SCOPE: Final = frozenset({x509.IssuingDistributionPoint.oid})


def look_up(
    data: bytes, source: str, certificate: x509.Certificate, authorities: Sequence[x509.Certificate], now: float
) -> Told:
    """What the list in ``data`` (PEM or DER), which was had from ``source``, says of ``certificate``.

    It must be signed by the one of ``authorities`` that has its issuer's name. Raises
    :class:`~portcullis.engine.authentication.revocation.RevocationListError`.
    """
    with readable_list():
        crl, _ = open_list(data, authorities, now, _SCOPE, by_authorities=True)
        if crl.issuer != certificate.issuer:
            raise RevocationListError(f"it is the list of {crl.issuer.rfc4514_string()}, another authority")
        _check_scope(crl, certificate)
        entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        if entry is None:
            return Told("good", source)
        return Told("revoked", source, entry.revocation_date_utc.timestamp(), _reason(entry))


def _check_scope(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> None:
    """RFC 5280 6.3.3 (b) (2): whether the list decides about this certificate, and alone."""
    try:
        scope = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return
    kinds = scope.only_contains_ca_certs or scope.only_contains_attribute_certs
    if kinds or scope.indirect_crl or scope.only_some_reasons or scope.relative_name is not None:
        raise RevocationListError("the list decides about other certificates, or for some reasons only")
    if scope.full_name is not None and not _names(certificate).intersection(_uris(scope.full_name)):
        raise RevocationListError("the list decides about certificates that name another place")


def _names(certificate: x509.Certificate) -> set[str]:
    """The places of lists that the certificate names."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return set()
    return {uri for point in points for uri in _uris(point.full_name or ())}


def _uris(names: Sequence[x509.GeneralName]) -> list[str]:
    return [each.value for each in names if isinstance(each, x509.UniformResourceIdentifier)]


def _reason(entry: x509.RevokedCertificate) -> str:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except x509.ExtensionNotFound:
        return ""
