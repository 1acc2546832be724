from __future__ import annotations

from portcullis.serve.backoff import GROWN_SECONDS, Backoff, in_seconds


def test_the_first_that_dies_is_replaced_at_once_however_old_it_was() -> None:
    assert Backoff().after(0.0) == 0.0
    assert Backoff().after(1000.0) == 0.0


def test_those_that_go_on_dying_young_are_replaced_ever_more_rarely_up_to_a_bound() -> None:
    backoff = Backoff()
    pauses = [backoff.after(0.1) for _ in range(10)]
    assert pauses == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 15.0]
    assert repr(backoff) == "<Backoff after 10 that died young>"


def test_one_that_has_lived_ends_the_series() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.after(0.1)
    assert backoff.after(GROWN_SECONDS) == 0.0
    assert backoff.after(0.1) == 0.5


def test_a_pause_is_told_only_where_there_is_one() -> None:
    assert in_seconds(0.0) == ""
    assert in_seconds(0.5) == " in 0.5 s"
    assert in_seconds(2.0) == " in 2 s"
