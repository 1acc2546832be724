from __future__ import annotations

import hpack
import pytest
from http2_answers import BEGUN, MISTAKES, Mistake, answer, body, trailers
from http2_faults import (
    ACK,
    CANCEL,
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    setting,
    word,
)
from http2_play import frames_in
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.mounts.http2.client import MOST_STREAMS, ClientConnection
from portcullis.mounts.http2.errors import ErrorCode
from portcullis.mounts.http2.events import (
    AnswerMalformed,
    AnswerReceived,
    BodyReceived,
    ConnectionEnded,
    Event,
    StreamEnded,
    StreamUnserved,
    WindowsOpened,
)
from portcullis.mounts.http2.limits import STREAM_WINDOW
from portcullis.testing import FakeClock

HELLO = frame(SETTINGS, 0, 0)


class Wire:
    """A connection to a service that has said hello."""

    def __init__(self, hello: bytes = HELLO) -> None:
        self.connection = ClientConnection(16 * 1024, FakeClock().now_ns)
        self.decoder = hpack.Decoder()
        self.said = b"".join(self.connection.outgoing)
        self.connection.outgoing.clear()
        if hello:
            assert self.sends(hello) == []
            self.take()

    def take(self) -> list[tuple[int, int, int, bytes]]:
        data = b"".join(self.connection.outgoing)
        self.connection.outgoing.clear()
        return list(frames_in(data))

    def sends(self, *data: bytes) -> list[Event]:
        return self.connection.receive(b"".join(data))

    def asks(self, method: str = "GET", fields: bytes = b"", *, ended: bool = True) -> int:
        return self.connection.send_request(method, b"https", b"shop", b"/a?b", fields, ended=ended)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def outcome(mistake: Mistake) -> tuple[str, int]:
    """What came of it, and the code."""
    wire = Wire()
    wire.asks()
    wire.take()
    events = wire.sends(mistake.sent)
    for kind, _, _, payload in wire.take():
        if kind == GOAWAY:
            assert isinstance(events[-1], ConnectionEnded)
            return "GOAWAY", int.from_bytes(payload[4:8], "big")
        if kind == RST_STREAM:
            if any(isinstance(event, AnswerMalformed) for event in events):
                return "malformed", int.from_bytes(payload, "big")
            return "RST_STREAM", int.from_bytes(payload, "big")
    if any(isinstance(event, StreamUnserved) for event in events):
        return "unserved", 1
    if any(isinstance(event, StreamEnded) for event in events):
        return "lost", 1
    assert any(isinstance(event, AnswerReceived) for event in events)
    assert events[-1].ended
    assert wire.connection.streams == {}
    return "served", 1


@rows("mistake", MISTAKES, ids=str)
def test_what_a_service_does_wrong_has_the_outcome_of_the_table(mistake: Mistake) -> None:
    came, code = outcome(mistake)
    assert came == mistake.outcome
    assert code in mistake.codes


def test_it_begins_with_the_preface_and_wants_nothing_pushed(wire):
    assert wire.said.startswith(PREFACE)
    (kind, flags, stream, payload), (update, _, zero, _) = frames_in(wire.said[len(PREFACE) :])
    assert (kind, flags, stream, update, zero) == (SETTINGS, 0, 0, WINDOW_UPDATE, 0)
    assert setting(2, 0) in payload


def test_a_request_is_a_head_with_pseudo_fields_first(wire):
    assert wire.asks("PATCH", b"x-a: 1\r\ntraceparent: 00-ab\r\n") == 1
    ((kind, flags, stream, payload),) = wire.take()
    assert (kind, flags, stream) == (HEADERS, 0x5, 1)
    assert [tuple(each) for each in wire.decoder.decode(payload, raw=True)] == [
        (b":method", b"PATCH"),
        (b":scheme", b"https"),
        (b":authority", b"shop"),
        (b":path", b"/a?b"),
        (b"x-a", b"1"),
        (b"traceparent", b"00-ab"),
    ]
    assert wire.asks() == 3


def test_a_request_that_repeats_is_shorter(wire):
    fields = b"accept: application/json\r\nuser-agent: shop/1\r\n"
    sizes = []
    for _ in range(4):
        wire.asks("GET", fields)
        ((_, _, _, payload),) = wire.take()
        wire.decoder.decode(payload)
        sizes.append(len(payload))
    assert sizes[3] == sizes[2] < sizes[0]


def test_a_head_request_has_an_answer_without_the_body_that_is_announced(wire):
    wire.asks("HEAD")
    (received,) = wire.sends(answer((b"content-length", b"12")))
    assert (received.head.bodyless, received.head.content_length, received.ended) == (True, 0, True)
    wire.asks("GET")
    assert isinstance(wire.sends(answer((b"content-length", b"12"), stream=3))[0], AnswerMalformed)


