"""Signals as events."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from portcullis.serve.signals import EventLoop

SIGNALS = (signal.SIGUSR1, signal.SIGUSR2)


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    wakeup = signal.set_wakeup_fd(-1)
    loop = EventLoop(SIGNALS)
    yield loop
    loop.close_in_child()
    for number, handler in before.items():
        signal.signal(number, handler)
    signal.set_wakeup_fd(wakeup)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


def test_a_signal_that_came_is_told_once(loop: EventLoop) -> None:
    signal.raise_signal(signal.SIGUSR1)
    assert loop.wait(5) == ({signal.SIGUSR1}, [])
    assert loop.wait(0) == (set(), [])


def test_signals_that_came_together_are_told_together(loop: EventLoop) -> None:
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR1):
        signal.raise_signal(number)
    assert loop.wait(5) == ({signal.SIGUSR1, signal.SIGUSR2}, [])


def test_a_signal_ends_a_wait_without_end(loop: EventLoop) -> None:
    os.kill(os.getpid(), signal.SIGUSR2)
    assert loop.wait(None) == ({signal.SIGUSR2}, [])


def test_a_wait_that_is_over_tells_nothing(loop: EventLoop) -> None:
    assert loop.wait(0) == (set(), [])
    assert loop.wait(0.001) == (set(), [])


def test_a_descriptor_is_told_while_it_is_readable_and_watched(loop: EventLoop, pipe: tuple[int, int]) -> None:
    read, write = pipe
    loop.watch(read)
    assert loop.wait(0) == (set(), [])
    os.write(write, b"x")
    assert loop.wait(5) == (set(), [read])
    loop.unwatch(read)
    assert loop.wait(0) == (set(), [])


def test_signals_and_descriptors_are_told_together(loop: EventLoop, pipe: tuple[int, int]) -> None:
    loop.watch(pipe[0])
    os.write(pipe[1], b"x")
    signal.raise_signal(signal.SIGUSR1)
    assert loop.wait(5) == ({signal.SIGUSR1}, [pipe[0]])


def test_watching_twice_is_watching_once(loop: EventLoop, pipe: tuple[int, int]) -> None:
    loop.watch(pipe[0])
    loop.watch(pipe[0])
    os.write(pipe[1], b"x")
    assert loop.wait(5) == (set(), [pipe[0]])


def test_what_is_not_watched_can_be_let_go_of(loop: EventLoop, pipe: tuple[int, int]) -> None:
    loop.unwatch(pipe[0])


def test_a_descriptor_that_was_closed_while_watched_may_be_another_one_later(loop: EventLoop) -> None:
    first_read, first_write = os.pipe()
    loop.watch(first_read)
    os.close(first_read)
    os.close(first_write)
    second_read, second_write = os.pipe()
    try:
        assert second_read == first_read, "the system gives out the lowest free number"
        loop.watch(second_read)
        os.write(second_write, b"x")
        assert loop.wait(5) == (set(), [second_read])
    finally:
        loop.unwatch(second_read)
        os.close(second_read)
        os.close(second_write)


def test_in_a_child_nothing_of_it_is_left_and_the_parent_hears_no_signal_of_the_child(loop: EventLoop) -> None:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            loop.close_in_child()
            signal.raise_signal(signal.SIGUSR1)
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert loop.wait(0) == (set(), [])
    signal.raise_signal(signal.SIGUSR2)
    assert loop.wait(5) == ({signal.SIGUSR2}, [])
