from __future__ import annotations

import base64

from rows import rows

from portcullis.engine.peer_certificate import PeerCertificate
from portcullis.mounts.certificate_fields import OwnCertificate, ReportedCertificates
from portcullis.testing.certificates import Authority

BELOW = Authority("below", Authority("root"))
ISSUED = BELOW.issue(dns=["a.example"])


def field(der: bytes) -> bytes:
    return b":%b:" % base64.b64encode(der)


def test_a_connection_has_its_own_certificate_whatever_its_fields_say() -> None:
    certificate = PeerCertificate(ISSUED.der)
    source = OwnCertificate(certificate)
    assert source.of({}) is certificate
    assert source.of({b"client-cert": field(BELOW.der)}) is certificate


def test_a_proxy_reports_certificate_and_chain() -> None:
    chain = b", ".join(field(der) for der in ISSUED.chain_der[1:])
    found = ReportedCertificates().of({b"client-cert": field(ISSUED.der), b"client-cert-chain": chain})
    assert found is not None
    assert found.der == ISSUED.der
    assert found.chain() == ISSUED.chain_der


def test_without_the_field_there_is_no_certificate() -> None:
    reported = ReportedCertificates()
    assert reported.of({}) is None
    assert reported.of({b"client-cert-chain": field(ISSUED.der)}) is None


def test_the_last_certificate_is_remembered_and_no_longer_than_it_is_the_last() -> None:
    reported = ReportedCertificates()
    first = reported.of({b"client-cert": field(ISSUED.der)})
    assert reported.of({b"client-cert": field(ISSUED.der)}) is first
    other = reported.of({b"client-cert": field(BELOW.der)})
    assert other is not None
    assert other.der == BELOW.der
    assert reported.of({}) is None
    changed = reported.of({b"client-cert": field(BELOW.der), b"client-cert-chain": field(ISSUED.der)})
    assert changed is not other


@rows(
    "value",
    [
        b"",
        b":",
        b"::",
        b":AAAA",
        b"AAAA:",
        b"AAAA",
        b":AA AA:",
        b":AAA:",
        b":====:",
        b":AAAA:;a=1",
        b":AAAA:, :AAAA:",
        b":AAAA:\n",
        b":AA-_:",
        b"%3AAAAA%3A",
        b"-----BEGIN CERTIFICATE-----",
    ],
)
def test_what_is_no_byte_sequence_is_a_certificate_that_proves_nobody(value: bytes) -> None:
    found = ReportedCertificates().of({b"client-cert": value})
    assert found is not None
    assert found.der == b""


def test_only_so_much_of_a_chain_is_read() -> None:
    headers = {b"client-cert": field(ISSUED.der), b"client-cert-chain": b",".join([field(BELOW.der)] * 100)}
    found = ReportedCertificates().of(headers)
    assert found is not None
    assert list(found.chain()) == [ISSUED.der] + [BELOW.der] * 10
