from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest
from ocsp_answers import REVOKED, UNKNOWN, answer, naming, nonce_in

from portcullis.control.outgoing import OutgoingError
from portcullis.control.revocation_lists import responders
from portcullis.control.revocation_lists.responders import MAX_CALLS, Responders
from portcullis.control.revocation_lists.settings import OcspSource
from portcullis.testing.certificates import Authority

MESH = Authority("mesh")
ALICE = MESH.issue("CN=alice")
URL = "http://ocsp.example/"


class Outgoing:
    """Answers as a test wants."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status: Any = None
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def post(self, url: str, body: bytes, **_: Any) -> bytes:
        self.asked.append(url)
        await self.gate.wait()
        if self.away:
            raise OutgoingError(f"{url}: no answer in 1 s")
        options = {} if self.status is None else {"status": self.status}
        return answer(ALICE, MESH, nonce=nonce_in(body), **options)


class Asking:
    def __init__(self, source: OcspSource | None = None) -> None:
        self.now = time.time()
        self.outgoing = Outgoing()
        outgoing: Any = self.outgoing
        self.responders = Responders(source or OcspSource(URL), outgoing, lambda: self.now)

    async def ask(self, about: Any = ALICE) -> Any:
        return await self.responders.ask(about.certificate, MESH.certificate)


async def test_what_was_answered_holds_and_is_asked_for_again_at_half_of_its_time():
    asking = Asking(OcspSource(URL, max_age=100.0))
    found = await asking.ask()
    assert (found.status, found.until) == ("good", asking.now + 100)
    assert int.from_bytes(found.serial) == ALICE.certificate.serial_number
    assert found.issuer == MESH.certificate.subject.public_bytes()
    asking.now += 49
    await asking.ask()
    assert len(asking.outgoing.asked) == 1
    asking.now += 2
    asking.outgoing.status = REVOKED
    assert (await asking.ask()).status == "revoked"
    assert asking.responders.results == {"good": 1, "revoked": 1}


async def test_many_who_ask_the_same_ask_once():
    asking = Asking()
    asking.outgoing.gate.clear()
    tasks = [asyncio.create_task(asking.ask()) for _ in range(5)]
    await asyncio.sleep(0)
    asking.outgoing.gate.set()
    assert {each.status for each in await asyncio.gather(*tasks)} == {"good"}
    assert len(asking.outgoing.asked) == 1


async def test_no_more_are_asked_about_at_a_time_than_there_are_calls():
    asking = Asking()
    asking.outgoing.gate.clear()
    others = [MESH.issue(f"CN={number}") for number in range(MAX_CALLS)]
    tasks = [asyncio.create_task(asking.ask(each)) for each in others]
    await asyncio.sleep(0)
    assert await asking.ask() is None
    assert asking.responders.results == {"busy": 1}
    asking.outgoing.gate.set()
    await asyncio.gather(*tasks)


async def test_trouble_is_told_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    asking = Asking()
    asking.outgoing.away = True
    assert await asking.ask() is None
    assert await asking.ask() is None
    asking.outgoing.away = False
    asking.now += 1
    assert (await asking.ask()).status == "good"
    assert [record.getMessage() for record in caplog.records] == [
        f"portcullis: certificates can't be asked about at {URL}: no answer in 1 s",
        f"portcullis: certificates can be asked about again at {URL}",
    ]


async def test_what_the_responder_does_not_know_yet_is_asked_for_again():
    asking = Asking()
    asking.outgoing.status = UNKNOWN
    assert await asking.ask() is None
    asking.outgoing.status = None
    assert (await asking.ask()).status == "good"


async def test_who_connects_again_and_again_does_not_have_it_asked_each_time():
    asking = Asking()
    asking.outgoing.status = UNKNOWN
    for _ in range(5):
        assert await asking.ask() is None
    assert asking.responders.results == {"unknown": 2, "paused": 3}
    for pause in (1, 2, 4, 8, 16, 30, 30):
        asking.now += pause - 0.01
        await asking.ask()
        asking.now += 0.01
        before = len(asking.outgoing.asked)
        await asking.ask()
        assert len(asking.outgoing.asked) == before + 1
    await asking.ask(MESH.issue("CN=other"))
    assert len(asking.outgoing.asked) == 10  # others are asked about meanwhile
    asking.outgoing.status = None
    asking.now += 30
    assert (await asking.ask()).status == "good"


async def test_what_is_remembered_of_failures_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responders, "MAX_ANSWERS", 2)
    asking = Asking()
    asking.outgoing.away = True
    for _ in range(2):
        await asking.ask()
    await asking.ask()
    assert asking.responders.results == {"failed": 2, "paused": 1}
    for number in range(2):
        await asking.ask(MESH.issue(f"CN={number}"))
    await asking.ask()
    assert asking.responders.results == {"failed": 5, "paused": 1}


async def test_without_a_responder_those_are_asked_whom_certificates_name_at_hosts_of_the_file():
    asking = Asking(OcspSource(hosts=("ocsp.example",)))
    assert await asking.ask() is None
    assert await asking.ask(MESH.issue("CN=b", change=naming("http://other.example/"))) is None
    assert asking.responders.results == {"nobody": 2}
    await asking.ask(MESH.issue("CN=c", change=naming(URL)))
    assert asking.outgoing.asked == [URL]
