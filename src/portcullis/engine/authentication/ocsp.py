"""Asking an authority about one certificate (OCSP, RFC 6960, RFC 9654), without the asking itself.

An answer counts if it is signed by the authority that has signed the certificate, or by one that this authority has
made for that; if it is about this certificate; and if it holds now.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from portcullis.engine.authentication.status_messages import OcspStatus

MAX_ANSWER: Final = 64 * 1024
"""Bytes of an answer, a responder's certificate and some more included."""
NONCE_BYTES: Final = 32
_SKEW_SECONDS: Final = 300.0
"""How far the clocks of responders may be ahead or behind."""
_DEFAULT_SECONDS: Final = 300.0
"""How long an answer holds that does not say: what is older may have been kept by somebody since."""


class OcspError(ValueError):
    """An answer can't be gone by. The message says why."""


class OcspAnswer(msgspec.Struct, frozen=True):
    """What an authority says of a certificate, and until when that holds (Unix seconds).

    ``since``, ``reason``: of a revocation; the reason is one of RFC 5280 5.3.1, empty where none is given.
    """

    status: OcspStatus
    until: float
    since: float | None = None
    reason: str = ""


def request_for(certificate: x509.Certificate, issuer: x509.Certificate, nonce: bytes) -> bytes:
    """A request in DER. The certificate is named by SHA-1, as all responders understand it (RFC 5019 2.1.1)."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, SHA1())  # nosec B303 # noqa: S303 - a name
    builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def responders_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Where the certificate says that it can be asked about (RFC 5280 4.2.2.1)."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(
        each.access_location.value
        for each in access
        if each.access_method == AuthorityInformationAccessOID.OCSP
        and isinstance(each.access_location, x509.UniformResourceIdentifier)
    )


def read_answer(
    data: bytes, certificate: x509.Certificate, issuer: x509.Certificate, nonce: bytes, now: float
) -> OcspAnswer:
    """What ``data`` (in DER) says of ``certificate``, which ``issuer`` has signed. Raises :class:`OcspError`."""
    try:
        response = ocsp.load_der_ocsp_response(data)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise OcspError(f"it says {response.response_status.name.lower()}")
        expected = ocsp.load_der_ocsp_request(request_for(certificate, issuer, nonce))
        single = next((each for each in response.responses if _is_about(each, expected)), None)
        if single is None:
            raise OcspError("it is about another certificate")
        _check_nonce(response, nonce)
        _check_signature(response, issuer, now)
        return _held(single, now)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise error if isinstance(error, OcspError) else OcspError("it can't be read") from None


def _is_about(single: ocsp.OCSPSingleResponse, expected: ocsp.OCSPRequest) -> bool:
    return (
        single.serial_number == expected.serial_number
        and single.hash_algorithm.name == expected.hash_algorithm.name
        and single.issuer_name_hash == expected.issuer_name_hash
        and single.issuer_key_hash == expected.issuer_key_hash
    )


def _check_nonce(response: ocsp.OCSPResponse, nonce: bytes) -> None:
    """Responders that answer the same to everybody leave it out (RFC 5019 4)."""
    try:
        said = response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return
    if said != nonce:
        raise OcspError("it is the answer to another request")


def _check_signature(response: ocsp.OCSPResponse, issuer: x509.Certificate, now: float) -> None:
    for signer in (issuer, *response.certificates):
        if signer is not issuer and not _may_sign(signer, issuer, now):
            continue
        if _has_signed(signer, response):
            return
    raise OcspError("it is not signed by the authority, nor by one that it has made for that")


def _may_sign(signer: x509.Certificate, issuer: x509.Certificate, now: float) -> bool:
    """RFC 6960 4.2.2.2: signed by the authority itself, and for this use."""
    try:
        signer.verify_directly_issued_by(issuer)
        uses = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    moment = datetime.fromtimestamp(now, UTC)
    return (
        ExtendedKeyUsageOID.OCSP_SIGNING in uses and signer.not_valid_before_utc <= moment < signer.not_valid_after_utc
    )


def _has_signed(signer: x509.Certificate, response: ocsp.OCSPResponse) -> bool:
    key, signature, signed = signer.public_key(), response.signature, response.tbs_response_bytes
    algorithm = response.signature_hash_algorithm
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm is not None:
            key.verify(signature, signed, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm is not None:
            key.verify(signature, signed, ec.ECDSA(algorithm))
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, signed)
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return algorithm is None or algorithm.name not in ("md5", "sha1")


def _held(single: ocsp.OCSPSingleResponse, now: float) -> OcspAnswer:
    if single.this_update_utc.timestamp() > now + _SKEW_SECONDS:
        raise OcspError("it does not hold yet")
    if single.next_update_utc is not None:
        until = single.next_update_utc.timestamp()
    else:
        until = min(now, single.this_update_utc.timestamp() + _SKEW_SECONDS) + _DEFAULT_SECONDS
    if until <= now:
        raise OcspError("it has run out")
    if single.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        at, why = single.revocation_time_utc, single.revocation_reason
        return OcspAnswer("revoked", until, None if at is None else at.timestamp(), why.value if why else "")
    return OcspAnswer("good" if single.certificate_status is ocsp.OCSPCertStatus.GOOD else "unknown", until)
