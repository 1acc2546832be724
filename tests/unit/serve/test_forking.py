from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rows import rows

from portcullis.serve.forking import ended_children, fork, fork_with_link, how_it_ended
from portcullis.serve.link import Link, Message
from portcullis.serve.signals import EventLoop


def status_of(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def fail() -> None:
    raise ValueError("of no use")


@rows(
    ("body", "status"),
    [
        (lambda: None, 0),
        (lambda: sys.exit(0), 0),
        (lambda: sys.exit(2), 2),
        (lambda: sys.exit("a reason"), 1),
        (fail, 1),
    ],
    ids=["returns", "exit 0", "exit 2", "exit with a text", "raises"],
)
def test_a_child_ends_with_its_body(body: Callable[[], object], status: int) -> None:
    assert status_of(fork("child", body)) == status


def test_what_a_child_raised_is_told_under_its_name(capfd: pytest.CaptureFixture[str]) -> None:
    status_of(fork("worker 3", fail))
    assert capfd.readouterr().err == "portcullis: worker 3: ValueError: of no use\n"


def test_where_it_was_raised_is_told_to_those_who_ask(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTCULLIS_TRACEBACK", "1")
    status_of(fork("worker 3", fail))
    assert "in fail" in capfd.readouterr().err


def signals_of_a_child() -> None:
    """Ends with 0 if the child's signals are as they should be."""
    as_they_should_be = {
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGCHLD: signal.SIG_DFL,
        signal.SIGINT: signal.SIG_IGN,
        signal.SIGHUP: signal.SIG_IGN,
    }
    handlers = {number: signal.getsignal(number) for number in as_they_should_be}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    wakeup = signal.set_wakeup_fd(-1)
    sys.exit(0 if (handlers, blocked, wakeup) == (as_they_should_be, set(), -1) else 1)


def test_a_child_has_signals_of_its_own_and_the_parent_keeps_its_own() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGCHLD)}
    loop = EventLoop((signal.SIGTERM, signal.SIGCHLD))
    try:
        handler = signal.getsignal(signal.SIGTERM)
        assert status_of(fork("child", signals_of_a_child)) == 0
        assert signal.getsignal(signal.SIGTERM) is handler
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
        loop.wait(0)
    finally:
        loop.close_in_child()
        for number, previous in before.items():
            signal.signal(number, previous)


@pytest.mark.slow
def test_a_signal_to_a_child_that_was_just_born_is_not_lost_to_its_parent() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGCHLD)}
    loop = EventLoop((signal.SIGTERM, signal.SIGCHLD))
    try:
        for _ in range(10):
            process = fork("child", signal.pause)
            os.kill(process, signal.SIGTERM)
            assert status_of(process) == -signal.SIGTERM
        assert signal.SIGTERM not in loop.wait(0)[0]
    finally:
        loop.close_in_child()
        for number, previous in before.items():
            signal.signal(number, previous)


def test_a_child_speaks_to_its_parent_and_its_end_is_noticed() -> None:
    def body(link: Link) -> None:
        link.send(Message("progress", text="shop.yaml"))

    process, link = fork_with_link("child", body)
    assert status_of(process) == 0
    assert link.receive() == [Message("progress", text="shop.yaml")]
    assert link.closed
    link.close()


def test_where_there_can_be_no_process_nothing_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", no_more)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(BlockingIOError):
        fork_with_link("child", lambda _link: None)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_children_that_have_ended_are_taken_in_once() -> None:
    assert ended_children() == []
    process = fork("child", lambda: sys.exit(3))
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    assert [(pid, how_it_ended(status)) for pid, status in ended_children()] == [(process, "exit status 3")]
    assert ended_children() == []


def test_a_child_that_lives_is_not_taken_in() -> None:
    process = fork("child", signal.pause)
    assert ended_children() == []
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


@rows(
    ("status", "told"),
    [
        (0, "exit status 0"),
        (2 << 8, "exit status 2"),
        (signal.SIGKILL, "killed by SIGKILL"),
        (signal.SIGSEGV | 0x80, "killed by SIGSEGV"),
        (40, "killed by signal 40"),
    ],
)
def test_how_a_process_ended_is_told_in_words(status: int, told: str) -> None:
    assert how_it_ended(status) == told
