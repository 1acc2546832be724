from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from hashlib import sha256
from typing import Any

from portcullis.engine.authentication.claim_mapping import ClaimMapping
from portcullis.engine.decision import Refuse
from portcullis.engine.identity import Identity
from portcullis.engine.oidc.messages import SESSIONS, SessionAnswer, SessionNews, decode_session_question, encode
from portcullis.engine.oidc.sessions import MAX_WAITING, SessionJudge
from portcullis.engine.ports import Ports, Unanswered
from portcullis.testing.fakes import FakeClock, FakeCounters, FakeKeys

ID = b"i" * 32
DIGEST = sha256(ID).digest()


class World:
    """A judge, and a control process that answers when it is let."""

    def __init__(self, memory: int = 1 << 20) -> None:
        self.clock = FakeClock()
        self.asked: list[bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.answer: SessionAnswer | None = None
        self.tell: Any = None
        ports = Ports(self.clock, FakeCounters(), FakeKeys(), questions=self, topics=self)
        self.judge = SessionJudge("#/x", "realm", "/cookie/c", ClaimMapping("people", "oidc").reader(), memory, ports)

    def subscribe(self, topic: str, apply: Any) -> None:
        assert topic == SESSIONS
        self.tell = apply

    async def ask(self, topic: str, question: bytes) -> bytes:
        assert decode_session_question(question).realm == "realm"
        self.asked.append(question)
        await self.gate.wait()
        if self.answer is None:
            raise Unanswered(topic)
        return encode(self.answer)

    def holds(self, seconds: float = 60.0, **claims: Any) -> None:
        now = self.clock.wall_s()
        self.answer = SessionAnswer("done", json.dumps({"sub": "alice", **claims}).encode(), now + seconds, now + 3600)

    async def judged(self, session: bytes = ID) -> Identity | Refuse:
        found = self.judge.judge(session)
        return await found if isinstance(found, Awaitable) else found


def run(scenario: Any) -> None:
    asyncio.run(scenario())


def test_what_was_told_is_gone_by_for_as_long_as_was_said() -> None:
    async def scenario() -> None:
        world = World()
        world.holds(10)
        first = await world.judged()
        assert isinstance(first, Identity)
        assert (first.subject, first.credential) == ("alice", DIGEST.hex()[:32])
        world.clock.advance(9)
        assert world.judge.judge(ID) is first
        world.clock.advance(2)
        await world.judged()
        assert len(world.asked) == 2

    run(scenario)


def test_news_of_a_session_drop_it_alone() -> None:
    async def scenario() -> None:
        world = World()
        world.holds()
        await world.judged()
        await world.judged(b"o" * 32)
        world.tell(encode(SessionNews(False, (DIGEST,))))
        assert isinstance(world.judge.judge(b"o" * 32), Identity)
        world.answer = SessionAnswer("refused")
        refused = await world.judged()
        assert isinstance(refused, Refuse)
        assert refused.code.name == "authenticate.unknown_session"
        world.tell(encode(SessionNews(True)))
        assert isinstance(await world.judged(b"o" * 32), Refuse)

    run(scenario)


def test_an_answer_that_news_overtook_is_not_kept() -> None:
    async def scenario() -> None:
        world = World()
        world.holds()
        world.gate.clear()
        pending = asyncio.ensure_future(world.judged())
        await asyncio.sleep(0)
        world.tell(encode(SessionNews(False, (DIGEST,))))
        world.gate.set()
        assert isinstance(await pending, Identity)
        world.answer = SessionAnswer("refused")
        assert isinstance(await world.judged(), Refuse)

    run(scenario)


def test_where_it_can_not_be_found_out_nobody_is_let_in() -> None:
    async def scenario() -> None:
        world = World()
        for answer in (None, SessionAnswer("unavailable", reason="the provider is away")):
            world.answer = answer
            refused = await world.judged()
            assert isinstance(refused, Refuse)
            assert refused.code.name == "authenticate.unavailable"

    run(scenario)


def test_only_so_many_wait_at_a_time() -> None:
    async def scenario() -> None:
        world = World()
        world.holds()
        world.gate.clear()
        waiting = [asyncio.ensure_future(world.judged(number.to_bytes(32, "big"))) for number in range(MAX_WAITING)]
        await asyncio.sleep(0)
        refused = world.judge.judge(ID)
        assert isinstance(refused, Refuse)
        assert refused.status == 503
        world.gate.set()
        assert all(isinstance(each, Identity) for each in await asyncio.gather(*waiting))
        assert isinstance(await world.judged(), Identity)

    run(scenario)


def test_claims_that_name_nobody_are_refused_and_not_kept() -> None:
    async def scenario() -> None:
        world = World()
        world.holds(sub="")
        for _ in range(2):
            refused = await world.judged()
            assert isinstance(refused, Refuse)
            assert refused.code.name == "authenticate.invalid_claims"
        assert len(world.asked) == 2

    run(scenario)
