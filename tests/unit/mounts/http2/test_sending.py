from __future__ import annotations

import pytest
from http2_faults import DATA, END_STREAM, frame

from portcullis.mounts.http2.errors import ErrorCode
from portcullis.mounts.http2.frames import rst_stream
from portcullis.mounts.http2.limits import Limits
from portcullis.mounts.http2.sending import SendingConnection, StreamState
from portcullis.mounts.http2.server import ServerConnection
from portcullis.testing import FakeClock


@pytest.fixture
def connection() -> SendingConnection:
    made = ServerConnection(Limits(), FakeClock().now_ns)
    made.outgoing.clear()
    made.streams[1] = StreamState(100, ended=True)
    return made


def test_the_last_piece_of_an_answer_closes_its_stream(connection):
    connection.send_data(1, b"ab", ended=False)
    assert connection.room(1) == 98
    connection.send_data(1, b"c", ended=True)
    assert connection.outgoing == [frame(DATA, 0, 1, b"ab"), frame(DATA, END_STREAM, 1, b"c")]
    assert connection.streams == {}
    assert connection.room(1) == 0


def test_a_stream_that_is_reset_is_remembered_for_what_is_on_its_way(connection):
    connection.reset(1, ErrorCode.INTERNAL_ERROR)
    assert connection.outgoing == [rst_stream(1, ErrorCode.INTERNAL_ERROR)]
    assert 1 in connection.recent
    assert 1 not in connection.streams


def test_the_end_names_the_last_stream_that_is_served(connection):
    connection.last = 9
    connection.leave()
    connection.last = 21
    connection.end(ErrorCode.PROTOCOL_ERROR, "why")
    assert connection.outgoing[-1][9:17] == b"\0\0\0\x09\0\0\0\x01"
    assert (connection.left, connection.over) == (True, True)
