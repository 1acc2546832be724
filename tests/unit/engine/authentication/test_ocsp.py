from __future__ import annotations

import time
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st
from ocsp_answers import GOOD, REVOKED, UNKNOWN, answer, delegate, naming, nonce_in, unsuccessful
from rows import rows

from portcullis.engine.authentication.ocsp import OcspError, read_answer, request_for, responders_of
from portcullis.testing.certificates import Authority

ROOT, OTHER = Authority("root"), Authority("other")
ALICE, BOB = ROOT.issue("CN=alice"), ROOT.issue("CN=bob")
NONCE = b"n" * 32
RESPONDER, STRANGER, WORKLOAD = delegate(ROOT), delegate(OTHER), ROOT.issue("CN=workload")
EXPIRED = delegate(ROOT, starts=timedelta(days=-2), ends=timedelta(days=-1))


def read(data: bytes) -> str:
    return read_answer(data, ALICE.certificate, ROOT.certificate, NONCE, time.time()).status


def test_a_request_names_the_certificate_and_has_a_nonce():
    request = request_for(ALICE.certificate, ROOT.certificate, NONCE)
    assert ocsp.load_der_ocsp_request(request).serial_number == ALICE.certificate.serial_number
    assert nonce_in(request) == NONCE


@rows(("status", "expected"), [(GOOD, "good"), (REVOKED, "revoked"), (UNKNOWN, "unknown")])
def test_what_the_authority_says_is_read(status, expected):
    assert read(answer(ALICE, ROOT, status)) == expected
    assert read(answer(ALICE, ROOT, status, nonce=NONCE)) == expected
    assert read(answer(ALICE, ROOT, status, signer=RESPONDER)) == expected


@rows(
    ("data", "why"),
    [
        (answer(BOB, ROOT), "about another certificate"),
        (answer(ALICE, OTHER), "about another certificate"),
        (answer(ALICE, ROOT, named_by=SHA256()), "about another certificate"),
        (answer(ALICE, ROOT, nonce=b"m" * 32), "the answer to another request"),
        (answer(ALICE, ROOT, signer=STRANGER, sent=False), "not signed by the authority"),
        (answer(ALICE, ROOT, signer=STRANGER), "not signed by the authority"),
        (answer(ALICE, ROOT, signer=WORKLOAD), "not signed by the authority"),
        (answer(ALICE, ROOT, signer=EXPIRED), "not signed by the authority"),
        (answer(ALICE, ROOT, signer=RESPONDER, sent=False), "not signed by the authority"),
        (answer(ALICE, ROOT, starts=timedelta(minutes=20), ends=timedelta(hours=1)), "does not hold yet"),
        (answer(ALICE, ROOT, starts=timedelta(hours=-2), ends=timedelta(hours=-1)), "has run out"),
        (answer(ALICE, ROOT, starts=timedelta(minutes=-11), ends=None), "has run out"),
        (unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER), "says try_later"),
        (unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED), "says unauthorized"),
        (b"", "can't be read"),
        (b"0\x03\x0a\x01\x00", "can't be read"),
    ],
)
def test_what_can_not_be_gone_by_is_told(data, why):
    with pytest.raises(OcspError, match=why):
        read(data)


def test_an_answer_holds_as_long_as_it_says_or_five_minutes():
    now = time.time()
    found = read_answer(answer(ALICE, ROOT), ALICE.certificate, ROOT.certificate, NONCE, now)
    assert 3590 < found.until - now <= 3600
    found = read_answer(answer(ALICE, ROOT, ends=None), ALICE.certificate, ROOT.certificate, NONCE, now)
    assert found.until == now + 300
    older = answer(ALICE, ROOT, starts=timedelta(minutes=-9), ends=None)
    found = read_answer(older, ALICE.certificate, ROOT.certificate, NONCE, now)
    assert 55 < found.until - now < 65


def test_an_answer_says_since_when_and_why_a_certificate_is_revoked():
    now = time.time()
    data = answer(ALICE, ROOT, REVOKED, reason=x509.ReasonFlags.key_compromise)
    found = read_answer(data, ALICE.certificate, ROOT.certificate, NONCE, now)
    assert (found.status, found.reason) == ("revoked", "keyCompromise")
    assert found.since is not None
    assert abs(found.since - now) < 60
    found = read_answer(answer(ALICE, ROOT, REVOKED), ALICE.certificate, ROOT.certificate, NONCE, now)
    assert found.reason == ""
    found = read_answer(answer(ALICE, ROOT), ALICE.certificate, ROOT.certificate, NONCE, now)
    assert (found.since, found.reason) == (None, "")


def test_certificates_say_who_can_be_asked():
    assert responders_of(ROOT.issue(change=naming("http://ocsp.example/")).certificate) == ("http://ocsp.example/",)
    assert responders_of(ALICE.certificate) == ()


RIGHT = answer(ALICE, ROOT)


@given(st.integers(0, len(RIGHT) - 1), st.integers(1, 255))
def test_whatever_is_changed_it_says_the_same_or_nothing(at: int, by: int) -> None:
    data = bytearray(RIGHT)
    data[at] ^= by
    try:
        assert read(bytes(data)) == "good"
    except OcspError as error:
        assert str(error)  # noqa: PT017 - either is fine
