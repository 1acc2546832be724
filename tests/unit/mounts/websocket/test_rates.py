"""Frames and bytes that come too fast."""

from __future__ import annotations

from portcullis.mounts.websocket.rates import BURST_NS, MessageRates

SECOND = 10**9
TEN_A_SECOND = SECOND // 10


def test_a_burst_passes_and_then_the_rate() -> None:
    rates = MessageRates(TEN_A_SECOND, 0)
    burst = BURST_NS // TEN_A_SECOND
    assert [rates.excess(SECOND, 1, 100) for _ in range(burst + 1)] == [""] * (burst + 1)
    assert rates.excess(SECOND, 1, 100) == "frames"
    assert rates.excess(2 * SECOND, 5, 100) == ""


def test_bytes_have_a_rate_of_their_own() -> None:
    rates = MessageRates(0, SECOND / 1_000)
    assert rates.excess(SECOND, 1_000, 10_000) == ""
    assert rates.excess(SECOND, 0, 1) == "bytes"
    assert rates.excess(2 * SECOND, 0, 900) == ""


def test_without_a_rate_nothing_is_too_much() -> None:
    rates = MessageRates(0, 0)
    assert not rates.limits
    assert rates.excess(1, 10**6, 10**9) == ""
    assert MessageRates(1, 0).limits
    assert MessageRates(0, 1).limits
