from __future__ import annotations

import hpack
import pytest
from http2_faults import (
    ACK,
    CALM,
    CANCEL,
    CLOSED,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FAULTS,
    GET,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    POST,
    PREFACE,
    PROTOCOL,
    REFUSED,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Fault,
    frame,
    head,
    headers,
    setting,
    word,
)
from http2_play import frames_in
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.mounts.http2.events import (
    BodyReceived,
    ConnectionEnded,
    Event,
    PingAnswered,
    RequestMalformed,
    RequestReceived,
    StreamEnded,
    WindowsOpened,
)
from portcullis.mounts.http2.limits import CONNECTION_WINDOW, STREAM_WINDOW, STREAMS_A_TURN, Limits
from portcullis.mounts.http2.server import ServerConnection
from portcullis.testing import FakeClock

HELLO = PREFACE + frame(SETTINGS, 0, 0)


class Wire:
    """A connection, and the frames that it has sent since the last look."""

    def __init__(self, hello: bytes = HELLO, limits: Limits | None = None) -> None:
        self.clock = FakeClock()
        self.connection = ServerConnection(limits or Limits(), self.clock.now_ns)
        self.decoder = hpack.Decoder()
        if hello:
            assert self.connection.receive(hello) == []
            self.take()

    def take(self) -> list[tuple[int, int, int, bytes]]:
        data = b"".join(self.connection.outgoing)
        self.connection.outgoing.clear()
        return list(frames_in(data))

    def sends(self, *data: bytes) -> list[Event]:
        return self.connection.receive(b"".join(data))

    def goes_away(self) -> int | None:
        """The code of GOAWAY, if that was sent."""
        sent = [payload for kind, _, _, payload in self.take() if kind == GOAWAY]
        return int.from_bytes(sent[-1][4:8], "big") if sent else None


def outcome(fault: Fault) -> tuple[str | int, int]:
    """What came of it, and the code."""
    wire = Wire(b"")
    events = wire.sends(fault.wire)
    sent = wire.take()
    for kind, _, _, payload in sent:
        if kind == GOAWAY:
            assert isinstance(events[-1], ConnectionEnded)
            assert wire.connection.over
            return "GOAWAY", int.from_bytes(payload[4:8], "big")
    for kind, _, stream, payload in sent:
        if kind == RST_STREAM:
            assert stream not in wire.connection.streams
            return "RST_STREAM", int.from_bytes(payload, "big")
    for event in events:
        if isinstance(event, RequestMalformed):
            return event.code.status, PROTOCOL
    assert any(isinstance(event, RequestReceived) and event.head.host == "shop" for event in events)
    return "served", PROTOCOL


# The :scheme is compared by who knows whether the connection is secure.
OWN = [fault for fault in FAULTS if "not the connection's" not in fault.what]


@rows("fault", OWN, ids=str)
def test_what_a_client_does_wrong_has_the_outcome_of_the_table(fault: Fault) -> None:
    came, code = outcome(fault)
    assert came == fault.outcome
    assert code in fault.codes


@rows("fault", OWN, ids=str)
def test_the_outcome_is_the_same_byte_by_byte(fault: Fault) -> None:
    wire = Wire(b"")
    events = [event for byte in fault.wire for event in wire.sends(bytes((byte,)))]
    whole = Wire(b"")
    assert events == whole.sends(fault.wire)
    assert wire.take() == whole.take()


def test_the_server_begins_with_its_settings_and_opens_the_connections_window():
    wire = Wire(b"", Limits(head_bytes=5000, streams=7))
    sent = wire.take()
    assert sent[0] == (
        SETTINGS,
        0,
        0,
        setting(3, 7) + setting(4, STREAM_WINDOW) + setting(6, 5000) + setting(9, 1),
    )
    assert sent[1] == (WINDOW_UPDATE, 0, 0, word(CONNECTION_WINDOW - 65535))


