from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from portcullis.engine.authentication.claim_mapping import ClaimMapping
from portcullis.engine.authentication.jose.claims import TokenRules
from portcullis.engine.authentication.jose.errors import (
    BAD_SIGNATURE,
    BOUND_TOKEN,
    FOREIGN_ISSUER,
    INVALID_CLAIMS,
    MALFORMED_TOKEN,
    REPLAYED_TOKEN,
    UNKNOWN_SIGNER,
    NoKeysError,
)
from portcullis.engine.authentication.jose.key_set import KeySet, read_key_set
from portcullis.engine.authentication.jose.names import PUBLIC_ALGORITHMS
from portcullis.engine.authentication.jose.verified import VerifiedTokens
from portcullis.engine.authentication.jose.verifier import TokenVerifier
from portcullis.engine.authentication.proof import DUPLICATE_CREDENTIAL, UNAVAILABLE, NotMine
from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.authentication.token_judge import TokenJudge
from portcullis.engine.codes import Code
from portcullis.engine.decision import Refuse
from portcullis.engine.identity import Identity
from portcullis.testing.fakes import FakeClock, FakeCounters
from portcullis.testing.tokens import Signer, key_set_of

FIRST, SECOND = Signer("ES256", "first"), Signer("ES256", "second")
ISSUER = "https://id.example.com"


class Keys:
    """Keys that a test exchanges, and that :meth:`ask` may bring."""

    def __init__(self, *signers: Signer) -> None:
        self.forget: list[Callable[[], None]] = []
        self.usable_until = 9e12
        self.may_ask = False
        self.in_doubt = False
        self.is_crowded = False
        self.asked = 0
        self.newer: tuple[Signer, ...] = signers
        self.set(*signers)

    def set(self, *signers: Signer) -> None:
        self.keys = read_key_set(json.dumps(key_set_of(*signers)).encode()).keys
        for each in self.forget:
            each()

    def usable(self, now: float) -> KeySet:
        if now >= self.usable_until:
            raise NoKeysError("none yet")
        return self.keys

    def on_change(self, forget: Callable[[], None]) -> None:
        self.forget.append(forget)

    async def ask(self) -> None:
        self.asked += 1
        self.may_ask = False
        self.usable_until = 9e12
        self.set(*self.newer)


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.counters = FakeCounters()
        self.keys = Keys(FIRST)
        self.verified = VerifiedTokens[Identity](1 << 20)
        self.judge = self.make()

    def make(self, **options: Any) -> TokenJudge:
        rules = TokenRules(ISSUER, frozenset({"shop"}), required=frozenset(options.pop("required", ())))
        return TokenJudge(
            "#/identities/staff/jwt",
            TokenVerifier(self.keys, PUBLIC_ALGORITHMS, rules),
            self.keys,
            ClaimMapping("staff", "jwt").reader(),
            self.verified,
            self.clock,
            **options,
        )

    def once(self) -> TokenJudge:
        return self.make(once=SingleUse(ISSUER, self.counters, self.clock), required=["jti"])

    def token(self, signer: Signer = FIRST, **claims: Any) -> bytes:
        usual = {"iss": ISSUER, "aud": "shop", "sub": "alice", "exp": int(self.clock.wall_s()) + 60}
        return signer.token({**usual, **claims}).encode()


@pytest.fixture
def world() -> World:
    return World()


def refused(outcome: object) -> Code:
    assert isinstance(outcome, Refuse)
    assert outcome.finding is not None
    assert outcome.finding.pointer == "/header/authorization"
    assert outcome.finding.source == "#/identities/staff/jwt"
    return outcome.code


def judged(judge: TokenJudge, token: bytes) -> Any:
    outcome = judge.judge(token, "/header/authorization")
    return asyncio.run(_wait(outcome)) if isinstance(outcome, Awaitable) else outcome


async def _wait(outcome: Awaitable[Any]) -> Any:
    return await outcome


def test_a_good_token_proves_whom_it_names(world: World) -> None:
    who = judged(world.judge, world.token(jti="t-1"))
    assert isinstance(who, Identity)
    assert (who.subject, who.credential, who.name) == ("alice", "t-1", "staff")


def test_a_token_without_a_name_is_known_by_what_was_signed(world: World) -> None:
    """The signature is no part of it: of an ECDSA signature anybody can make another one that verifies."""
    claims = world.token().split(b".")[1]
    tokens = [world.token(), world.token()]
    assert tokens[0] != tokens[1]
    assert tokens[0].split(b".")[1] == claims
    credentials = {judged(world.judge, token).credential for token in tokens}
    assert len(credentials) == 1
    assert len(credentials.pop()) == 32


def test_the_second_time_nothing_is_computed(world: World) -> None:
    token = world.token()
    who = judged(world.judge, token)
    assert judged(world.judge, token) is who
    assert len(world.verified) == 1


def test_what_was_verified_is_forgotten_at_its_end_and_when_keys_change(world: World) -> None:
    token = world.token()
    judged(world.judge, token)
    world.keys.set(SECOND)
    assert refused(judged(world.judge, token)) is UNKNOWN_SIGNER
    world.keys.set(FIRST)
    assert isinstance(judged(world.judge, token), Identity)
    world.clock.advance(60)
    assert refused(judged(world.judge, token)).name == "authenticate.expired_token"


