"""Certificate authorities, and whether a client certificate comes from one of them.

A listener verifies the chain of every client in its handshake, against all authorities that it knows. Where several
share a listener, an identity names its own, and the chain is verified once more against these alone: a name that one
authority may give must not be had from another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from portcullis.engine.peer_certificate import CertificateError, PeerCertificate, read_certificate

MAX_CHAIN: Final = 10
"""Certificates of a client's chain that are looked at."""


class Authorities:
    """Those in ``certificates``: roots, or authorities below them that are trusted by themselves."""

    def __init__(self, certificates: Sequence[x509.Certificate]) -> None:
        self.certificates = tuple(certificates)
        self._store = Store(list(certificates))

    def vouch_for(self, certificate: PeerCertificate, now: float) -> bool:
        """Whether the chain of ``certificate`` leads to one of them at ``now`` (Unix seconds; RFC 5280 6.1)."""
        verifier = (
            PolicyBuilder()
            .store(self._store)
            .time(datetime.fromtimestamp(now, UTC))
            .max_chain_depth(MAX_CHAIN)
            .extension_policies(ca_policy=_OF_AUTHORITIES, ee_policy=ExtensionPolicy.permit_all())
            .build_client_verifier()
        )
        try:
            _, *others = certificate.chain()[:MAX_CHAIN]
            verifier.verify(read_certificate(certificate.der), [read_certificate(der) for der in others])
        except (CertificateError, VerificationError, ValueError, UnsupportedAlgorithm):
            return False
        return True


def read_authorities(pem: bytes) -> Authorities:
    """The authorities in a PEM file. Raises ``ValueError`` with what is wrong with it."""
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise ValueError("there is no certificate in it, or one that can't be read") from None
    for certificate in certificates:
        if not _is_authority(certificate):
            raise ValueError(f"{certificate.subject.rfc4514_string()} is no certificate authority")
    return Authorities(certificates)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False


def _must_be_authority(_policy: Policy, _certificate: x509.Certificate, constraints: x509.BasicConstraints) -> None:
    if not constraints.ca:
        raise ValueError("not an authority")


def _must_sign(_policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("not for signing certificates")


# Private authorities seldom say all that those of browsers must: what decides is asked for, no more.
_OF_AUTHORITIES: Final = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _must_be_authority)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _must_sign)
)
