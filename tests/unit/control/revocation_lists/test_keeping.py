"""When lists are read and fetched, and what is gone by."""

from __future__ import annotations

import asyncio
import logging
import os
from datetime import timedelta
from typing import Any

import pytest

from portcullis.control.outgoing import OutgoingError
from portcullis.control.revocation_lists.keeping import EARLY, RETRY_SECONDS
from portcullis.testing.certificates import Authority, pem_of

FILE, URL = "mesh.crl", "http://pki.example.com/mesh.crl"
OTHER = Authority("other")
World = Any
"""What the folder's fixture makes."""


async def test_files_are_read_at_once_and_again_when_they_change(world: World) -> None:
    alice = world.mesh.issue()
    (world.folder / FILE).write_bytes(pem_of(world.mesh.revoked(number=1)))
    keeper = world.keeper(FILE)
    keeper.begin()
    assert world.status(alice) == "good"
    await keeper.refresh()
    assert len(world.messages) == 1  # nothing new, so nothing is told
    (world.folder / FILE).write_bytes(pem_of(world.mesh.revoked(alice, number=2)))
    os.utime(world.folder / FILE, (1, 1))
    await keeper.refresh()
    assert world.status(alice) == "revoked"
    assert keeper.oldest() > world.now


async def test_lists_are_fetched_when_they_are_due(world: World) -> None:
    alice = world.mesh.issue()
    world.pages[URL] = pem_of(world.mesh.revoked(number=1))
    keeper = world.keeper(URL, refresh=600.0)
    keeper.begin()
    assert (world.messages, world.status(alice), keeper.oldest()) == ([], "unknown", 0.0)
    await keeper.refresh()
    assert world.status(alice) == "good"
    await keeper.refresh()
    assert world.asked == [URL]
    world.pages[URL] = pem_of(world.mesh.revoked(alice, number=2))
    world.now += 601
    await keeper.refresh()
    assert (len(world.asked), world.status(alice)) == (2, "revoked")


async def test_a_list_that_soon_runs_out_is_fetched_before_that(world: World) -> None:
    world.pages[URL] = pem_of(world.mesh.revoked())  # it holds for an hour
    keeper = world.keeper(URL, refresh=86400.0)
    await keeper.refresh()
    world.now += 3600 * EARLY - 10
    await keeper.refresh()
    assert len(world.asked) == 1
    world.now += 11
    await keeper.refresh()
    assert len(world.asked) == 2


async def test_what_can_not_be_used_changes_nothing_and_is_told_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    bob = world.mesh.issue()
    good = pem_of(world.mesh.revoked(bob, number=5, ends=timedelta(hours=9)))
    world.pages[URL] = good
    keeper = world.keeper(URL, refresh=1000.0)
    await keeper.refresh()
    wrong = [
        OutgoingError(f"{URL}: answered 503", 503),
        b"garbage",
        pem_of(OTHER.revoked(ends=timedelta(hours=9))),
        pem_of(world.mesh.revoked(key=OTHER.key, number=9, ends=timedelta(hours=9))),
        pem_of(world.mesh.revoked(number=4, ends=timedelta(hours=9))),
    ]
    for number, page in enumerate(wrong, 1):
        world.pages[URL] = page
        world.now += 1001
        await keeper.refresh()
        assert (keeper.failures, world.status(bob)) == (number, "revoked")
    (line,) = caplog.messages
    assert line == (
        f"portcullis: the revocation list {URL} can't be used: answered 503; the one before holds until it runs out"
    )
    world.pages[URL] = good
    world.now += 1001
    await keeper.refresh()
    assert caplog.messages[-1] == f"portcullis: the revocation list {URL} is fine again"