def test_trailers_come_with_the_end(wire):
    wire.asks()
    events = wire.sends(BEGUN, body(b"ok", ended=False), trailers((b"grpc-status", b"0")))
    assert events[1:] == [BodyReceived(1, b"ok", False), BodyReceived(1, b"", True, [(b"grpc-status", b"0")])]


def test_an_answer_may_end_before_its_request(wire):
    wire.asks("POST", ended=False)
    (received,) = wire.sends(answer())
    assert received.ended
    assert 1 in wire.connection.streams
    wire.connection.reset(1, ErrorCode.NO_ERROR)
    wire.take()
    assert wire.sends(frame(RST_STREAM, 0, 1, word(CANCEL))) == []


def test_the_request_may_end_before_its_answer(wire):
    wire.asks("POST", ended=False)
    wire.connection.send_data(1, b"x", ended=True)
    assert wire.take()[1] == (DATA, END_STREAM, 1, b"x")
    wire.sends(answer())
    assert wire.connection.streams == {}


def test_what_is_sent_keeps_to_the_windows(wire):
    wire.sends(frame(SETTINGS, 0, 0, setting(4, 10)))
    wire.asks("POST", ended=False)
    assert wire.connection.room(1) == 10
    wire.connection.send_data(1, b"x" * 10, ended=False)
    assert wire.connection.room(1) == 0
    assert wire.sends(frame(WINDOW_UPDATE, 0, 1, word(5))) == [WindowsOpened(1)]
    assert wire.connection.room(1) == 5


def test_no_more_requests_at_a_time_than_the_service_takes(wire):
    assert wire.connection.most_streams == MOST_STREAMS
    wire.sends(frame(SETTINGS, 0, 0, setting(3, 2)))
    wire.asks()
    assert wire.connection.has_room
    wire.asks()
    assert not wire.connection.has_room
    wire.sends(answer())
    assert wire.connection.has_room


def test_a_service_that_wants_no_more_gets_no_more(wire):
    wire.asks()
    wire.asks()
    assert wire.sends(frame(GOAWAY, 0, 0, word(1) + word(0))) == [StreamUnserved(3)]
    assert not wire.connection.has_room
    assert wire.sends(answer())[0].ended


def test_what_one_does_not_take_does_not_hold_up_the_others(wire):
    wire.asks()
    wire.asks()
    wire.sends(BEGUN, answer(stream=3, ended=False))
    wire.take()
    for _ in range(STREAM_WINDOW // 16384):
        wire.sends(body(b"x" * 16384, ended=False))
    for _ in range(200):
        wire.sends(body(b"x" * 16384, ended=False, stream=3))
        wire.connection.credit_stream(3, 16384)
    assert not any(kind == GOAWAY for kind, _, _, _ in wire.take())


def test_what_comes_for_a_stream_that_was_given_up_is_dropped_and_its_head_still_read(wire):
    encoder = hpack.Encoder()
    wire.asks()
    wire.asks()
    wire.connection.reset(1, ErrorCode.CANCEL)
    first = encoder.encode([(b":status", b"200"), (b"x-a", b"1")])
    second = encoder.encode([(b":status", b"200"), (b"x-a", b"1")])
    assert wire.sends(frame(HEADERS, 0x4, 1, first), body(b"x", ended=False)) == []
    (received,) = wire.sends(frame(HEADERS, 0x5, 3, second))
    assert received.head.headers == {b"x-a": b"1"}


def test_the_same_bytes_give_the_same_head(wire):
    heads = []
    for number in range(2):
        wire.asks()
        (received,) = wire.sends(answer((b"x-a", b"1"), stream=2 * number + 1))
        heads.append(received.head)
    assert heads[0] is heads[1]


def test_settings_are_acknowledged(wire):
    wire.sends(frame(SETTINGS, 0, 0, setting(4, 10)))
    assert (SETTINGS, ACK, 0, b"") in wire.take()


@given(
    st.lists(st.sampled_from([mistake.sent for mistake in MISTAKES if len(mistake.sent) < 10_000]), max_size=6),
    st.data(),
)
def test_whatever_comes_in_whatever_pieces_nothing_is_raised(sent: list[bytes], data: st.DataObject) -> None:
    wire = Wire()
    for _ in range(3):
        wire.asks()
    stream = b"".join(sent)
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        wire.sends(stream[:cut])
        stream = stream[cut:]
    assert len(wire.connection.streams) <= 3


def test_what_was_on_its_way_for_streams_that_were_given_up_long_ago_ends_no_others(wire):
    first = wire.asks()
    wire.connection.reset(first, ErrorCode.CANCEL)
    for _ in range(300):
        wire.connection.reset(wire.asks(), ErrorCode.CANCEL)
    last = wire.asks()
    assert wire.sends(answer(stream=first, ended=False) + body(b"x", stream=first)) == []
    assert [type(each) for each in wire.sends(answer(stream=last))] == [AnswerReceived]
