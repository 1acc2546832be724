"""Messages between a parent process and its child."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator

import pytest

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.serve import link as link_module
from portcullis.serve.link import Link, Message

Ends = tuple[Link, Link]


@pytest.fixture
def ends() -> Iterator[Ends]:
    pair = Link.pair()
    yield pair
    for end in pair:
        end.close()


@pytest.fixture
def raw() -> Iterator[tuple[Link, socket.socket]]:
    """A link whose other end says whatever it likes."""
    one, other = socket.socketpair()
    yield Link(one), other
    one.close()
    other.close()


def test_a_message_arrives_as_it_was_sent(ends: Ends) -> None:
    one, other = ends
    error = Diagnostic("portcullis.yaml", 3, 7, "apis.shop", "what is wrong\nin two lines", "what would be right")
    message = Message("failed", text="é\n", worker=2, workers=4, generation=9, diagnostics=[error])
    assert one.send(message)
    assert other.receive() == [message]


def test_messages_go_both_ways(ends: Ends) -> None:
    one, other = ends
    one.send(Message("retire"))
    other.send(Message("ready", worker=1))
    assert other.receive() == [Message("retire")]
    assert one.receive() == [Message("ready", worker=1)]


def test_all_that_has_come_is_received_at_once_and_nothing_is_waited_for(ends: Ends) -> None:
    one, other = ends
    assert other.receive() == []
    for worker in range(50):
        one.send(Message("ready", worker=worker))
    assert [message.worker for message in other.receive()] == list(range(50))
    assert other.receive() == []
    assert not other.closed


def test_a_message_may_come_in_pieces(raw: tuple[Link, socket.socket]) -> None:
    link, other = raw
    wire = b'{"word":"ready","worker":3}\n{"word":"retire"}\n'
    received = []
    for byte in wire:
        other.sendall(bytes([byte]))
        received += link.receive()
    assert received == [Message("ready", worker=3), Message("retire")]


def test_a_message_larger_than_any_buffer_arrives_whole(raw: tuple[Link, socket.socket]) -> None:
    link, other = raw
    text = "x" * 1_000_000
    wire = b'{"word":"progress","text":"%b"}\n' % text.encode()
    received = []
    other.setblocking(False)
    while wire:
        wire = wire[other.send(wire) :]
        received += link.receive()
    assert received == [Message("progress", text)]


def test_the_end_of_the_other_process_is_noticed_after_its_last_words(ends: Ends) -> None:
    one, other = ends
    one.send(Message("failed", text="last words"))
    one.close()
    assert other.receive() == [Message("failed", text="last words")]
    assert other.closed
    assert other.receive() == []


def test_telling_a_process_that_is_gone_fails_quietly_and_its_last_words_can_still_be_received(ends: Ends) -> None:
    one, other = ends
    one.send(Message("failed", text="last words"))
    one.close()
    assert not other.send(Message("retire"))
    assert not other.closed
    assert other.receive() == [Message("failed", text="last words")]
    assert other.closed


def test_an_end_can_be_waited_on(ends: Ends) -> None:
    one, other = ends
    with selectors.DefaultSelector() as selector:
        selector.register(other.fileno(), selectors.EVENT_READ)
        assert selector.select(0) == []
        one.send(Message("ready"))
        assert [key.fd for key, _ in selector.select(5)] == [other.fileno()]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n",
        b"not json\n",
        b"{}\n",
        b'{"word":"explode"}\n',
        b'{"word":"ready","worker":"x"}\n',
        b"[]\n",
        b"\xff\xfe\n",
    ],
)
def test_who_says_what_is_no_message_is_not_listened_to_any_more(
    raw: tuple[Link, socket.socket], garbage: bytes
) -> None:
    link, other = raw
    other.sendall(b'{"word":"ready"}\n' + garbage + b'{"word":"retire"}\n')
    assert link.receive() == [Message("ready")]
    assert link.closed
    other.sendall(b'{"word":"retire"}\n')
    assert link.receive() == []


def test_who_never_ends_a_message_is_not_listened_to_any_more(
    raw: tuple[Link, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "MAX_UNREAD", 1000)
    link, other = raw
    other.sendall(b"x" * 600)
    assert link.receive() == []
    assert not link.closed
    other.sendall(b"x" * 600)
    assert link.receive() == []
    assert link.closed


def test_a_message_has_its_own_diagnostics() -> None:
    assert Message("failed").diagnostics is not Message("failed").diagnostics
