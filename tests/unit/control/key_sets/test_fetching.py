from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from rows import rows

from portcullis.control.key_sets.fetching import FIRST_RETRY, LAST_RETRY, KeySetFetcher, refresh_after
from portcullis.control.outgoing import OutgoingError
from portcullis.engine.authentication.jose.key_source import KeySetUpdate, KeySource
from portcullis.testing.fakes import FakeClock
from portcullis.testing.tokens import Signer, key_set_of, rsa_key

ISSUER = "https://id.example.com"
KEYS = f"{ISSUER}/keys"
DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"
FIRST, SECOND = Signer("ES256", "first"), Signer("ES256", "second")


class World:
    def __init__(self, answers: Any, kept: KeySetUpdate | None = None, **source: Any) -> None:
        self.answers = answers
        self.clock = FakeClock(wall_s=1000.0)
        self.told: list[KeySetUpdate] = []
        self.source = KeySource(ISSUER, **{"refresh": 300.0, "refetch": 10.0, "keep": 3600.0, **source})
        self.fetcher = KeySetFetcher(
            self.source, answers, self.clock.wall_s, lambda _source, update: self.told.append(update), kept
        )

    async def fetch(self) -> None:
        await self.fetcher.begin()


@pytest.fixture
def world(answers: Any) -> World:
    answers.publish(FIRST)
    return World(answers)


def kids(update: KeySetUpdate) -> list[str]:
    return [key["kid"] for key in json.loads(update.document)["keys"]]


async def test_keys_are_found_by_discovery_and_told(world: World) -> None:
    assert world.fetcher.due == 0.0
    await world.fetch()
    assert world.answers.asked == [DISCOVERY, KEYS]
    [update] = world.told
    assert (kids(update), update.fetched, update.usable_until) == (["first"], 1000.0, 4600.0)
    assert (world.fetcher.size, world.fetcher.due, world.fetcher.failures) == (1, 1300.0, 0)
    assert repr(world.fetcher) == "<KeySetFetcher https://id.example.com due=1300.0 keys=1 failed=0>"


async def test_keys_at_a_url_need_no_discovery(answers: Any) -> None:
    answers.publish(FIRST)
    world = World(answers, url=KEYS)
    await world.fetch()
    assert answers.asked == [KEYS]


async def test_the_discovery_document_is_read_again_at_every_refresh(world: World) -> None:
    await world.fetch()
    world.clock.advance(300)
    world.answers.pages[DISCOVERY] = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/new"}
    world.answers.pages[f"{ISSUER}/new"] = key_set_of(SECOND)
    await world.fetch()
    assert kids(world.told[-1]) == ["second"]


async def test_because_of_an_unknown_key_it_is_not(world: World) -> None:
    await world.fetch()
    world.clock.advance(10)
    assert await world.fetcher.refetch()
    assert world.answers.asked == [DISCOVERY, KEYS, KEYS]


async def test_unknown_keys_make_it_fetch_once_in_a_while(world: World) -> None:
    await world.fetch()
    for _ in range(20):
        assert await world.fetcher.refetch()
        world.clock.advance(1)
    assert world.answers.asked.count(KEYS) == 2


