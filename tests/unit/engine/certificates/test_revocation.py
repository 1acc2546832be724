from __future__ import annotations

from portcullis.engine.certificates.revocation import (
    DAY,
    FIRST_SECONDS,
    Finding,
    Told,
    answered,
    first_at,
    next_at,
    nobody_to_ask,
    not_answered,
    problem_of,
)

T = 1_800_000_000.0
GOOD = Told("good", "http://ocsp.example/")
REVOKED = Told("revoked", "http://ocsp.example/", T - DAY, "keyCompromise")


def test_a_certificate_is_asked_about_soon_and_then_daily() -> None:
    assert first_at(T, 0.0) == T
    assert first_at(T, 1.0) == T + FIRST_SECONDS
    finding = answered(GOOD, T)
    assert next_at(finding, 0.0) == T + DAY
    assert T + 0.9 * DAY <= next_at(finding, 1.0) < next_at(finding, 0.5)


def test_who_does_not_answer_is_asked_again_sooner_and_ever_less_often() -> None:
    finding: Finding | None = None
    pauses = []
    for _ in range(40):
        finding = not_answered(finding, "away", T)
        pauses.append(next_at(finding, 0.0) - T)
    assert pauses[:5] == [3600.0, 7200.0, 14400.0, 28800.0, 57600.0]
    assert set(pauses[5:]) == {DAY}
    assert finding is not None
    assert (finding.status, finding.why, finding.answered_at) == ("unknown", "away", None)


def test_a_revocation_holds_while_nobody_answers_and_what_was_good_is_unknown() -> None:
    revoked = not_answered(answered(REVOKED, T), "away", T + DAY)
    assert (revoked.status, revoked.answered_at, revoked.asked_at) == ("revoked", T, T + DAY)
    assert problem_of(revoked) is not None
    good = not_answered(answered(GOOD, T), "away", T + DAY)
    assert (good.status, good.answered_at, good.failures) == ("unknown", T, 1)
    # One that was on hold may be good again (RFC 5280 5.3.1).
    assert answered(GOOD, T + 2 * DAY).status == "good"


def test_a_revoked_one_is_a_grave_problem_with_since_when_and_why() -> None:
    problem = problem_of(answered(REVOKED, T))
    assert problem is not None
    assert (problem.kind, problem.grave) == ("revoked", True)
    assert problem.text == "revoked since 2027-01-14 08:00 UTC (keyCompromise), says http://ocsp.example/"
    bare = problem_of(answered(Told("revoked", "a.crl", None, "unspecified"), T))
    assert bare is not None
    assert bare.text == "revoked, says a.crl"


def test_what_is_good_or_not_known_is_no_problem() -> None:
    assert problem_of(None) is None
    assert problem_of(answered(GOOD, T)) is None
    assert problem_of(not_answered(None, "away", T)) is None


def test_that_there_is_nobody_to_ask_is_no_failure() -> None:
    finding = nobody_to_ask("it names nobody", T)
    assert (finding.status, finding.failures, next_at(finding, 0.0)) == ("unknown", 0, T + DAY)
