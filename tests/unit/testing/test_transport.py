"""The transport without a socket."""

from __future__ import annotations

import asyncio

import pytest
from rows import rows

from portcullis.testing import FakeTransport


class Protocol(asyncio.Protocol):
    def __init__(self) -> None:
        self.lost: list[Exception | None] = []

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.append(exc)


def test_what_is_written_is_kept_until_it_is_taken() -> None:
    transport = FakeTransport()
    transport.write(b"one")
    transport.write(bytearray(b"-two"))
    transport.writelines([b"-three", memoryview(b"-four")])
    assert transport.sent == transport.sent == b"one-two-three-four"
    assert transport.take() == b"one-two-three-four"
    assert transport.take() == transport.sent == b""


def test_after_closing_nothing_is_written_and_what_was_stays() -> None:
    transport = FakeTransport()
    transport.write(b"one")
    assert not transport.is_closing()
    transport.close()
    transport.write(b"two")
    assert (transport.closed, transport.is_closing(), transport.sent) == ("closed", True, b"one")


def test_breaking_off_is_more_than_closing() -> None:
    transport = FakeTransport()
    transport.close()
    transport.abort()
    transport.close()
    assert transport.closed == "aborted"


def test_reading_is_paused_and_resumed() -> None:
    transport = FakeTransport()
    assert transport.is_reading()
    transport.pause_reading()
    assert not transport.reading
    transport.resume_reading()
    assert transport.reading
    transport.close()
    assert not transport.is_reading()


def test_who_says_that_it_writes_no_more_must_not_write() -> None:
    transport = FakeTransport()
    assert transport.can_write_eof()
    transport.write_eof()
    assert transport.ended
    with pytest.raises(RuntimeError):
        transport.write(b"x")


def test_the_peer_is_who_the_test_says() -> None:
    assert FakeTransport().get_extra_info("peername") == ("192.0.2.1", 40000)
    assert FakeTransport(("2001:db8::1", 1)).get_extra_info("peername") == ("2001:db8::1", 1)
    assert FakeTransport().get_extra_info("ssl_object") is None
    assert FakeTransport().get_extra_info("nothing", 3) == 3


def test_how_much_is_unsent_is_what_the_test_says() -> None:
    transport = FakeTransport()
    assert transport.get_write_buffer_size() == 0
    transport.unsent = 9
    assert transport.get_write_buffer_size() == 9


@rows("error", [None, ConnectionResetError()])
def test_a_connection_is_lost_once(error: Exception | None) -> None:
    transport, protocol = FakeTransport(), Protocol()
    transport.lose(protocol, error)
    assert protocol.lost == [error]
    assert transport.is_closing()
    with pytest.raises(RuntimeError):
        transport.lose(protocol)
    assert protocol.lost == [error]
