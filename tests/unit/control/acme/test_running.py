from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from portcullis.control.acme import running
from portcullis.control.acme.messages import AcmeOrder, Authority, Done, Failed, Present
from portcullis.control.acme.running import run_acme

ORDER = AcmeOrder("obtain", Authority("first", "https://a/dir", ""), "")


class Process:
    """A program that says ``lines``."""

    def __init__(self, *lines: bytes) -> None:
        self.stdout = asyncio.StreamReader()
        for line in lines:
            self.stdout.feed_data(line + b"\n")
        self.stdout.feed_eof()
        self.stdin = self
        self.heard = b""
        self.killed = False

    def write(self, data: bytes) -> None:
        self.heard += data

    async def drain(self) -> None:
        pass

    def kill(self) -> None:
        self.killed = True

    async def wait(self) -> int:
        return 0


async def outcome(process: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[Present]]:
    shown: list[Present] = []

    async def present(challenge: Present) -> None:
        shown.append(challenge)

    async def start(*_: str, **__: Any) -> Any:
        if isinstance(process, Exception):
            raise process
        return process

    monkeypatch.setattr(running.asyncio, "create_subprocess_exec", start)
    return await run_acme(ORDER, present), shown


async def test_challenges_are_shown_and_the_outcome_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    challenge = Present("http-01", "a", "b")
    process = Process(msgspec.json.encode(challenge), msgspec.json.encode(Done()))
    assert await outcome(process, monkeypatch) == (Done(), [challenge])
    assert process.heard == msgspec.json.encode(ORDER) + b"\nshown\n"
    assert process.killed


@pytest.mark.parametrize("lines", [[], [b"nonsense"], [b"{}"]])
async def test_a_program_that_ends_without_a_word_has_failed(
    lines: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(*lines)
    result, _ = await outcome(process, monkeypatch)
    assert result == Failed("first: the program ended without a word")
    assert process.killed


async def test_a_program_that_can_not_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = await outcome(OSError(12, "Cannot allocate memory"), monkeypatch)
    assert result == Failed("first: the program can't be started: Cannot allocate memory")


async def test_a_program_that_says_nothing_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process()
    process.stdout = asyncio.StreamReader()
    monkeypatch.setattr(running, "GRACE_SECONDS", -ORDER.timeout)
    result, _ = await outcome(process, monkeypatch)
    assert result == Failed("first: it took too long")
    assert process.killed
