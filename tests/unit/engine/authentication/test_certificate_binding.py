from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from rows import rows

from portcullis.engine.authentication.certificate_binding import bound_to_certificate, confirmed, is_for_a_certificate
from portcullis.engine.authentication.jose.errors import BAD_SIGNATURE, BOUND_TOKEN
from portcullis.engine.authentication.proof import ABSENT, NotMine, Outcome, Proven
from portcullis.engine.decision import Refuse
from portcullis.engine.identity import Identity
from portcullis.engine.peer_certificate import PeerCertificate
from portcullis.engine.request import RequestView
from portcullis.testing.certificates import Authority

AUTHORITY = Authority("mesh")
OWN, OTHER = (PeerCertificate(AUTHORITY.issue().der) for _ in range(2))
CLAIMS = {"cnf": {"x5t#S256": OWN.thumbprint}}


def request(certificate: PeerCertificate | None) -> RequestView:
    return RequestView("GET", "/", (), {}, certificate=certificate)


@rows(
    ("certificate", "claims", "bound"),
    [
        (OWN, CLAIMS, True),
        (OTHER, CLAIMS, False),
        (None, CLAIMS, False),
        (OWN, {}, False),
        (OWN, {"cnf": {"x5t#S256": OWN.thumbprint + "="}}, False),
        (OWN, {"cnf": {"x5t#S256": ""}}, False),
        (OWN, {"cnf": {"x5t#S256": "ä"}}, False),
    ],
)
def test_a_token_is_confirmed_by_its_own_certificate_alone(
    certificate: PeerCertificate | None, claims: dict[str, Any], bound: bool
) -> None:
    assert bound_to_certificate(claims, request(certificate)) == bound


@rows(
    "confirmation",
    [None, {}, [], "x", 1, {"jkt": "k"}, {"x5t#S256": 1}, {"x5t#S256": None}, {"x5t#S256": "a", "jkt": "k"}],
)
def test_what_is_bound_to_anything_else_is_no_matter_of_certificates(confirmation: Any) -> None:
    claims = {"cnf": confirmation}
    assert not is_for_a_certificate(claims)
    assert not bound_to_certificate(claims, request(OWN))
    refused = confirmed(Identity("jwt", "a", claims=claims), request(OWN), "/header/authorization", "#/identities/a")
    assert isinstance(refused, Refuse)


def test_who_has_no_bound_token_is_not_asked_for_a_certificate() -> None:
    for outcome in (Identity("jwt", "a"), ABSENT, NotMine(Refuse(BAD_SIGNATURE)), Refuse(BAD_SIGNATURE)):
        assert confirmed(outcome, request(None), "", "") is outcome


@rows(("certificate", "found"), [(OTHER, "another client certificate"), (None, "no client certificate")])
def test_a_bound_token_without_its_certificate_is_refused(certificate: PeerCertificate | None, found: str) -> None:
    outcome = confirmed(Identity("jwt", "a", claims=CLAIMS), request(certificate), "/header/x", "#/identities/a/jwt")
    assert isinstance(outcome, Refuse)
    assert outcome.code is BOUND_TOKEN
    assert outcome.finding is not None
    assert (outcome.finding.pointer, outcome.finding.found) == ("/header/x", found)
    assert OWN.thumbprint not in repr(outcome)


async def later(outcome: Proven) -> Proven:
    return outcome


@rows(
    ("outcome", "certificate", "passes"),
    [
        (Identity("jwt", "a", claims=CLAIMS), OWN, True),
        (Identity("jwt", "a", claims=CLAIMS), None, False),
        (Identity("jwt", "a"), None, True),
        (Refuse(BAD_SIGNATURE), OWN, False),
    ],
)
async def test_the_same_holds_for_who_becomes_known_later(
    outcome: Proven, certificate: PeerCertificate | None, passes: bool
) -> None:
    pending: Outcome = confirmed(later(outcome), request(certificate), "", "")
    assert isinstance(pending, Awaitable)
    assert isinstance(await pending, Identity) == passes
