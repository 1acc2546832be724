from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

from rows import rows

from portcullis.engine.authentication.claim_mapping import ClaimMapping
from portcullis.engine.authentication.introspection_judge import (
    INACTIVE_TOKEN,
    MAX_WAITING,
    AnswerRules,
    IntrospectionJudge,
    check_answer,
    is_bound,
)
from portcullis.engine.authentication.introspection_messages import IntrospectionAnswer, encode
from portcullis.engine.authentication.jose.compact import MAX_TOKEN
from portcullis.engine.authentication.jose.errors import MALFORMED_TOKEN
from portcullis.engine.authentication.proof import DUPLICATE_CREDENTIAL, UNAVAILABLE
from portcullis.engine.decision import Refuse
from portcullis.engine.identity import Identity
from portcullis.engine.ports import Ports, Unanswered
from portcullis.testing.fakes import FakeClock, FakeCounters, FakeKeys

NOW = 1_800_000_000.0


class Control:
    """The control process: says of every token what ``said`` is, as soon as ``may`` is set."""

    def __init__(self) -> None:
        self.said: IntrospectionAnswer | bytes | None = active(sub="alice")
        self.asked = 0
        self.may: asyncio.Event | None = None

    async def ask(self, _topic: str, _question: bytes) -> bytes:
        self.asked += 1
        if self.may is not None:
            await self.may.wait()
        if self.said is None:
            raise Unanswered("away")
        return self.said if isinstance(self.said, bytes) else encode(self.said)


def active(**claims: Any) -> IntrospectionAnswer:
    return IntrospectionAnswer("active", json.dumps({"active": True, **claims}).encode())


class World:
    def __init__(self, max_bytes: int = 1 << 20, *, confirms: bool = False, **rules: Any) -> None:
        self.clock, self.control = FakeClock(wall_s=NOW), Control()
        ports = Ports(self.clock, FakeCounters(), FakeKeys(), questions=self.control)
        read = ClaimMapping("partners", "introspection").reader()
        asked = AnswerRules(**rules)
        self.judge = IntrospectionJudge(
            "#/identities/p", "source", asked, read, max_bytes, ports, confirms_certificates=confirms
        )

    async def ask(self, token: bytes = b"abc") -> Identity | Refuse:
        outcome = self.judge.judge(token, "/header/authorization")
        return await outcome if isinstance(outcome, Awaitable) else outcome

    async def code(self, token: bytes = b"abc") -> Any:
        outcome = await self.ask(token)
        assert isinstance(outcome, Refuse)
        return outcome.code


async def test_an_answer_is_gone_by_for_a_while_and_no_longer() -> None:
    world = World(lasts=30.0)
    first = await world.ask()
    assert isinstance(first, Identity)
    assert await world.ask() is first
    world.clock.advance(29.9)
    assert await world.ask() is first
    assert world.control.asked == 1
    world.control.said = IntrospectionAnswer("inactive")
    world.clock.advance(0.1)
    assert await world.code() is INACTIVE_TOKEN


async def test_an_answer_is_not_gone_by_beyond_the_end_of_the_token() -> None:
    world = World(lasts=30.0)
    world.control.said = active(sub="alice", exp=NOW + 10)
    assert isinstance(await world.ask(), Identity)
    world.clock.advance(10)
    world.control.said = IntrospectionAnswer("inactive")
    assert await world.code() is INACTIVE_TOKEN


async def test_nothing_is_remembered_without_memory_for_it() -> None:
    world = World(max_bytes=0)
    await world.ask()
    await world.ask()
    assert world.control.asked == 2


async def test_a_refusal_is_gone_by_for_a_shorter_while() -> None:
    world = World(refused_lasts=5.0)
    world.control.said = IntrospectionAnswer("inactive")
    assert await world.code() is INACTIVE_TOKEN
    world.control.said = active(sub="alice")
    assert await world.code() is INACTIVE_TOKEN
    assert world.control.asked == 1
    world.clock.advance(5)
    assert isinstance(await world.ask(), Identity)


async def test_each_token_is_known_by_itself() -> None:
    world = World()
    await world.ask(b"abc")
    world.control.said = IntrospectionAnswer("inactive")
    assert await world.code(b"abd") is INACTIVE_TOKEN
    assert isinstance(await world.ask(b"abc"), Identity)


async def test_what_is_not_answered_is_no_grant_and_not_remembered() -> None:
    world = World()
    for said in (
        None,
        IntrospectionAnswer("unavailable", reason="slow"),
        IntrospectionAnswer("busy"),
        IntrospectionAnswer("active", b'{"sub":'),
        IntrospectionAnswer("active", b'{"sub": "a", "sub": "b"}'),
    ):
        world.control.said = said
        assert await world.code() is UNAVAILABLE
    world.control.said = active(sub="alice")
    assert isinstance(await world.ask(), Identity)


async def test_only_some_callers_wait() -> None:
    world = World()
    world.control.may = asyncio.Event()
    waiting = [asyncio.create_task(world.ask(b"t%d" % number)) for number in range(MAX_WAITING)]
    await asyncio.sleep(0)
    assert await world.code(b"other") is UNAVAILABLE
    world.control.may.set()
    assert all(isinstance(each, Identity) for each in await asyncio.gather(*waiting))
    assert isinstance(await world.ask(b"other"), Identity)


@rows(
    "token",
    [
        *(b"", b" ", b"a b", b"a\tb", b"\xff", b"a\xc3\xa9", b"a=b", b"=", b"a\0", b'"a"', b"a%20", b"<a>"),
        b"a" * (MAX_TOKEN + 1),
    ],
)
async def test_what_is_no_token_is_never_asked_about(token: bytes) -> None:
    world = World()
    assert await world.code(token) is MALFORMED_TOKEN
    assert world.control.asked == 0


async def test_tokens_that_were_joined_are_several() -> None:
    assert await World().code(b"abc, Bearer abd") is DUPLICATE_CREDENTIAL


async def test_the_longest_token_is_asked_about() -> None:
    world = World()
    assert isinstance(await world.ask(b"a" * MAX_TOKEN), Identity)


def test_until_when_a_token_holds() -> None:
    rules = AnswerRules(lasts=30.0, leeway=5.0)
    assert check_answer(rules, {"sub": "a", "exp": NOW + 10}, NOW) == NOW + 15
    assert check_answer(rules, {"sub": "a"}, NOW) == NOW + 35


async def test_what_is_bound_to_a_certificate_passes_where_somebody_sees_to_the_certificate() -> None:
    for claims, passes in (
        ({"cnf": {"x5t#S256": "x"}}, True),
        ({"cnf": {"x5t#S256": "x", "jkt": "k"}}, False),
        ({"cnf": {"x5t#S256": "x"}, "token_type": "DPoP"}, False),
        ({"cnf": {"jkt": "k"}}, False),
    ):
        for confirms in (True, False):
            world = World(confirms=confirms)
            world.control.said = active(sub="alice", **claims)
            assert isinstance(await world.ask(), Identity) == (passes and confirms), claims


def test_what_is_bound() -> None:
    assert is_bound({"cnf": {}})
    assert is_bound({"cnf": None})
    assert is_bound({"token_type": "dpop"})
    assert not is_bound({"token_type": "Bearer"})
    assert not is_bound({"token_type": 7})
