from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from portcullis.engine.authentication.live_revocation import LiveRevocation
from portcullis.engine.authentication.status_messages import (
    MAX_CHAIN,
    CertificateStatus,
    StatusQuestion,
    decode_question,
    encode,
)
from portcullis.engine.ports import Unanswered
from portcullis.mounts.certificate_inquiry import MAX_RENEWALS, CertificateInquiry, renew_all

PATH = [(b"issuer", 7)]
CHAIN = (b"leaf", b"root")


class Questions:
    def __init__(self) -> None:
        self.asked: list[StatusQuestion] = []
        self.status: Any = "good"
        self.until = 100.0
        self.answer: bytes | Exception | None = None

    async def ask(self, topic: str, question: bytes) -> bytes:
        assert topic == "certificate_status"
        self.asked.append(decode_question(question))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer or encode((CertificateStatus(b"issuer", b"\x07", self.status, self.until),))


@pytest.fixture
def questions() -> Questions:
    return Questions()


@pytest.fixture
def live() -> LiveRevocation:
    return LiveRevocation("refuse", asks=True)


@pytest.fixture
def inquiry(live: LiveRevocation, questions: Questions) -> CertificateInquiry:
    return CertificateInquiry("public", live, questions)


async def test_what_is_found_out_is_known(inquiry, live, questions):
    assert live.status(PATH, 1.0) == "unknown"
    await inquiry.ask(CHAIN)
    assert questions.asked == [StatusQuestion("public", CHAIN)]
    assert (live.status(PATH, 1.0), live.status(PATH, 100.0)) == ("good", "unknown")


async def test_who_gets_no_answer_knows_nothing_and_says_so(inquiry, live, questions, caplog):
    caplog.set_level(logging.WARNING)
    questions.answer = Unanswered("the control process is away")
    await inquiry.ask(CHAIN)
    questions.answer = b"garbage"
    await inquiry.ask(CHAIN)
    assert live.status(PATH, 1.0) == "unknown"
    assert "the control process is away" in caplog.text
    assert "can't be read" in caplog.text


async def test_a_chain_that_is_longer_than_any_is_not_asked_about(inquiry, questions):
    await inquiry.ask((b"x",) * (MAX_CHAIN + 1))
    assert questions.asked == []


async def test_what_soon_runs_out_is_asked_for_again_for_open_connections(inquiry, live, questions):
    heard: list[str] = []
    live.changed = lambda: heard.append("changed")
    await inquiry.ask(CHAIN)
    certificate = SimpleNamespace(inquire=lambda now: inquiry.renew(CHAIN, PATH, now))
    renew_all([certificate, None, SimpleNamespace(inquire=None)], 10.0)
    await asyncio.sleep(0)
    assert len(questions.asked) == 1
    questions.status = "revoked"
    for _ in range(3):
        renew_all([certificate], 90.0)
    await asyncio.sleep(0.01)
    assert len(questions.asked) == 2
    assert (live.status(PATH, 91.0), heard) == ("revoked", ["changed"])


async def test_no_more_are_asked_for_at_a_time(inquiry, questions):
    for number in range(MAX_RENEWALS + 5):
        inquiry.renew((b"%d" % number, b"root"), [(b"issuer", number)], 1.0)
    await asyncio.sleep(0.01)
    assert len(questions.asked) == MAX_RENEWALS
