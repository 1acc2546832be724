from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import msgspec
from rows import rows

from portcullis.engine.authentication.deciding import (
    all_of,
    first_present_decides,
    further_steps,
    still_proven,
    together,
)
from portcullis.engine.authentication.proof import (
    ABSENT,
    FAILED,
    MISSING,
    UNAVAILABLE,
    Authenticator,
    NotMine,
    Outcome,
    Proven,
)
from portcullis.engine.decision import Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.identity import ANONYMOUS, Identity
from portcullis.engine.policy import Step

ALICE = Identity("jwt", "alice", scopes=frozenset({"read", "write"}), expires=20.0)
BOB = Identity("api_key", "bob", scopes=frozenset({"read"}), expires=10.0)
MESH = Identity("mtls", "mesh")
WRONG = Refuse(FAILED)
OTHER = Refuse(MISSING)
CHALLENGED = Refuse(FAILED, fields=((b"www-authenticate", b"First"), (b"www-authenticate", b"Second")))


async def _later(outcome: Proven) -> Proven:
    return outcome


def _authenticator(outcome: Outcome, challenge: bytes = b"First") -> Authenticator:
    return Authenticator("authenticate.test", lambda *_: outcome, challenge)


async def _decide(*outcomes: Outcome) -> tuple[Any, Identity]:
    accepted = [_authenticator(o, c) for o, c in zip(outcomes, (b"First", b"Second", b""), strict=False)]
    facts = Facts()
    decision = first_present_decides(accepted)(None, facts)
    return (await decision if isinstance(decision, Awaitable) else decision), facts.identity


async def test_the_first_whose_credential_is_there_decides() -> None:
    assert await _decide(ABSENT, ALICE) == (None, ALICE)
    assert await _decide(ALICE, BOB) == (None, ALICE)
    assert await _decide(WRONG, ALICE) == (CHALLENGED, ANONYMOUS)
    assert await _decide(ABSENT, _later(ALICE)) == (None, ALICE)
    assert await _decide(_later(WRONG), ALICE) == (CHALLENGED, ANONYMOUS)


async def test_a_credential_of_another_identity_is_left_to_the_others() -> None:
    assert await _decide(NotMine(WRONG), ALICE) == (None, ALICE)
    assert await _decide(NotMine(WRONG), ABSENT) == (CHALLENGED, ANONYMOUS)
    decision, _ = await _decide(NotMine(WRONG), NotMine(OTHER))
    assert decision.code is FAILED


async def test_without_any_credential_all_challenges_are_given() -> None:
    decision, identity = await _decide(ABSENT, ABSENT, ABSENT)
    assert (decision.code, decision.fields) == (MISSING, CHALLENGED.fields)
    assert decision.finding.allowed == "First, Second, authenticate.test"
    assert identity is ANONYMOUS


@rows("own", [Refuse(FAILED, fields=((b"www-authenticate", b'Own error="x"'),)), Refuse(UNAVAILABLE)])
async def test_what_a_refusal_says_itself_stays(own: Refuse) -> None:
    assert (await _decide(own, ABSENT))[0] is own


async def _prove_all(*outcomes: Outcome) -> Any:
    outcome = all_of([_authenticator(each) for each in outcomes]).prove(None, Facts())  # type: ignore[arg-type]
    return await outcome if isinstance(outcome, Awaitable) else outcome


async def test_all_of_them_must_be_proven() -> None:
    proven = await _prove_all(ALICE, BOB)
    assert (proven.subject, proven.also, proven.scopes, proven.expires) == ("alice", (BOB,), {"read"}, 10.0)
    assert await _prove_all(ALICE, WRONG) is WRONG
    assert await _prove_all(NotMine(OTHER), WRONG) is WRONG
    assert (await _prove_all(ALICE, ABSENT)).code is MISSING
    assert await _prove_all(ABSENT, ABSENT) == ABSENT
    assert await _prove_all(ALICE, NotMine(OTHER)) == NotMine(OTHER)


async def test_those_of_them_that_wait_are_all_waited_for() -> None:
    assert (await _prove_all(_later(ALICE), MESH)).also == (MESH,)
    assert (await _prove_all(MESH, _later(ALICE))).subject == "mesh"
    assert await _prove_all(_later(ALICE), _later(WRONG)) is WRONG
    assert (await _prove_all(_later(ALICE), ABSENT)).code is MISSING
    assert await _prove_all(WRONG, _later(ALICE)) is WRONG


def test_several_credentials_never_grant_more_than_one_of_them() -> None:
    assert together([MESH, BOB]).scopes == {"read"}
    assert together([ALICE, BOB]).scopes == {"read"}
    nothing_in_common = Identity("jwt", "carol", scopes=frozenset({"admin"}))
    assert together([Identity("jwt", "dave"), BOB]).scopes == frozenset()
    assert together([Identity("basic", "dave"), MESH, BOB]).scopes == {"read"}
    assert together([BOB, nothing_in_common]).scopes == frozenset()
    assert together([MESH]).expires is None


def test_what_is_asked_for_together_is_withheld_together() -> None:
    one = Authenticator("authenticate.a", lambda *_: ABSENT, b"A", (b"authorization", b"dpop"))
    other = Authenticator("authenticate.b", lambda *_: ABSENT, b"", (b"authorization",))
    both = all_of([other, one])
    assert (both.policy, both.challenge, both.fields) == ("authenticate", b"A", (b"authorization", b"dpop"))


def test_what_is_looked_at_later_is_refused_like_all_else() -> None:
    refusal = Refuse(FAILED)
    looked = Step("test", "wire", lambda _request, _facts: refusal)
    accepted = [
        _authenticator(ABSENT),
        msgspec.structs.replace(_authenticator(ABSENT), challenge=b"B", steps=(looked,)),
    ]
    together_with_itself = all_of([accepted[1], accepted[1]])
    [step] = further_steps([*accepted, together_with_itself])
    challenges = tuple((b"www-authenticate", each.challenge) for each in [*accepted, together_with_itself])
    assert step.run(None, Facts()) == msgspec.structs.replace(refusal, fields=challenges)
    assert (step.policy, step.needs) == ("test", "wire")
    assert further_steps([accepted[0]]) == ()


async def test_who_proved_the_caller_is_known() -> None:
    for outcomes in ((ABSENT, ALICE), (NotMine(WRONG), _later(ALICE))):
        facts = Facts()
        decision = first_present_decides([_authenticator(each) for each in outcomes])(None, facts)  # type: ignore[arg-type]
        assert (await decision if isinstance(decision, Awaitable) else decision) is None
        assert (facts.identity, facts.proven_by) == (ALICE, 1)


@rows(
    ("outcome", "expected"),
    [(BOB, None), (WRONG, WRONG), (ABSENT, None), (NotMine(WRONG), None), (Refuse(UNAVAILABLE), None)],
)
def test_of_all_that_is_accepted_only_what_proved_the_caller_is_asked_again(outcome: Outcome, expected: Any) -> None:
    def never(*_: object) -> Outcome:
        raise AssertionError("it did not prove the caller")

    once, other = Authenticator("authenticate.test", never), Authenticator("authenticate.test", never, repeats=True)
    asked = msgspec.structs.replace(_authenticator(outcome), repeats=True)
    look = still_proven([once, other, asked])
    assert look(None, 2, 0.0) is expected  # type: ignore[arg-type]
    assert look(None, 0, 0.0) is None  # type: ignore[arg-type]
    assert look(None, -1, 0.0) is None  # type: ignore[arg-type]