async def test_those_who_ask_at_a_time_wait_for_one_fetch(world: World) -> None:
    world.answers.hold.clear()
    waiting = [asyncio.create_task(world.fetcher.refetch()) for _ in range(50)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert world.answers.asked == [DISCOVERY]
    assert "fetching" in repr(world.fetcher)
    world.answers.hold.set()
    assert await asyncio.gather(*waiting) == [True] * 50
    assert world.answers.asked == [DISCOVERY, KEYS]


async def test_one_who_gives_up_does_not_end_the_fetch_for_others(world: World) -> None:
    world.answers.hold.clear()
    one, other = (asyncio.create_task(world.fetcher.refetch()) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.gather(one, return_exceptions=True)
    world.answers.hold.set()
    assert await other


async def test_a_clock_that_was_set_back_does_not_stop_it(world: World) -> None:
    await world.fetch()
    world.clock.advance(-500)
    assert await world.fetcher.refetch()
    assert world.answers.asked.count(KEYS) == 2


async def test_in_an_outage_the_keys_are_kept(world: World, caplog: pytest.LogCaptureFixture) -> None:
    await world.fetch()
    world.answers.pages[KEYS] = OutgoingError("no answer in 5 s")
    pauses = []
    for _ in range(7):
        world.clock.advance(world.fetcher.due - world.clock.wall_s())
        await world.fetch()
        pauses.append(world.fetcher.due - world.clock.wall_s())
    assert pauses == [FIRST_RETRY, 2, 4, 8, 16, LAST_RETRY, LAST_RETRY]
    assert len(world.told) == 1
    assert world.fetcher.latest == world.told[0]
    assert world.fetcher.failures == 7
    assert not await world.fetcher.refetch()
    assert [record.message for record in caplog.records] == [
        "portcullis: keys of https://id.example.com: no answer in 5 s"
    ]
    world.answers.publish(FIRST)
    world.clock.advance(60)
    assert await world.fetcher.refetch()
    assert caplog.records[-1].message == "portcullis: keys of https://id.example.com: all is well again"


async def test_what_happens_to_callers_is_told(answers: Any, caplog: pytest.LogCaptureFixture) -> None:
    world = World(answers)
    await world.fetch()
    assert "there are no keys yet, so tokens of this issuer are refused" in caplog.text
    world = World(answers, KeySetUpdate(b'{"keys": []}', 0.0, 999.0))
    await world.fetch()
    assert "the keys have become too old, so tokens of this issuer are refused" in caplog.text


@rows(
    "page",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"keys": null}',
        b'{"error": "temporarily_unavailable"}',
        b'{"keys": [], "keys": []}',
        OutgoingError("the answer has more than 1048576 bytes", 200),
        OutgoingError("answered 500", 500),
        OutgoingError("answered 404", 404),
        RuntimeError("nobody thought of this"),
    ],
)
async def test_whatever_is_no_key_set_is_an_outage(page: Any, answers: Any) -> None:
    answers.publish(FIRST)
    world = World(answers)
    await world.fetch()
    answers.pages[KEYS] = page
    await world.fetch()
    assert kids(world.told[-1]) == ["first"]
    assert len(world.told) == 1
    assert world.fetcher.due == 1001.0


async def test_a_key_set_is_the_issuers_word(world: World, caplog: pytest.LogCaptureFixture) -> None:
    await world.fetch()
    world.answers.publish(SECOND)
    await world.fetch()
    world.answers.publish()
    await world.fetch()
    assert [kids(update) for update in world.told] == [["first"], ["second"], []]
    assert "no key in the set can be used: tokens of this issuer are refused" in caplog.text


async def test_keys_that_are_not_used_are_told_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    weak = Signer("RS256", "weak", rsa_key("small", 1024)).jwk
    encryption = {**Signer("RS256", "e").jwk, "use": "enc"}
    world.answers.pages[KEYS] = {"keys": [FIRST.jwk, weak, encryption]}
    for _ in range(3):
        await world.fetch()
    [record] = caplog.records
    assert 'key 2 ("weak") is not used: it has 1024 bits' in record.message
    assert kids(world.told[-1]) == ["first"]


async def test_what_was_kept_is_known_from_the_start(answers: Any) -> None:
    kept = KeySetUpdate(json.dumps(key_set_of(FIRST)).encode(), 500.0, 4100.0)
    world = World(answers, kept)
    assert (world.fetcher.latest, world.fetcher.size, world.fetcher.due) == (kept, 1, 0.0)
    assert world.told == []


async def test_it_can_be_ended(world: World) -> None:
    world.answers.hold.clear()
    task = world.fetcher.begin()
    await asyncio.sleep(0)
    world.fetcher.end()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    world.fetcher.end()


@rows(
    ("said", "seconds"),
    [
        ("", 300.0),
        ("max-age=60", 60.0),
        ("public, max-age=60, must-revalidate", 60.0),
        ('Max-Age="60"', 60.0),
        ("max-age=86400", 300.0),
        ("max-age=0", 10.0),
        ("no-store", 300.0),
        ("s-max-age=60", 300.0),
        ("max-age=-1", 300.0),
        ("max-age=x", 300.0),
        ("max-age=" + "9" * 5000, 300.0),
    ],
)
def test_an_answer_may_be_for_less_than_the_file_says_but_not_for_more(said: str, seconds: float) -> None:
    assert refresh_after(KeySource(ISSUER, refresh=300.0), said) == seconds


def test_the_file_may_say_less_than_any_answer() -> None:
    assert refresh_after(KeySource(ISSUER, refresh=1.0), "max-age=0") == 1.0
