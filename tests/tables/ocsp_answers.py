"""Answers of OCSP responders, right and wrong in all the ways in which one can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from portcullis.testing.certificates import Authority, Issued

GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN


def nonce_in(request: bytes) -> bytes | None:
    try:
        return ocsp.load_der_ocsp_request(request).extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return None


def answer(
    about: Issued,
    issuer: Authority,
    status: ocsp.OCSPCertStatus = GOOD,
    *,
    signer: Issued | None = None,
    starts: timedelta = timedelta(minutes=-1),
    ends: timedelta | None = timedelta(hours=1),
    nonce: bytes | None = None,
    named_by: HashAlgorithm | None = None,
    sent: bool = True,
    reason: x509.ReasonFlags | None = None,
) -> bytes:
    """An answer ``about`` a certificate of ``issuer``.

    ``signer``: a delegate, in place of the issuer, whose certificate is ``sent`` along.
    """
    now = datetime.now(UTC)
    signing = signer or issuer
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=about.certificate,
        issuer=issuer.certificate,
        algorithm=named_by or SHA1(),
        cert_status=status,
        this_update=now + starts,
        next_update=None if ends is None else now + ends,
        revocation_time=now if status is REVOKED else None,
        revocation_reason=reason,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signing.certificate)
    if signer is not None and sent:
        builder = builder.certificates([signer.certificate])
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.sign(signing.key, SHA256()).public_bytes(Encoding.DER)


def unsuccessful(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


def delegate(authority: Authority, **options: Any) -> Issued:
    """Who may sign answers for ``authority``."""
    return authority.issue("CN=responder", purposes=(ExtendedKeyUsageOID.OCSP_SIGNING,), **options)


def naming(responder: str = "", list_url: str = "") -> Any:
    """What puts into a certificate where its responder is, and its list."""

    def change(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
        if responder:
            place = x509.UniformResourceIdentifier(responder)
            access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        if list_url:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(list_url)], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        return builder

    return change
