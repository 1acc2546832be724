"""What the two connections of a session tell it, and what they keep for whoever had them before."""

from __future__ import annotations

from typing import Any

import pytest

from portcullis.mounts.websocket.ends import ClientEnd, ServiceEnd
from portcullis.testing import FakeTransport


class Told:
    """A session, and a connection that was there before it: every call that either gets."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.transport = FakeTransport()

    def __getattr__(self, name: str) -> Any:
        return lambda *values: self.calls.append((name, *values))


@pytest.fixture
def told() -> Any:
    return Told()


def test_the_clients_end_tells_the_session_and_its_end_whoever_had_it_before(told: Any) -> None:
    end = ClientEnd(told, told)
    end.data_received(b"x")
    end.pause_writing()
    end.resume_writing()
    assert end.eof_received() is False
    end.connection_lost(None)
    assert told.calls == [
        ("from_client", b"x"),
        ("client_blocked", True),
        ("client_blocked", False),
        ("connection_lost", None),
    ]


def test_the_services_end_tells_both_of_its_end(told: Any) -> None:
    end = ServiceEnd(told, told)
    end.data_received(b"x")
    end.pause_writing()
    end.resume_writing()
    end.connection_lost(None)
    assert told.calls == [
        ("from_service", b"x"),
        ("service_blocked", True),
        ("service_blocked", False),
        ("connection_lost", None),
        ("service_lost",),
    ]


def test_reading_stops_and_goes_on_but_not_once_it_is_closing(told: Any) -> None:
    end = ClientEnd(told, told)
    end.hold(True)
    assert not told.transport.reading
    end.resume()
    assert told.transport.reading
    told.transport.close()
    end.hold(True)
    assert told.transport.reading
