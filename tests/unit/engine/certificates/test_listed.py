from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from ocsp_answers import naming

from portcullis.engine.authentication.revocation import RevocationListError
from portcullis.engine.certificates.listed import look_up
from portcullis.engine.certificates.private_authority import Signer, revocation_list
from portcullis.engine.certificates.revocation import Told
from portcullis.testing.certificates import Authority, Issued, pem_of

MESH, OTHER = Authority("mesh"), Authority("other")
URL = "http://pki.example/7.crl"
SHOP, PLAIN = MESH.issue(change=naming(list_url=URL)), MESH.issue()
NOW = time.time()


def scope(url: str | None = URL, **options: Any) -> x509.IssuingDistributionPoint:
    given = {
        "full_name": None if url is None else [x509.UniformResourceIdentifier(url)],
        "relative_name": None,
        "only_contains_user_certs": url is not None,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**{**given, **options})  # type: ignore[arg-type]


def look(crl: x509.CertificateRevocationList | bytes, about: Issued = SHOP, *authorities: x509.Certificate) -> Told:
    data = crl if isinstance(crl, bytes) else pem_of(crl)
    return look_up(data, URL, about.certificate, authorities or (MESH.certificate,), NOW)


def test_a_list_says_since_when_and_why() -> None:
    told = look(MESH.revoked(SHOP))
    assert (told.status, told.source, told.reason) == ("revoked", URL, "")
    assert told.since is not None
    assert abs(told.since - NOW) < 60
    signer = Signer(MESH.certificate, MESH.key)
    now = MESH.certificate.not_valid_before_utc + timedelta(days=1, minutes=4)
    listed = revocation_list(signer, [(SHOP.certificate.serial_number, NOW, 1)], 1, now, timedelta(days=1))
    assert look(listed) == Told("revoked", URL, float(int(NOW)), "keyCompromise")
    assert look(MESH.revoked(PLAIN)) == Told("good", URL)


def test_one_of_several_lists_decides_about_those_that_name_it() -> None:
    assert look(MESH.revoked(SHOP, critical=scope())).status == "revoked"
    assert look(MESH.revoked(critical=scope())).status == "good"
    for about in (PLAIN, MESH.issue(change=naming(list_url="http://pki.example/8.crl"))):
        with pytest.raises(RevocationListError, match="name another place"):
            look(MESH.revoked(about, critical=scope()), about)


@pytest.mark.parametrize(
    "odd",
    [
        scope(None, only_contains_ca_certs=True),
        scope(None, only_contains_attribute_certs=True),
        scope(None, indirect_crl=True),
        scope(None, only_some_reasons=frozenset({x509.ReasonFlags.key_compromise})),
        scope(
            None,
            relative_name=x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, "a")]),
        ),
    ],
)
def test_lists_for_others_or_for_some_reasons_decide_nothing(odd: x509.IssuingDistributionPoint) -> None:
    with pytest.raises(RevocationListError, match="about other certificates, or for some reasons only"):
        look(MESH.revoked(SHOP, critical=odd))


@pytest.mark.parametrize(
    ("crl", "why"),
    [
        (MESH.revoked(SHOP, starts=timedelta(days=-2), ends=timedelta(days=-1)), "has expired"),
        (MESH.revoked(SHOP, starts=timedelta(hours=1), ends=timedelta(days=1)), "does not hold before"),
        (MESH.revoked(SHOP, key=OTHER.key), "not signed by it"),
        (OTHER.revoked(SHOP), "none of the authorities"),
        (MESH.revoked(SHOP, number=2, base=1), "not a complete one"),
        (b"nonsense", "no revocation list"),
    ],
)
def test_what_can_not_be_gone_by_is_told(crl: Any, why: str) -> None:
    with pytest.raises(RevocationListError, match=why):
        look(crl)


def test_a_list_of_another_authority_of_the_chain_decides_nothing() -> None:
    with pytest.raises(RevocationListError, match="it is the list of CN=other"):
        look(OTHER.revoked(SHOP), SHOP, MESH.certificate, OTHER.certificate)


DER = MESH.revoked(SHOP, critical=scope()).public_bytes(Encoding.DER)


@given(st.integers(0, len(DER) - 1), st.integers(0, 255))
def test_a_list_of_which_a_byte_was_changed_never_raises_anything_else(at: int, byte: int) -> None:
    with suppress(RevocationListError):
        look(DER[:at] + bytes([byte]) + DER[at + 1 :])
