from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from portcullis.engine.certificates.reading import (
    MAX_CHAIN,
    UnreadableError,
    facts_of,
    is_self_signed,
    key_belongs_to,
    key_of,
    read_chain,
)
from portcullis.testing.certificates import Authority, Issued

ROOT = Authority("root")
BELOW = Authority("below", ROOT)
LEAF = BELOW.issue("CN=shop", dns=["shop.example"], uris=["spiffe://x/y"], addresses=[ip_address("10.0.0.7")])


def pem_of(key: object, encryption: object = None) -> bytes:
    given = encryption or NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, given)  # type: ignore[attr-defined,no-any-return]


def test_a_chain_is_read_in_its_order() -> None:
    chain = read_chain(LEAF.pem)
    assert chain == [LEAF.certificate, BELOW.certificate]
    assert not is_self_signed(chain[1])
    assert is_self_signed(ROOT.certificate)


def test_a_certificate_in_words() -> None:
    facts = facts_of(LEAF.certificate)
    assert (facts.subject, facts.issuer) == ("CN=shop", "CN=below")
    assert facts.names == ["shop.example", "10.0.0.7", "spiffe://x/y"]
    assert (facts.key, facts.signature) == ("EC 256", "sha256")
    assert facts.pin.startswith("sha256/")
    assert len(facts.fingerprint) == 64
    assert facts.days_left(facts.not_after - 86_400) == 1
    assert facts.days_left(facts.not_after + 43_200) == -0.5


@pytest.mark.parametrize("text", [b"", b"nonsense", LEAF.pem[:200], LEAF.pem.replace(b"M", b"!", 5)])
def test_what_is_no_certificate_is_told(text: bytes) -> None:
    with pytest.raises(UnreadableError, match="no PEM certificate"):
        read_chain(text)


def test_a_chain_without_end_is_not_read() -> None:
    with pytest.raises(UnreadableError, match="at most"):
        read_chain(ROOT.pem * (MAX_CHAIN + 1))


def test_a_key_belongs_to_one_certificate(tmp_path: Path) -> None:
    assert key_belongs_to(LEAF.certificate, pem_of(LEAF.key))
    assert not key_belongs_to(LEAF.certificate, pem_of(BELOW.key))
    assert not key_belongs_to(LEAF.certificate, pem_of(ed25519.Ed25519PrivateKey.generate()))


def test_a_key_that_is_encrypted_or_none_is_told() -> None:
    with pytest.raises(UnreadableError, match="encrypted"):
        key_belongs_to(LEAF.certificate, pem_of(LEAF.key, BestAvailableEncryption(b"x")))
    with pytest.raises(UnreadableError, match="not PEM"):
        key_belongs_to(LEAF.certificate, b"nonsense")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (rsa.generate_private_key(65537, 2048), "RSA 2048"),
        (ec.generate_private_key(ec.SECP384R1()), "EC 384"),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
    ],
)
def test_keys_in_words(key: object, words: str) -> None:
    issued: Issued = ROOT.issue(
        ends=timedelta(days=1),
        change=lambda builder: builder.__class__(
            builder._issuer_name,
            builder._subject_name,
            key.public_key(),  # type: ignore[attr-defined]
            builder._serial_number,
            builder._not_valid_before,
            builder._not_valid_after,
            builder._extensions,
        ),
    )
    assert key_of(issued.certificate) == words
