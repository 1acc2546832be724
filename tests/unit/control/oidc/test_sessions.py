from __future__ import annotations

import asyncio

import pytest
from oidc_world import SOURCE, World

from portcullis.control.oidc.sealing import Contents, digest_of
from portcullis.control.oidc.sessions import MAX_OF_SUBJECT, SessionsFullError, name_of
from portcullis.stores.database import browser_sessions as stored

CONTENTS = Contents(b'{"sub": "alice"}', "a.b.c", "r", None, 1.0)


async def begin(world: World, number: int, subject: str = "alice", sid: str | None = "s") -> bytes:
    session = number.to_bytes(32, "big")
    assert await world.sessions.begin(SOURCE, session, (subject, sid), CONTENTS, world.clock.wall_s())
    return session


def test_a_session_is_found_by_its_id_until_it_has_ended(world: World) -> None:
    async def scenario() -> None:
        session = await begin(world, 1)
        held = await world.sessions.find(SOURCE, session)
        assert held is not None
        assert held.contents == CONTENTS
        assert await world.sessions.end(session)
        assert not await world.sessions.end(session)
        assert await world.sessions.find(SOURCE, session) is None
        assert digest_of(session) in world.told

    asyncio.run(scenario())


def test_one_that_ends_while_it_is_looked_up_is_not_found(world: World) -> None:
    async def scenario() -> None:
        session = await begin(world, 1)
        looking = asyncio.ensure_future(world.sessions.find(SOURCE, session))
        await asyncio.sleep(0)
        ending = asyncio.ensure_future(world.sessions.end(session))
        await asyncio.sleep(0)
        assert await looking is None
        await ending

    asyncio.run(scenario())


def test_what_was_ended_is_not_brought_back_by_a_renewal(world: World) -> None:
    async def scenario() -> None:
        session = await begin(world, 1)
        await world.sessions.end(session)
        await world.sessions.renew(SOURCE, session, CONTENTS)
        assert await world.sessions.find(SOURCE, session) is None

    asyncio.run(scenario())


@pytest.mark.slow
def test_a_user_has_so_many_and_the_oldest_gives_way(world: World) -> None:
    async def scenario() -> None:
        first = await begin(world, 0)
        other = await begin(world, 999, "bob")
        for number in range(1, MAX_OF_SUBJECT + 1):
            world.clock.advance(1)
            await begin(world, number)
        assert await world.sessions.find(SOURCE, first) is None
        assert digest_of(first) in world.told
        assert await world.sessions.find(SOURCE, other) is not None

    asyncio.run(scenario())


def test_sessions_end_by_subject_by_the_providers_session_or_by_both(world: World) -> None:
    async def scenario() -> None:
        await begin(world, 1, "alice", "a")
        await begin(world, 2, "alice", "b")
        await begin(world, 3, "bob", "a")
        assert await world.sessions.end_of(SOURCE, "alice", "a") == 1
        assert await world.sessions.end_of(SOURCE, None, "a") == 1
        assert await world.sessions.end_of(SOURCE, "alice", None) == 1
        assert await world.sessions.end_of(SOURCE, "alice", None) == 0

    asyncio.run(scenario())


def test_what_is_over_is_swept_and_no_more_than_so_many_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        await begin(world, 1)
        world.clock.advance(SOURCE.idle)
        await begin(world, 2)
        await world.sessions.sweep()
        assert world.sessions.count == 1
        monkeypatch.setattr(stored, "MAX_SESSIONS", 1)
        with pytest.raises(SessionsFullError):
            await begin(world, 3)

    asyncio.run(scenario())


def test_names_of_subjects_tell_nothing_and_differ_by_what_they_are_of() -> None:
    assert name_of("realm", "sub", None) is None
    names = {name_of(realm, kind, "alice") for realm in ("a", "b") for kind in ("sub", "sid")}
    assert len(names) == 4
    assert all(name is not None and b"alice" not in name for name in names)
