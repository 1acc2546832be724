"""Pins, as they are written and as they are computed."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from rows import rows

from portcullis.engine.peer_certificate import read_certificate
from portcullis.engine.public_key_pins import check_pin, pin_of, read_pin, written_pin
from portcullis.testing.certificates import Authority


def test_a_pin_is_read_as_it_is_written() -> None:
    digest = bytes(range(32))
    assert read_pin(written_pin(digest)) == digest
    assert check_pin(written_pin(digest)) == "sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@rows(
    "text",
    [
        "",
        "sha256/",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "sha1/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",
        "sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= ",
        "sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8é",
    ],
)
def test_what_is_no_pin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64: 43 characters"):
        check_pin(text)


def test_a_pin_is_that_of_the_key_and_not_of_the_certificate() -> None:
    root = Authority("root")
    other = Authority("root", parent=root)
    assert pin_of(read_certificate(root.der)) == pin_of(root.certificate)
    assert pin_of(root.certificate) != pin_of(other.certificate)
    again = x509.CertificateBuilder(
        root.certificate.subject,
        root.certificate.subject,
        root.key.public_key(),
        7,
        root.certificate.not_valid_before_utc,
        root.certificate.not_valid_after_utc,
    ).sign(root.key, SHA256())
    assert pin_of(again) == pin_of(root.certificate)
