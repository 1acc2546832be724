from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from portcullis.engine.certificates.judging import Problem, alert_days, covers, problems_of
from portcullis.engine.certificates.reading import CertificateFacts, facts_of
from portcullis.testing.certificates import Authority, Issued

ROOT = Authority("root")
BELOW = Authority("below", ROOT)
DAY = 86_400.0
YEAR: dict[str, Any] = {"starts": timedelta(days=-1), "ends": timedelta(days=364)}
LEAF = BELOW.issue(dns=["shop.example"], **YEAR)
NOW = LEAF.certificate.not_valid_before_utc.timestamp() + DAY


def judged(issued: Issued, *more: Issued, now: float = NOW, **options: Any) -> dict[str, Problem]:
    chain = [issued.certificate, *(each.certificate for each in more)]
    return {each.kind: each for each in problems_of(chain, None, now, **options)}


def aged(life: float, left: float) -> tuple[CertificateFacts, float]:
    """A certificate of ``life`` days, and the moment at which it has ``left``."""
    facts = facts_of(LEAF.certificate)
    made = CertificateFacts(
        facts.subject, "", "", [], 0.0, life * DAY, facts.key, facts.signature, facts.pin, facts.fingerprint
    )
    return made, (life - left) * DAY


def test_nothing_is_wrong_with_a_good_one() -> None:
    assert judged(LEAF, BELOW, hosts=["shop.example"]) == {}


@pytest.mark.parametrize(
    ("life", "left", "days"),
    [
        (365, 22, None),
        (365, 21, 21),
        (365, 7.1, 21),
        (365, 7, 7),
        (90, 3, 3),
        (90, 0.5, 1),
        (47, 16, None),
        (47, 15, 21),
        (6, 2.1, None),
        (6, 2, 3),
        (6, 0.9, 1),
        (0.5, 0.2, None),
    ],
)
def test_alerts_come_as_days_pass_but_not_before_the_last_third(life: float, left: float, days: int | None) -> None:
    assert alert_days(*aged(life, left)) == days


def test_times_are_told() -> None:
    end = LEAF.certificate.not_valid_after_utc.timestamp()
    assert judged(LEAF, now=end - 5 * DAY)["expires_soon"].text == "expires in 5 days"
    assert judged(LEAF, now=end - DAY)["expires_soon"].text == "expires in 24 hours"
    expired = judged(LEAF, now=end + 3 * DAY)
    assert expired["expired"] == Problem("expired", "expired 3 days ago", grave=True)
    assert judged(LEAF, now=NOW - 4 * DAY)["not_yet_valid"].grave


@pytest.mark.parametrize(
    ("name", "host", "covered"),
    [
        ("shop.example", "shop.example", True),
        ("SHOP.example", "shop.example", True),
        ("shop.example", "*", True),
        ("*.example", "shop.example", True),
        ("*.example", "a.shop.example", False),
        ("*.example", "example", False),
        ("www.shop.example", "*.shop.example", True),
        ("*.shop.example", "*.shop.example", True),
        ("shop.example", "*.shop.example", False),
        ("notshop.example", "shop.example", False),
        ("2001:db8::7", "[2001:db8::7]", True),
    ],
)
def test_a_name_covers_hosts(name: str, host: str, covered: bool) -> None:
    assert covers(name, host) is covered


def test_a_certificate_for_others_is_told() -> None:
    assert judged(LEAF, hosts=["a.example", "b.example"])["wrong_name"].text == (
        "it is for shop.example, not for a.example, b.example"
    )
    assert judged(ROOT.issue(**YEAR), hosts=["a.example"])["wrong_name"].text.startswith("it is for no name")
    assert judged(ROOT.issue(**YEAR)) == {}


def with_key(key: Any) -> Issued:
    def change(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
        builder._public_key = key.public_key()
        return builder

    return ROOT.issue(dns=["shop.example"], change=change, **YEAR)


def test_weak_keys_are_told() -> None:
    assert judged(with_key(rsa.generate_private_key(65537, 1024)))["weak_key"].grave
    assert judged(with_key(ec.generate_private_key(ec.SECP192R1())))["weak_key"].text == "its key is weak: EC 192"
    assert judged(with_key(rsa.generate_private_key(65537, 2048))) == {}


class Sha1:
    """A certificate whose signature is over SHA-1, which no library makes any more."""

    def __init__(self, real: x509.Certificate) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return SHA1() if name == "signature_hash_algorithm" else getattr(self._real, name)


def test_weak_signatures_are_told() -> None:
    weak: Any = Sha1(LEAF.certificate)
    found = {each.kind: each for each in problems_of([weak], None, NOW)}
    assert found["weak_signature"].text == "its signature is over sha1"
    # What a root says of itself nobody verifies.
    root: Any = Sha1(ROOT.certificate)
    assert "weak_signature" not in {each.kind for each in problems_of([root], None, NOW)}


def test_a_chain_in_the_wrong_order_or_of_others_is_told() -> None:
    assert "did not sign it" in judged(LEAF, ROOT)["incomplete_chain"].text
    assert judged(LEAF, BELOW, ROOT) == {}
    forged = Authority("below", ROOT)  # the same name, another key
    assert judged(LEAF, forged)["incomplete_chain"].grave


def test_a_chain_that_ends_too_early_is_told_where_its_authority_is_a_public_one() -> None:
    def public(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
        where = x509.UniformResourceIdentifier("http://ca.example/below.der")
        access = x509.AccessDescription(x509.oid.AuthorityInformationAccessOID.CA_ISSUERS, where)
        return builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)

    leaf = BELOW.issue(dns=["shop.example"], change=public, **YEAR)
    text = judged(leaf, is_root=lambda _: False)["incomplete_chain"].text
    assert text == "the file ends before an authority that clients know: CN=below is missing"
    assert judged(leaf, is_root=lambda name: name == BELOW.name) == {}
    assert judged(LEAF, is_root=lambda _: False) == {}  # a private authority's, whose root clients have


def test_a_key_of_another_and_an_unreadable_one_are_told() -> None:
    other = BELOW.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert [each.kind for each in problems_of([LEAF.certificate], other, NOW)] == ["key_mismatch"]
    assert [each.kind for each in problems_of([LEAF.certificate], b"x", NOW)] == ["unreadable"]