def test_what_was_verified_does_not_outlive_its_keys(world: World) -> None:
    token = world.token()
    judged(world.judge, token)
    world.keys.usable_until = 0.0
    assert refused(judged(world.judge, token)) is UNAVAILABLE


def test_what_was_refused_is_not_kept(world: World) -> None:
    for _ in range(3):
        assert refused(judged(world.judge, world.token(Signer("ES256", "first")))) is BAD_SIGNATURE
    assert len(world.verified) == 0


@pytest.mark.parametrize("token", [b"", b"opaque", b"v1.x.y", b"a.b.c.d.e"])
def test_what_is_no_such_token_may_be_somebody_elses(world: World, token: bytes) -> None:
    outcome = judged(world.judge, token)
    assert isinstance(outcome, NotMine)
    assert refused(outcome.refusal) is MALFORMED_TOKEN


def test_a_token_of_another_issuer_may_be_somebody_elses(world: World) -> None:
    outcome = judged(world.judge, world.token(iss="https://other.example.com"))
    assert isinstance(outcome, NotMine)
    assert refused(outcome.refusal) is FOREIGN_ISSUER


def test_two_tokens_are_told_from_one_that_is_wrong(world: World) -> None:
    outcome = judged(world.judge, world.token() + b", Bearer " + world.token())
    assert refused(outcome.refusal if isinstance(outcome, NotMine) else outcome) is DUPLICATE_CREDENTIAL


def test_an_unknown_key_is_asked_for_and_the_call_waits(world: World) -> None:
    world.keys.may_ask, world.keys.newer = True, (FIRST, SECOND)
    who = judged(world.judge, world.token(SECOND))
    assert isinstance(who, Identity)
    assert world.keys.asked == 1


def test_an_unknown_key_that_nobody_has_is_refused(world: World) -> None:
    world.keys.may_ask = True
    assert refused(judged(world.judge, world.token(SECOND))) is UNKNOWN_SIGNER
    assert refused(judged(world.judge, world.token(SECOND))) is UNKNOWN_SIGNER
    assert world.keys.asked == 1


@pytest.mark.parametrize("why", ["in_doubt", "is_crowded"])
def test_where_it_can_not_be_found_out_the_caller_may_come_again(world: World, why: str) -> None:
    setattr(world.keys, why, True)
    assert refused(judged(world.judge, world.token(SECOND))) is UNAVAILABLE
    assert isinstance(judged(world.judge, world.token()), Identity)  # known keys go on


def test_the_first_keys_are_waited_for_as_well(world: World) -> None:
    world.keys.usable_until = 0.0
    assert refused(judged(world.judge, world.token())) is UNAVAILABLE
    world.keys.may_ask = True
    assert isinstance(judged(world.judge, world.token()), Identity)


def test_newer_keys_do_not_make_a_wrong_token_right(world: World) -> None:
    world.keys.may_ask, world.keys.newer = True, (FIRST, SECOND)
    assert refused(judged(world.judge, world.token(Signer("ES256", "second")))) is BAD_SIGNATURE


def test_a_bound_token_is_refused_unless_the_file_says_otherwise(world: World) -> None:
    token = world.token(cnf={"jkt": "x"})
    assert refused(judged(world.judge, token)) is BOUND_TOKEN
    assert judged(world.make(accepts_bound=True), token).claims["cnf"] == {"jkt": "x"}


def test_a_token_may_be_for_one_use(world: World) -> None:
    judge = world.once()
    token = world.token(jti="t-1")
    assert isinstance(judged(judge, token), Identity)
    assert refused(judged(judge, token)) is REPLAYED_TOKEN
    assert refused(judged(judge, world.token(jti="t-1"))) is REPLAYED_TOKEN  # another signature
    assert isinstance(judged(judge, world.token(jti="t-2")), Identity)
    assert len(world.verified) == 0


def test_a_token_that_is_refused_is_not_used_up(world: World) -> None:
    judge = world.once()
    assert refused(judged(judge, world.token(Signer("ES256", "first"), jti="t-1"))) is BAD_SIGNATURE
    assert isinstance(judged(judge, world.token(jti="t-1")), Identity)


def test_a_token_for_one_use_must_end_soon(world: World) -> None:
    token = world.token(jti="t-1", exp=world.clock.wall_s() + 90_000)
    assert refused(judged(world.once(), token)) is INVALID_CLAIMS
    assert refused(judged(world.once(), world.token())) is INVALID_CLAIMS  # without a jti


def test_a_use_that_can_not_be_counted_is_refused(world: World) -> None:
    world.counters.broken = True
    assert refused(judged(world.once(), world.token(jti="t-1"))) is UNAVAILABLE
    world.keys.may_ask, world.keys.newer = True, (SECOND,)
    assert refused(judged(world.once(), world.token(SECOND, jti="t-1"))) is UNAVAILABLE
