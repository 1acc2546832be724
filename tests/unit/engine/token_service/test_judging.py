from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from rows import rows

from portcullis.engine.authentication.proof import UNAVAILABLE, NotMine
from portcullis.engine.decision import Refuse
from portcullis.engine.identity import Identity
from portcullis.engine.ports import Ports, Unanswered
from portcullis.engine.token_service.codes import REVOKED_TOKEN
from portcullis.engine.token_service.judging import OwnTokens
from portcullis.engine.token_service.messages import KEYS, REVOCATIONS, PublishedKeys, Revocations, Revoked, encode
from portcullis.testing import FakeClock, FakeCounters, FakeKeys
from portcullis.testing.tokens import Signer, key_set_of

NOW = 1_800_000_000
ISSUER = "https://id.shop.example"
SIGNER = Signer("ES256", "a")


class Site:
    """One identity. ``answer``: what the control process says when it is asked for its keys."""

    def __init__(self) -> None:
        self.told: dict[str, Callable[[bytes], None]] = {}
        self.answer: bytes | None = None
        ports = Ports(FakeClock(wall_s=float(NOW)), FakeCounters(), FakeKeys(), questions=self, topics=self)
        self.tokens = OwnTokens("apps", frozenset({"shop"}), "gold", 1 << 20, ports)

    def subscribe(self, topic: str, apply: Callable[[bytes], None]) -> None:
        self.told[topic] = apply

    async def ask(self, topic: str, _question: bytes) -> bytes:
        if self.answer is None:
            raise Unanswered(topic)
        return self.answer

    def publish(self, *signers: Signer, issuer: str = ISSUER) -> None:
        self.told[KEYS](keys(*signers, issuer=issuer))

    def revoke(self, *revoked: Revoked) -> None:
        self.told[REVOCATIONS](encode(Revocations(False, list(revoked))))

    def judge(self, token: str) -> Any:
        outcome = self.tokens.judge(token.encode(), "/header/authorization")
        if isinstance(outcome, Awaitable):

            async def wait() -> Any:
                return await outcome

            return asyncio.run(wait())
        return outcome


def keys(*signers: Signer, issuer: str = ISSUER) -> bytes:
    return encode(PublishedKeys(issuer, json.dumps(key_set_of(*signers)).encode(), b"{}"))


@pytest.fixture
def site() -> Site:
    site = Site()
    site.publish(SIGNER)
    site.told[REVOCATIONS](encode(Revocations(True, [])))
    return site


def token(signer: Signer = SIGNER, typ: str = "at+jwt", without: str = "", **claims: Any) -> str:
    usual = {
        "iss": ISSUER,
        "aud": "shop",
        "sub": "checkout",
        "iat": NOW,
        "exp": NOW + 60,
        "jti": "t1",
        "client_id": "checkout",
        "scope": "orders:read",
        "roles": ["clerk"],
    }
    return signer.token({name: value for name, value in {**usual, **claims}.items() if name != without}, {"typ": typ})


def test_a_token_proves_its_subject(site: Site) -> None:
    identity = site.judge(token(act={"sub": "web"}))
    assert isinstance(identity, Identity)
    assert (identity.method, identity.subject, identity.credential) == ("token", "checkout", "t1")
    assert (identity.scopes, identity.roles, identity.actors) == ({"orders:read"}, {"clerk"}, ("web",))
    assert identity.consumer is not None
    assert (identity.consumer.name, identity.consumer.plan) == ("apps:checkout", "gold")


@pytest.mark.parametrize("revoked", [Revoked("t1", NOW + 100), Revoked("client checkout", NOW + 100, NOW)])
def test_a_revoked_token_is_refused_though_it_was_accepted_before(site: Site, revoked: Revoked) -> None:
    assert isinstance(site.judge(token()), Identity)
    site.revoke(revoked)
    refusal = site.judge(token())
    assert isinstance(refusal, Refuse)
    assert refusal.code is REVOKED_TOKEN
    assert isinstance(site.judge(token(jti="t2", client_id="other")), Identity)


@rows(
    "bad",
    [
        token(typ="JWT"),
        token(typ="identity+jwt"),
        token(without="client_id"),
        token(without="jti"),
        token(exp=NOW - 1),
        token(signer=Signer("ES256", "a")),
        token() + "x",
        "nonsense",
    ],
)
def test_what_is_no_access_token_of_ours_is_refused(site: Site, bad: str) -> None:
    outcome = site.judge(bad)
    assert isinstance(outcome, Refuse | NotMine)


@pytest.mark.parametrize("foreign", [token(iss="https://other.example"), token(aud="payments")])
def test_a_token_for_others_is_left_to_others(site: Site, foreign: str) -> None:
    assert isinstance(site.judge(foreign), NotMine)


def test_before_it_was_told_of_keys_and_revocations_nobody_is_granted_anything() -> None:
    site = Site()
    for tell in (lambda: None, lambda: site.publish(SIGNER)):
        tell()
        refusal = site.judge(token())
        assert isinstance(refusal, Refuse)
        assert refusal.code is UNAVAILABLE
    site.told[REVOCATIONS](encode(Revocations(True, [])))
    assert isinstance(site.judge(token()), Identity)


def test_a_key_that_was_not_told_yet_is_asked_for(site: Site) -> None:
    newer = Signer("ES256", "b")
    site.answer = keys(SIGNER, newer)
    assert isinstance(site.judge(token(newer)), Identity)


def test_a_token_by_a_new_key_may_be_revoked_too(site: Site) -> None:
    newer = Signer("ES256", "b")
    site.answer = keys(SIGNER, newer)
    site.revoke(Revoked("t1", NOW + 100))
    refusal = site.judge(token(newer))
    assert isinstance(refusal, Refuse)
    assert refusal.code is REVOKED_TOKEN


def test_with_another_issuer_tokens_of_the_one_before_are_nobodys(site: Site) -> None:
    site.publish(SIGNER, issuer="https://new.example")
    assert isinstance(site.judge(token()), NotMine)
    assert isinstance(site.judge(token(iss="https://new.example")), Identity)
