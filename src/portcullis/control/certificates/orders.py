"""What commands ask about managed certificates, and how they are told no."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from portcullis.control.service_errors import ServiceError

Reason = Literal["unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation"]
REASONS: Final[dict[str, int]] = {
    "unspecified": 0,
    "keyCompromise": 1,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
}
"""Those that a subscriber may give (RFC 5280 5.3.1)."""


class Revocation(msgspec.Struct, frozen=True):
    """Why a certificate is revoked."""

    reason: Reason = "unspecified"


class Renewed(msgspec.Struct, frozen=True):
    """The certificate that is there now; ``not_after`` in Unix seconds."""

    name: str
    serial: str
    not_after: float


class CertificateServiceError(ServiceError):
    """It could not be done."""

    code = "certificates.failed"
    status = 502


class InvalidCertificateOrder(CertificateServiceError):  # noqa: N818 - a fact about the order
    """The order makes no sense."""

    code = "certificates.invalid"
    status = 400
