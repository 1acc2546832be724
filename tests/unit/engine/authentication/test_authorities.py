from __future__ import annotations

import time
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rows import rows

from portcullis.engine.authentication.authorities import read_authorities
from portcullis.engine.peer_certificate import PeerCertificate
from portcullis.testing.certificates import Authority, Issued

NOW = time.time()
ROOT = Authority("root")
BELOW = Authority("below", ROOT)
TWIN = Authority("root")
"""Another one of the same name."""
KNOWN = read_authorities(ROOT.pem)


def peer(issued: Issued, chain: list[bytes] | None = None) -> PeerCertificate:
    return PeerCertificate(issued.der, lambda: issued.chain_der if chain is None else chain)


def test_what_they_signed_comes_from_them() -> None:
    assert KNOWN.vouch_for(peer(ROOT.issue()), NOW)
    assert KNOWN.vouch_for(peer(BELOW.issue()), NOW)
    assert KNOWN.vouch_for(peer(Authority("deeper", BELOW).issue()), NOW)


def test_an_authority_below_may_be_trusted_by_itself() -> None:
    below = read_authorities(BELOW.certificate.public_bytes(Encoding.PEM))
    assert below.vouch_for(peer(BELOW.issue()), NOW)
    assert not below.vouch_for(peer(ROOT.issue()), NOW)


def test_what_others_signed_does_not() -> None:
    assert not KNOWN.vouch_for(peer(TWIN.issue()), NOW)
    assert not KNOWN.vouch_for(peer(Authority("below", TWIN).issue()), NOW)
    assert not KNOWN.vouch_for(peer(TWIN.issue(), ROOT.issue().chain_der), NOW)


def test_a_chain_with_a_gap_leads_nowhere() -> None:
    issued = BELOW.issue()
    assert not KNOWN.vouch_for(peer(issued, [issued.der]), NOW)
    assert not KNOWN.vouch_for(peer(issued, [issued.der, TWIN.der]), NOW)


def test_what_is_no_authority_signs_nothing() -> None:
    leaf = ROOT.issue("CN=leaf")
    forged = Authority("leaf")
    signed_by_leaf = (
        x509.CertificateBuilder()
        .subject_name(forged.name)
        .issuer_name(leaf.certificate.subject)
        .public_key(forged.key.public_key())
        .serial_number(1)
        .not_valid_before(leaf.certificate.not_valid_before_utc)
        .not_valid_after(leaf.certificate.not_valid_after_utc)
        .sign(leaf.key, leaf.certificate.signature_hash_algorithm)  # type: ignore[arg-type]
    )
    issued = Issued(signed_by_leaf, forged.key, [leaf.certificate])
    assert not KNOWN.vouch_for(peer(issued), NOW)


def test_times_count() -> None:
    issued = ROOT.issue(ends=timedelta(minutes=5))
    assert KNOWN.vouch_for(peer(issued), NOW)
    assert not KNOWN.vouch_for(peer(issued), NOW + 400)
    assert not KNOWN.vouch_for(peer(BELOW.issue(ends=timedelta(days=99))), NOW + 40 * 86400), "the authority's too"


@rows("chain", [[b""], [b"", b"nothing"], [b"\x30\x00"] * 50])
def test_a_chain_that_can_not_be_read_leads_nowhere(chain: list[bytes]) -> None:
    issued = ROOT.issue()
    assert not KNOWN.vouch_for(PeerCertificate(b"nothing", lambda: chain), NOW)
    assert KNOWN.vouch_for(peer(issued, [issued.der]), NOW)
    assert not KNOWN.vouch_for(peer(BELOW.issue(), [b"", *chain[1:]]), NOW)


def test_only_so_much_of_a_chain_is_looked_at() -> None:
    issued = BELOW.issue()
    padding = [TWIN.der] * 20
    assert not KNOWN.vouch_for(peer(issued, [issued.der, *padding, BELOW.der]), NOW)
    assert KNOWN.vouch_for(peer(issued, [issued.der, *padding[:5], BELOW.der]), NOW)


def test_a_file_with_several() -> None:
    both = read_authorities(ROOT.pem + TWIN.pem)
    assert len(both.certificates) == 2
    assert both.vouch_for(peer(TWIN.issue()), NOW)
    assert both.vouch_for(peer(ROOT.issue()), NOW)


@rows("pem", [b"", b"nothing", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_without_certificates_is_told(pem: bytes) -> None:
    with pytest.raises(ValueError, match="no certificate in it"):
        read_authorities(pem)


def test_a_file_with_a_certificate_of_somebody_else_is_told() -> None:
    with pytest.raises(ValueError, match="CN=leaf is no certificate authority"):
        read_authorities(ROOT.pem + ROOT.issue("CN=leaf").pem)