async def test_a_list_that_could_not_be_had_is_asked_for_again_soon_and_then_less_often(world: World) -> None:
    keeper = world.keeper(URL, refresh=3600.0)
    await keeper.refresh()
    for pause in (RETRY_SECONDS, 2 * RETRY_SECONDS, 4 * RETRY_SECONDS):
        asked = len(world.asked)
        world.now += pause - 0.1
        await keeper.refresh()
        assert len(world.asked) == asked
        world.now += 0.2
        await keeper.refresh()
        assert len(world.asked) == asked + 1


async def test_what_was_fetched_is_there_after_a_restart(world: World) -> None:
    bob = world.mesh.issue()
    world.pages[URL] = pem_of(world.mesh.revoked(bob, number=2))
    await world.keeper(URL).refresh()
    world.messages.clear()
    world.pages.clear()
    world.keeper(URL).begin()
    assert world.status(bob) == "revoked"


def test_a_file_that_is_not_there_is_told_of(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.keeper("nowhere.crl").begin()
    assert caplog.messages == [
        "portcullis: the revocation list nowhere.crl can't be used: No such file or directory; there is none to go by"
    ]
    assert world.messages == []


async def test_a_file_that_could_not_be_used_is_tried_again(world: World) -> None:
    alice = world.mesh.issue()
    (world.folder / FILE).write_bytes(pem_of(world.mesh.revoked(number=1)))
    (world.folder / "ca.pem").rename(world.folder / "away.pem")
    keeper = world.keeper(FILE)
    keeper.begin()
    (world.folder / "away.pem").rename(world.folder / "ca.pem")
    await keeper.refresh()
    assert world.status(alice) == "unknown"
    world.now += RETRY_SECONDS + 0.1
    await keeper.refresh()
    assert world.status(alice) == "good"


async def test_a_list_that_is_slow_keeps_nothing_from_workers(world: World) -> None:
    bob = world.mesh.issue()
    (world.folder / FILE).write_bytes(pem_of(world.mesh.revoked(bob, number=1)))
    world.slow = asyncio.Event()
    keeper = world.keeper(URL, FILE)
    task = asyncio.create_task(keeper.refresh())
    async with asyncio.timeout(5):
        await world.is_told.wait()
    assert world.status(bob) == "revoked"
    assert not task.done()
    world.slow.set()
    await task


async def test_a_list_that_a_certificate_names_is_fetched_once_and_kept_fresh(world: World) -> None:
    alice = world.mesh.issue()
    keeper = world.keeper(FILE, refresh=600.0)
    issuer = world.mesh.certificate.subject.public_bytes()
    world.pages[URL] = pem_of(world.mesh.revoked(number=1))
    await asyncio.gather(*(keeper.learn([URL], issuer) for _ in range(3)))
    assert (world.asked, world.status(alice)) == ([URL], "good")
    await keeper.learn(["http://pki.example.com/other.crl"], issuer)
    assert world.asked == [URL]  # there is one that holds
    world.pages[URL] = pem_of(world.mesh.revoked(alice, number=2))
    world.now += 601
    await keeper.refresh()
    assert world.status(alice) == "revoked"


async def test_whoever_comes_while_a_list_is_fetched_waits_for_it_too(world: World) -> None:
    keeper = world.keeper(FILE)
    issuer = world.mesh.certificate.subject.public_bytes()
    world.pages[URL] = pem_of(world.mesh.revoked(number=1))
    world.slow = asyncio.Event()
    first = asyncio.create_task(keeper.learn([URL], issuer))
    await asyncio.sleep(0)
    second = asyncio.create_task(keeper.learn([URL], issuer))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not second.done(), "it would say that nothing is known"
    world.slow.set()
    await asyncio.gather(first, second)
    assert (world.asked, world.status(world.mesh.issue())) == ([URL], "good")


async def test_only_so_many_lists_are_learned_of(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portcullis.control.revocation_lists.keeping.MAX_PLACES", 3)
    keeper = world.keeper(FILE)
    await keeper.learn([f"http://pki.example.com/{number}.crl" for number in range(9)], b"nobody")
    assert len(world.asked) == 2
