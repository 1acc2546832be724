from __future__ import annotations

import pytest
from http2_faults import GET, PREFACE, SETTINGS, frame
from rows import rows

from portcullis.mounts.http2.client import ClientConnection
from portcullis.mounts.http2.events import ConnectionEnded
from portcullis.mounts.http2.limits import Limits
from portcullis.mounts.http2.receiving import ReceivingConnection
from portcullis.mounts.http2.server import ServerConnection
from portcullis.testing import FakeClock


def server() -> ReceivingConnection:
    connection = ServerConnection(Limits(), FakeClock().now_ns)
    connection.receive(PREFACE)
    return connection


def client() -> ReceivingConnection:
    return ClientConnection(16_384, FakeClock().now_ns)


@rows("make", [server, client])
def test_whichever_side_it_is_settings_come_first(make):
    connection = make()
    (event,) = connection.receive(GET)
    assert isinstance(event, ConnectionEnded)
    assert connection.over
    assert connection.receive(frame(SETTINGS, 0, 0)) == []


@rows("make", [server, client])
def test_a_frame_that_has_begun_is_waited_for(make):
    connection = make()
    hello = frame(SETTINGS, 0, 0)
    assert connection.receive(hello[:5]) == []
    assert (connection.halfway, connection.begun) == (True, False)
    assert connection.receive(hello[5:]) == []
    assert (connection.halfway, connection.begun) == (False, True)


def test_a_side_says_what_its_heads_mean():
    with pytest.raises(NotImplementedError):
        ReceivingConnection._end_block(client(), b"")
