from __future__ import annotations

from portcullis.engine.calls_by_address import count_by_address
from portcullis.engine.decision import Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.ports import Ports
from portcullis.testing.fakes import FakeClock, FakeCounters, FakeKeys
from portcullis.testing.requests import make_request


def test_each_address_has_its_own_rate_and_each_purpose_too() -> None:
    clock = FakeClock()
    ports = Ports(clock, FakeCounters(), FakeKeys())
    first, second = (count_by_address(what, 2, 60, ports, "#/x") for what in ("a", "b"))

    def call(step: object, client: str = "192.0.2.1") -> object:
        return step(make_request(client=client), Facts())  # type: ignore[operator]

    assert [call(first), call(first)] == [None, None]
    refused = call(first)
    assert isinstance(refused, Refuse)
    assert (refused.status, dict(refused.fields)) == (429, {b"retry-after": b"30"})
    assert call(first, "192.0.2.2") is None
    assert call(second) is None
    clock.advance(30)
    assert call(first) is None


def test_a_store_that_can_not_count_refuses() -> None:
    counters = FakeCounters()
    counters.broken = True
    step = count_by_address("a", 2, 60, Ports(FakeClock(), counters, FakeKeys()), "#/x")
    refused = step(make_request(), Facts())
    assert isinstance(refused, Refuse)
    assert refused.status == 503
