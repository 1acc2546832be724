from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from bench.errors import VerifyError
from bench.methods import messaging
from bench.methods.messaging import MESSAGES, MESSAGING, WARM_UP_MESSAGES
from bench.peers import Setup
from bench.results import Window

WINDOW = Window(wall_seconds=1.0, cpu_ns={"proxy": 500_000_000}, others_ns=0)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, fake_program: type) -> dict[str, Any]:
    """What each client says, and under ``asked`` how they were started."""
    answer: dict[str, Any] = {"seconds": 2.0, "cpu_seconds": 0.5, "close_code": 0}
    asked: list[list[str]] = []

    def run(argv: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(argv)
        return subprocess.CompletedProcess(argv, 0, json.dumps(answer), "")

    monkeypatch.setattr(messaging, "Program", fake_program)
    monkeypatch.setattr(subprocess, "run", run)
    return {"answer": answer, "asked": asked}


def test_the_figure_is_the_time_of_all_messages_by_their_number(fake: Any, session: Any, said: dict[str, Any]) -> None:
    begun, (contender,) = session(MESSAGING, "a")
    fake.windows = [WINDOW]
    taken = begun.take(contender)
    assert taken.figure == 500_000.0 / MESSAGES
    assert taken.details == {"messages_per_second": MESSAGES / 2.0, "busy": 0.5}
    assert [int(argv[-2]) for argv in said["asked"]] == [WARM_UP_MESSAGES, MESSAGES]


def test_a_session_that_is_closed_spoils_the_round(fake: Any, session: Any, said: dict[str, Any]) -> None:
    begun, (contender,) = session(MESSAGING, "a")
    said["answer"]["close_code"] = 1009
    with pytest.raises(VerifyError, match="closed with 1009"):
        begun.take(contender)


def test_a_message_that_should_be_refused_and_is_not_is_an_error(
    session: Any, said: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, (contender,) = session(MESSAGING, "a")
    setup = Setup(["proxy"], refused_messages={"an odd one": "{}"})
    monkeypatch.setattr("bench.measure.Session.start", lambda *_: setup)
    with pytest.raises(VerifyError, match="an odd one: the session was closed with nothing, expected 1008"):
        begun.start(contender)
    said["answer"]["close_code"] = 1008
    assert begun.start(contender) is setup
