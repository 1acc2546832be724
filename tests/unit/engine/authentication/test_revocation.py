from __future__ import annotations

import time
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rows import rows

from portcullis.engine.authentication import revocation
from portcullis.engine.authentication.revocation import RevocationListError, Revocations, as_pem, read_list
from portcullis.testing.certificates import Authority, Issued, pem_of

NOW = time.time()
MESH, OTHER = Authority("mesh"), Authority("other")
GOOD, BAD = MESH.issue(), MESH.issue()
LIST = MESH.revoked(BAD)


def status(revocations: Revocations, issued: Issued, now: float = NOW) -> str:
    certificate = issued.certificate
    return revocations.status(certificate.issuer.public_bytes(), certificate.serial_number, now)


@rows("encoding", [Encoding.PEM, Encoding.DER])
def test_a_list_says_who_is_revoked(encoding: Encoding) -> None:
    read = read_list(LIST.public_bytes(encoding), [MESH.certificate], NOW)
    revocations = Revocations([read])
    assert (status(revocations, BAD), status(revocations, GOOD)) == ("revoked", "good")
    assert read.whose == "CN=mesh"


def test_of_an_authority_without_a_list_nothing_is_known() -> None:
    revocations = Revocations([read_list(pem_of(LIST), [], NOW)])
    assert status(revocations, OTHER.issue()) == "unknown"


def test_a_list_that_runs_out_knows_only_who_was_revoked() -> None:
    revocations = Revocations([read_list(pem_of(LIST), [], NOW)])
    assert status(revocations, GOOD, NOW + 3700) == "unknown"
    assert status(revocations, BAD, NOW + 3700) == "revoked"


def test_of_two_lists_the_later_one_holds() -> None:
    later = MESH.revoked(GOOD, ends=timedelta(hours=2))
    for order in ((LIST, later), (later, LIST)):
        revocations = Revocations(read_list(pem_of(each), [], NOW) for each in order)
        assert (status(revocations, BAD), status(revocations, GOOD)) == ("good", "revoked")


@rows(
    ("crl", "why"),
    [
        (MESH.revoked(starts=timedelta(days=-2), ends=timedelta(days=-1)), "the list of CN=mesh has expired at 20"),
        (MESH.revoked(starts=timedelta(hours=1), ends=timedelta(hours=2)), "the list of CN=mesh does not hold before"),
        (MESH.revoked(key=OTHER.key), "the list of CN=mesh is not signed by it"),
        (MESH.revoked(critical=x509.DeltaCRLIndicator(1)), "not a complete one"),
        (
            MESH.revoked(
                critical=x509.IssuingDistributionPoint(
                    None,
                    None,
                    only_contains_user_certs=True,
                    only_contains_ca_certs=False,
                    only_some_reasons=None,
                    indirect_crl=False,
                    only_contains_attribute_certs=False,
                )
            ),
            "not a complete one",
        ),
    ],
    ids=["expired", "early", "forged", "delta", "partial"],
)
def test_what_can_not_be_gone_by_is_told(crl: x509.CertificateRevocationList, why: str) -> None:
    with pytest.raises(RevocationListError, match=why):
        read_list(pem_of(crl), [MESH.certificate, OTHER.certificate], NOW)


@rows("data", [b"", b"nothing", MESH.pem, b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", b"\x30" * 99])
def test_what_is_no_list_is_told(data: bytes) -> None:
    with pytest.raises(RevocationListError, match="no revocation list in PEM or DER"):
        read_list(data, [], NOW)


def test_a_list_with_too_many_entries_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocation, "MAX_ENTRIES", 1)
    with pytest.raises(RevocationListError, match="more than 1 entries"):
        read_list(pem_of(MESH.revoked(GOOD, BAD)), [], NOW)


def test_a_list_of_whoever_has_the_name_may_be_signed_by_any_of_them() -> None:
    twin = Authority("mesh")
    assert read_list(pem_of(twin.revoked()), [MESH.certificate, twin.certificate], NOW).revoked == frozenset()


def test_a_list_is_written_in_pem() -> None:
    for encoding in (Encoding.PEM, Encoding.DER):
        assert as_pem(LIST.public_bytes(encoding)) == pem_of(LIST).decode()


def test_deltas_add_and_take_away_and_are_only_for_their_list() -> None:
    complete = MESH.revoked(BAD, number=7, ends=timedelta(hours=2))
    delta = MESH.revoked(GOOD, number=9, base=7, removed=[BAD])

    def read(crl: x509.CertificateRevocationList) -> revocation.RevocationList:
        return read_list(pem_of(crl), [MESH.certificate], NOW, deltas=True)

    def revoked(*lists: x509.CertificateRevocationList) -> set[int]:
        return {serial for each in revocation.combined([read(crl) for crl in lists]) for serial in each.revoked}

    good, bad = GOOD.certificate.serial_number, BAD.certificate.serial_number
    assert (read(delta).number, read(delta).base, read(delta).removed) == (9, 7, {bad})
    assert revoked(complete) == {bad}
    assert revoked(complete, delta) == revoked(delta, complete) == {good}
    assert revoked(complete, MESH.revoked(GOOD, number=9, base=8, removed=[BAD])) == {good, bad}  # to a later list
    assert revoked(complete, MESH.revoked(number=6, base=5)) == {bad}  # and one that is in this list already
    assert revoked(delta) == set()
    assert revoked(complete, delta, MESH.revoked(number=10, base=7, removed=[BAD])) == set()
    (both,) = revocation.combined([read(complete), read(delta)])
    assert (both.number, both.until) == (9, read(delta).until)
    assert revoked(complete, MESH.revoked(number=8)) == set()  # the newest of two complete ones


def test_lists_must_be_by_a_known_authority_where_that_is_asked_for() -> None:
    assert read_list(pem_of(LIST), [OTHER.certificate], NOW).whose == "CN=mesh"
    with pytest.raises(RevocationListError, match="none of the authorities that are known"):
        read_list(pem_of(LIST), [OTHER.certificate], NOW, by_authorities=True)


def test_a_list_that_does_not_hold_now_is_told_apart() -> None:
    with pytest.raises(revocation.OutdatedListError):
        read_list(pem_of(LIST), [MESH.certificate], NOW + 7200)
