from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from portcullis.control.oidc.renewals import MAX_AT_ONCE, MAX_RENEWALS, Renewals


class Provider:
    """Renews by turns of its own: ``begun`` and ``done`` say which, ``gate`` when it does."""

    def __init__(self) -> None:
        self.begun: list[bytes] = []
        self.done: list[bytes] = []
        self.gate = asyncio.Event()

    def renewing(self, digest: bytes) -> Callable[[], Coroutine[Any, Any, None]]:
        async def renew() -> None:
            self.begun.append(digest)
            await self.gate.wait()
            self.done.append(digest)

        return renew


def digests(count: int) -> list[bytes]:
    return [number.to_bytes(2, "big") for number in range(count)]


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_session_is_renewed_once_however_often_that_is_asked() -> None:
    renewals, provider = Renewals(), Provider()
    first = renewals.begin(b"a", provider.renewing(b"a"))
    await settled()
    assert first is not None
    assert renewals.begin(b"a", provider.renewing(b"a")) is first
    provider.gate.set()
    await first
    await settled()
    assert (provider.begun, len(renewals)) == ([b"a"], 0)
    assert renewals.begin(b"a", provider.renewing(b"a")) is not first
    await renewals.end()


async def test_those_who_find_all_turns_taken_come_next_in_their_order() -> None:
    renewals, provider = Renewals(), Provider()
    several = digests(3 * MAX_AT_ONCE)
    tasks = [renewals.begin(digest, provider.renewing(digest)) for digest in several]
    await settled()
    assert provider.begun == several[:MAX_AT_ONCE]
    provider.gate.set()
    await asyncio.gather(*(task for task in tasks if task))
    assert provider.done == several


async def test_only_so_many_wait() -> None:
    renewals, provider = Renewals(), Provider()
    begun = [renewals.begin(digest, provider.renewing(digest)) for digest in digests(MAX_RENEWALS)]
    assert None not in begun
    assert renewals.begin(b"more", provider.renewing(b"more")) is None
    assert renewals.begin(digests(1)[0], provider.renewing(b"x")) is begun[0]
    await settled()
    provider.gate.set()
    await renewals.end()


async def test_at_the_end_what_has_begun_is_done_and_what_waits_never_begins() -> None:
    renewals, provider = Renewals(), Provider()
    several = digests(2 * MAX_AT_ONCE)
    for digest in several:
        renewals.begin(digest, provider.renewing(digest))
    await settled()
    ending = asyncio.create_task(renewals.end())
    await settled()
    provider.gate.set()
    await ending
    assert provider.begun == provider.done == several[:MAX_AT_ONCE]
    await settled()
    assert len(renewals) == 0


async def test_one_that_fails_gives_its_turn_back() -> None:
    renewals = Renewals()

    async def fail() -> None:
        raise RuntimeError("a bug")

    tasks = [renewals.begin(digest, fail) for digest in digests(2 * MAX_AT_ONCE)]
    results = await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)
    assert {type(result) for result in results} == {RuntimeError}
    assert len(renewals) == 0