def test_settings_are_acknowledged_and_pings_answered():
    wire = Wire(b"")
    wire.take()
    wire.sends(HELLO, frame(PING, 0, 0, b"12345678"))
    assert wire.take() == [(SETTINGS, ACK, 0, b""), (PING, ACK, 0, b"12345678")]


def test_a_request_without_a_body_is_one_event():
    (event,) = Wire().sends(GET)
    assert isinstance(event, RequestReceived)
    assert (event.stream_id, event.ended, event.head.method, event.head.target) == (1, True, "GET", "/a")


def test_a_body_comes_in_pieces_without_its_padding():
    wire = Wire()
    wire.sends(POST)
    padded = frame(DATA, PADDED, 1, b"\x02ab\0\0")
    assert wire.sends(padded, frame(DATA, 0, 1), frame(DATA, END_STREAM, 1, b"c")) == [
        BodyReceived(1, b"ab", False),
        BodyReceived(1, b"c", True),
    ]


def test_trailers_end_a_body_and_are_dropped():
    wire = Wire()
    assert wire.sends(POST, headers([(b"x-sum", b"1")]))[1:] == [BodyReceived(1, b"", True)]


# Windows.


def test_a_stream_gets_credit_when_half_of_its_window_was_used():
    wire = Wire()
    wire.sends(POST, frame(DATA, 0, 1, bytes(16384)) * 4)
    wire.connection.credit(1, 3 * 16384)
    assert wire.take() == []
    wire.connection.credit(1, 16384)
    assert wire.take() == [(WINDOW_UPDATE, 0, 1, word(64 * 1024))]


def test_what_is_not_used_is_not_credited_and_what_comes_beyond_it_ends_the_connection():
    wire = Wire()
    for number in range(1, 17, 2):
        wire.sends(headers(head(b"POST"), ended=False, stream=number), frame(DATA, 0, number, bytes(16384)) * 8)
    assert wire.take() == []
    wire.sends(headers(head(b"POST"), ended=False, stream=17), frame(DATA, 0, 17, b"x"))
    assert wire.goes_away() == 3


