from __future__ import annotations

import base64
from datetime import timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from rows import rows

from portcullis.engine.peer_certificate import CertificateError, PeerCertificate
from portcullis.testing.certificates import Authority

AUTHORITY = Authority("mesh")


def usage(**named: bool) -> x509.KeyUsage:
    every = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
    rest = dict.fromkeys((*every, "decipher_only", "key_cert_sign", "crl_sign", "digital_signature"), False)
    return x509.KeyUsage(**{**rest, **named})


def test_what_a_certificate_says() -> None:
    issued = AUTHORITY.issue(
        "CN=checkout,O=Shop", dns=["A.example", "b.example"], uris=["urn:a"], emails=["a@b.example"]
    )
    details = PeerCertificate(issued.der).details
    certificate = issued.certificate
    assert (details.subject, details.issuer) == ("CN=checkout,O=Shop", "CN=mesh")
    assert details.issuer_name == certificate.issuer.public_bytes()
    assert details.serial == certificate.serial_number
    assert details.not_before == certificate.not_valid_before_utc.timestamp()
    assert details.not_after == certificate.not_valid_after_utc.timestamp()
    assert (details.dns, details.uris, details.emails) == (("A.example", "b.example"), ("urn:a",), ("a@b.example",))
    assert details.names == 4
    assert not details.is_authority
    assert details.is_for_clients


def test_a_certificate_without_names_has_none() -> None:
    details = PeerCertificate(AUTHORITY.issue().der).details
    assert (details.dns, details.uris, details.emails, details.names) == ((), (), (), 0)


def test_its_thumbprint_is_the_one_of_bound_tokens() -> None:
    der = AUTHORITY.issue().der
    wanted = base64.urlsafe_b64encode(sha256(der).digest()).decode().rstrip("=")
    certificate = PeerCertificate(der)
    assert [certificate.thumbprint, certificate.thumbprint] == [wanted, wanted]
    assert len(wanted) == 43
    assert repr(certificate) == f"<PeerCertificate {wanted}>"


def test_it_is_read_once() -> None:
    certificate = PeerCertificate(AUTHORITY.issue().der)
    assert certificate.details is certificate.details


def test_its_chain_is_what_came_with_it() -> None:
    issued = Authority("below", AUTHORITY).issue()
    assert PeerCertificate(issued.der, lambda: issued.chain_der).chain() == issued.chain_der
    assert PeerCertificate(issued.der).chain() == (issued.der,)


@rows(
    ("extension", "authority", "clients"),
    [
        (None, False, True),
        (usage(digital_signature=True), False, True),
        (usage(key_encipherment=True), False, False),
        (usage(digital_signature=True, key_cert_sign=True), True, True),
        (usage(digital_signature=True, crl_sign=True), True, True),
        (x509.BasicConstraints(ca=True, path_length=0), True, True),
        (x509.BasicConstraints(ca=False, path_length=None), False, True),
    ],
)
def test_what_it_may_be_used_for(extension: x509.ExtensionType | None, authority: bool, clients: bool) -> None:
    def change(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
        return builder if extension is None else builder.add_extension(extension, critical=True)

    details = PeerCertificate(AUTHORITY.issue(change=change).der).details
    assert (details.is_authority, details.is_for_clients) == (authority, clients)


@rows(
    ("purposes", "clients"),
    [
        ((), True),
        ((ExtendedKeyUsageOID.CLIENT_AUTH,), True),
        ((ExtendedKeyUsageOID.SERVER_AUTH,), False),
        ((ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), False),
    ],
)
def test_the_purposes_that_it_names(purposes: tuple[x509.ObjectIdentifier, ...], clients: bool) -> None:
    assert PeerCertificate(AUTHORITY.issue(purposes=purposes).der).details.is_for_clients == clients


def test_only_so_many_names_are_read() -> None:
    assert PeerCertificate(AUTHORITY.issue(dns=["a.example"] * 100).der).details.names == 100
    with pytest.raises(CertificateError, match="more than 100 alternative names"):
        _ = PeerCertificate(AUTHORITY.issue(dns=["a.example"] * 101).der).details


@rows("der", [b"", b"\x30", b"nothing of the kind", b"\x30\x82\xff\xff" + b"\x00" * 100, b"\x00" * 10_000])
def test_what_is_no_certificate_is_told(der: bytes) -> None:
    with pytest.raises(CertificateError, match="no certificate in DER"):
        _ = PeerCertificate(der).details


def test_no_byte_that_is_changed_makes_anything_else_of_it_than_an_error() -> None:
    der = AUTHORITY.issue(dns=["a.example"], ends=timedelta(days=1)).der
    for position in range(len(der)):
        for value in (0, 0xFF, der[position] ^ 1):
            try:
                _ = PeerCertificate(der[:position] + bytes([value]) + der[position + 1 :]).details
            except CertificateError:
                continue


def test_a_name_that_is_no_text_is_an_error() -> None:
    der = AUTHORITY.issue(dns=["abcdefgh"]).der
    with pytest.raises(CertificateError, match="can't be read"):
        _ = PeerCertificate(der.replace(b"abcdefgh", b"abcd\xff\xfegh")).details
