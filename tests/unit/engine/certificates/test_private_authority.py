from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import verification
from rows import rows

from portcullis.engine.certificates.private_authority import (
    IssuingError,
    Signer,
    Wanted,
    is_signed_by_its_key,
    issue,
    make_intermediate,
    make_root,
    new_key,
    revocation_list,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = 3600.0


def root(now: datetime = NOW) -> Signer:
    key = new_key()
    return Signer(make_root("mesh", key, 3650, now), key)


def below(of: Signer, domains: tuple[str, ...] = (), days: int = 365, now: datetime = NOW) -> Signer:
    key = new_key()
    return Signer(make_intermediate("mesh", key.public_key(), of, days, domains, now), key)


def leaf(signer: Signer, *names: str, spiffe_id: str = "", hours: float = 24, now: datetime = NOW) -> x509.Certificate:
    return issue(Wanted(names, spiffe_id, hours * HOUR), new_key().public_key(), signer, now)


def holds(certificate: x509.Certificate, through: list[Signer], roots: list[Signer], name: str, now: datetime) -> bool:
    store = verification.Store([each.certificate for each in roots])
    verifier = verification.PolicyBuilder().store(store).time(now).build_server_verifier(x509.DNSName(name))
    try:
        verifier.verify(certificate, [each.certificate for each in through])
    except verification.VerificationError:
        return False
    return True


def test_what_is_issued_is_believed_by_whoever_trusts_the_root():
    top = root()
    issuing = below(top, ("shop.internal",))
    certificate = leaf(issuing, "orders.shop.internal", spiffe_id="spiffe://shop.internal/orders")
    assert holds(certificate, [issuing], [top], "orders.shop.internal", NOW)
    assert not holds(certificate, [issuing], [top], "orders.shop.internal", NOW + timedelta(hours=25))
    assert not holds(certificate, [issuing], [root()], "orders.shop.internal", NOW)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://shop.internal/orders"]


def test_nothing_holds_longer_than_who_has_signed_it():
    top = root()
    issuing = below(top, days=5000)
    assert issuing.certificate.not_valid_after_utc == top.certificate.not_valid_after_utc
    late = NOW + timedelta(days=3649, hours=20)
    assert leaf(issuing, "a", now=late).not_valid_after_utc == issuing.certificate.not_valid_after_utc
    with pytest.raises(IssuingError, match="has ended"):
        leaf(issuing, "a", now=NOW + timedelta(days=3651))


@rows(
    ("names", "spiffe_id", "told"),
    [
        (("shop.example",), "", "may not issue for shop.example"),
        (("shop.internal.example",), "", "may not issue for"),
        (("xshop.internal",), "", "may not issue for"),
        (("*.example",), "", "may not issue for"),
        ((), "spiffe://other/orders", "may not issue for the trust domain other"),
    ],
)
def test_an_authority_keeps_to_its_names(names, spiffe_id, told):
    issuing = below(root(), ("shop.internal",))
    with pytest.raises(IssuingError, match=told):
        leaf(issuing, *names, spiffe_id=spiffe_id)
    assert leaf(issuing, "shop.internal", "*.shop.internal", spiffe_id="spiffe://shop.internal/a")


def test_an_authority_of_some_domains_issues_for_no_addresses_whatever_its_key_signs():
    issuing = below(root(), ("shop.internal",))
    constraints = issuing.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    assert constraints.permitted_subtrees == [x509.DNSName("shop.internal")]
    assert [str(each.value) for each in constraints.excluded_subtrees] == ["0.0.0.0/0", "::/0"]


def test_an_authority_that_issues_makes_no_other():
    issuing = below(root())
    constraints = issuing.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)


def test_a_year_of_roll_over_in_which_everything_that_holds_is_believed():
    """Certificates of a day, an authority that is replaced each month, and a root that is replaced in the middle."""
    first, second = root(), root()
    roots, issuing, live = [first], below(first, days=60), []
    signers = {}
    for day in range(365):
        now = NOW + timedelta(days=day)
        if day == 150:
            roots = [first, second]  # trusted before it signs
        if day == 180:
            issuing = below(second, days=60, now=now)
        elif day % 30 == 0:
            issuing = below(first if day < 180 else second, days=60, now=now)
        if day == 185:
            roots = [second]  # the last certificate below the first one has ended
        certificate = leaf(issuing, "a.internal", hours=24, now=now)
        signers[certificate] = issuing
        live = [each for each in [*live, certificate] if each.not_valid_after_utc > now]
        for each in live:
            assert holds(each, [signers[each]], roots, "a.internal", now), day


@rows(
    ("why", "said"),
    [(0, None), (1, x509.ReasonFlags.key_compromise), (4, x509.ReasonFlags.superseded), (9, None)],
)
def test_a_list_names_what_is_revoked_and_why(why, said):
    issuing = below(root())
    certificate = leaf(issuing, "a")
    listed = revocation_list(issuing, [(certificate.serial_number, NOW.timestamp(), why)], 7, NOW, timedelta(days=7))
    assert listed.is_signature_valid(issuing.certificate.public_key())
    entry = listed.get_revoked_certificate_by_serial_number(certificate.serial_number)
    assert [each.value.reason for each in entry.extensions] == ([] if said is None else [said])
    assert listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 7


@rows(
    ("key", "sound"),
    [
        (ec.generate_private_key(ec.SECP256R1()), True),
        (ed25519.Ed25519PrivateKey.generate(), True),
        (rsa.generate_private_key(65537, 2048), True),
        (rsa.generate_private_key(65537, 1024), False),
    ],
)
def test_requests_are_signed_by_a_key_that_is_strong_enough(key, sound):
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, algorithm)
    assert is_signed_by_its_key(request) is sound