def test_padding_and_what_nobody_wants_is_credited_at_once():
    wire = Wire()
    wire.sends(POST)
    wire.connection.reset(1, 0)
    wire.take()
    for _ in range(CONNECTION_WINDOW // 2 // 16384):
        wire.sends(frame(DATA, PADDED, 1, b"\xff" + bytes(16383)))
    assert wire.take() == [(WINDOW_UPDATE, 0, 0, word(CONNECTION_WINDOW // 2))]


def test_there_is_room_as_far_as_both_windows_go():
    wire = Wire()
    wire.sends(GET, frame(SETTINGS, 0, 0, setting(4, 100)))
    assert wire.connection.room(1) == 100
    wire.connection.send_head(1, 200, b"", ended=False)
    wire.connection.send_data(1, b"x" * 100, ended=False)
    assert wire.connection.room(1) == 0
    assert wire.sends(frame(WINDOW_UPDATE, 0, 1, word(2**31 - 1))) == [WindowsOpened(1)]
    assert wire.connection.room(1) == 65535 - 100


def test_a_window_may_shrink_below_nothing():
    wire = Wire()
    wire.sends(GET)
    wire.connection.send_data(1, b"x" * 100, ended=False)
    assert wire.sends(frame(SETTINGS, 0, 0, setting(4, 10))) == [WindowsOpened(0)]
    assert wire.connection.room(1) == 0
    wire.sends(frame(WINDOW_UPDATE, 0, 1, word(91)))
    assert wire.connection.room(1) == 1


def test_the_window_of_a_stream_that_is_closed_may_still_be_opened():
    wire = Wire()
    wire.sends(GET)
    wire.connection.send_head(1, 204, b"", ended=True)
    assert wire.sends(frame(WINDOW_UPDATE, 0, 1, word(5))) == []
    assert not wire.connection.over


# Ending.


def test_an_answer_before_the_end_of_its_request_says_that_the_rest_is_not_wanted():
    wire = Wire()
    wire.sends(POST)
    wire.connection.send_head(1, 401, b"", ended=True)
    assert wire.take()[1:] == [(RST_STREAM, 0, 1, word(0))]
    assert wire.sends(frame(DATA, 0, 1, b"on its way"), headers([(b"x-a", b"1")])) == []
    assert not wire.connection.over


def test_only_the_last_streams_that_were_ended_early_are_remembered():
    wire = Wire(limits=Limits(resets_per_minute=10_000))
    for number in range(1, 600, 2):
        wire.sends(headers(head(b"POST"), ended=False, stream=number))
        wire.connection.reset(number, 0)
    assert len(wire.connection.recent) == 256
    assert wire.sends(frame(DATA, 0, 599, b"late")) == []
    wire.sends(frame(DATA, 0, 1, b"much too late"))
    assert wire.goes_away() == CLOSED


def test_a_malformed_request_is_answered_and_then_reset():
    wire = Wire()
    (event,) = wire.sends(headers(head(b"get")))
    assert isinstance(event, RequestMalformed)
    wire.connection.send_head(1, 400, b"", ended=True)
    assert [kind for kind, *_ in wire.take()] == [HEADERS, RST_STREAM]


def test_leaving_is_announced_asked_for_and_then_meant():
    wire = Wire()
    wire.connection.begin_leaving()
    goaway, ping = wire.take()
    assert goaway == (GOAWAY, 0, 0, word(2**31 - 1) + word(0))
    assert len(wire.sends(GET)) == 1
    assert wire.sends(frame(PING, ACK, 0, ping[3])) == [PingAnswered()]
    wire.connection.leave()
    wire.connection.leave()
    assert wire.take() == [(GOAWAY, 0, 0, word(1) + word(0))]
    late = headers(head(b"POST"), ended=False, stream=3) + frame(DATA, END_STREAM, 3, b"x")
    assert wire.sends(late, headers(head(), stream=5)) == []
    assert not wire.connection.over


def test_a_client_that_leaves_is_known_to():
    wire = Wire()
    wire.sends(frame(GOAWAY, 0, 0, word(0) + word(0)))
    assert wire.connection.leaving


def test_nothing_is_read_after_the_end():
    wire = Wire()
    wire.sends(frame(PING, 0, 1, bytes(8)))
    wire.take()
    assert wire.sends(GET) == []
    assert wire.take() == []


# Too much of something.


def test_one_stream_more_than_there_may_be_is_refused_and_may_be_sent_again():
    wire = Wire(limits=Limits(streams=2))
    wire.sends(*(headers(head(), stream=number) for number in (1, 3, 5)))
    assert wire.take() == [(RST_STREAM, 0, 5, word(REFUSED))]
    wire.connection.send_head(1, 204, b"", ended=True)
    assert len(wire.sends(headers(head(), stream=7))) == 1


def opened_and_reset(number: int) -> bytes:
    return headers(head(), stream=number) + frame(RST_STREAM, 0, number, word(CANCEL))


def test_rapid_reset_ends_the_connection():
    wire = Wire(limits=Limits(resets_per_minute=10))
    for number in range(1, 21, 2):
        assert isinstance(wire.sends(opened_and_reset(number))[-1], StreamEnded)
    wire.sends(opened_and_reset(21))
    assert wire.goes_away() == CALM


def test_resets_are_allowed_again_as_time_passes():
    wire = Wire(limits=Limits(resets_per_minute=60))
    for number in range(1, 121, 2):
        wire.sends(opened_and_reset(number))
    wire.clock.advance(1.5)
    assert not isinstance(wire.sends(opened_and_reset(121))[-1], ConnectionEnded)
    assert isinstance(wire.sends(opened_and_reset(123))[-1], ConnectionEnded)


@rows(
    "provoking",
    [
        frame(WINDOW_UPDATE, 0, 1, word(0)),
        frame(DATA, 0, 1, bytes(16384)) * 9,
        headers(head()),
        headers([(b":path", b"/")]),
    ],
)
def test_resets_that_the_client_provokes_are_counted_too(provoking: bytes) -> None:
    wire = Wire(limits=Limits(resets_per_minute=5))
    for number in range(1, 31, 2):
        wire.sends(headers(head(b"POST"), ended=False, stream=number), provoking.replace(word(1), word(number)))
        if wire.connection.over:
            break
    assert wire.goes_away() == CALM


FLOODS = [
    frame(PING, 0, 0, bytes(8)),
    frame(SETTINGS, 0, 0, setting(4, 5)),
    frame(SETTINGS, ACK, 0),
    frame(WINDOW_UPDATE, 0, 0, word(1)),
    frame(2, 0, 9, word(0) + b"\x01"),
    frame(DATA, 0, 1),
    frame(DATA, PADDED, 1, b"\0")[:0] + frame(0x20, 0, 0, b"unknown"),
    frame(GOAWAY, 0, 0, bytes(8)),
]


@rows("flood", FLOODS)
def test_a_flood_of_frames_that_bring_nothing_ends_the_connection(flood: bytes) -> None:
    wire = Wire(limits=Limits(control_frames_per_minute=100))
    wire.sends(POST)
    for _ in range(100):
        assert not any(isinstance(event, ConnectionEnded) for event in wire.sends(flood))
    wire.sends(flood * 10)
    assert wire.goes_away() == CALM


def test_answers_earn_the_frames_that_take_them():
    wire = Wire(limits=Limits(control_frames_per_minute=100))
    wire.sends(GET)
    for _ in range(500):
        wire.connection.send_data(1, b"x", ended=False)
        wire.sends(frame(WINDOW_UPDATE, 0, 0, word(1)), frame(WINDOW_UPDATE, 0, 1, word(1)))
    assert not wire.connection.over


def test_requests_beyond_those_of_a_turn_wait_for_the_next_one():
    wire = Wire()
    events = wire.sends(*(headers(head(), stream=2 * number + 1) for number in range(STREAMS_A_TURN + 5)))
    assert len(events) == STREAMS_A_TURN
    assert wire.connection.pending
    assert len(wire.sends()) == 5
    assert not wire.connection.pending


def test_whether_something_has_begun_is_told():
    wire = Wire()
    assert not wire.connection.halfway
    wire.sends(GET[:5])
    assert (wire.connection.halfway, wire.connection.in_block) == (True, False)
    wire.sends(GET[5:], headers(head(), stream=3, flags=0))
    assert (wire.connection.halfway, wire.connection.in_block) == (True, True)
    wire.sends(frame(CONTINUATION, END_HEADERS, 3))
    assert not wire.connection.halfway


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=8))
def test_any_bytes_after_the_preface_are_read_the_same_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    whole, cut = Wire(), Wire()
    events, at = [], 0
    for size in [*cuts, len(data)]:
        events += cut.sends(data[at : at + size])
        at += size
    assert events == whole.sends(data)
    assert cut.take() == whole.take()


@pytest.mark.parametrize("count", [1, 5])
def test_a_change_of_the_clients_table_is_followed(count: int) -> None:
    wire = Wire()
    wire.sends(frame(SETTINGS, 0, 0, setting(1, 50)), GET)
    wire.take()
    wire.decoder.max_allowed_table_size = 50
    for _ in range(count):
        wire.connection.send_head(1, 200, b"content-type: text/plain\r\nx-a: 1\r\n", ended=False)
    for _, _, _, payload in wire.take():
        assert wire.decoder.decode(payload, raw=True) == [
            (b":status", b"200"),
            (b"content-type", b"text/plain"),
            (b"x-a", b"1"),
        ]
