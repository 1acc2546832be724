from __future__ import annotations

import random
from itertools import pairwise

import msgspec
import pytest

from portcullis.engine.certificates import renewal
from portcullis.engine.certificates.renewal import (
    ASK_AT_LEAST,
    ASK_AT_MOST,
    ASK_EVERY,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Life,
    RenewalState,
    due_at,
    failed,
    not_suggested,
    renewed,
    revoked,
    suggested,
)

HOUR, DAY = 3600.0, 86_400.0
T = 1_800_000_000.0


@pytest.mark.parametrize("days", [90, 47, 6, 0.25])
def test_renewed_at_two_thirds_of_life_and_no_later(days: float) -> None:
    life = Life(T, T + days * DAY)
    for draw in (0.0, 0.5, 1.0):
        part = (due_at(life, RenewalState(draw=draw)) - T) / (days * DAY)
        assert 2 / 3 - renewal.SPREAD - 1e-6 <= part <= 2 / 3 + 1e-6
    assert due_at(life, RenewalState(draw=0.1)) != due_at(life, RenewalState(draw=0.9))


def test_what_is_not_there_or_revoked_is_due_at_once() -> None:
    assert due_at(None, RenewalState()) == 0
    assert due_at(Life(T, T + DAY), RenewalState(revoked=True)) == 0
    assert due_at(None, RenewalState(not_before=T)) == T


def test_one_that_is_revoked_is_replaced_at_once_but_for_a_pause_that_is_on() -> None:
    life = Life(T, T + 90 * DAY)
    assert due_at(life, revoked(RenewalState(), T + DAY)) <= T + DAY
    waiting = failed(RenewalState(), life, T, "no", wait=HOUR)
    assert due_at(life, revoked(waiting, T)) == T + HOUR


def test_an_authority_that_calls_all_it_issues_revoked_is_asked_ever_less_often() -> None:
    life, state, now, pauses = Life(T, T + 90 * DAY), RenewalState("0"), T, []
    for number in range(20):
        state = revoked(state, now)
        pauses.append(max(0.0, due_at(life, state) - now))
        now += pauses[-1]
        state = renewed(str(number + 1), 0.5, state)
    assert pauses[:4] == [0.0, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert renewed("x", 0.5, renewed("y", 0.5)).replaces == 0


def test_what_the_authority_suggests_comes_first() -> None:
    life = Life(T, T + 90 * DAY)
    state = suggested(RenewalState(draw=0.25), T, T + 40 * DAY, T + 44 * DAY)
    assert due_at(life, state) == T + 41 * DAY
    passed = suggested(RenewalState(draw=0.25), T, T - 2 * DAY, T - DAY)
    assert due_at(life, passed) < T


def test_a_window_that_would_let_it_end_is_no_window() -> None:
    life = Life(T, T + 6 * DAY)
    own = due_at(life, RenewalState())
    assert due_at(life, suggested(RenewalState(), T, T + 90 * DAY, T + 91 * DAY)) == own
    assert suggested(RenewalState(), T, T + DAY, T + DAY) == not_suggested(RenewalState(), T)


@pytest.mark.parametrize(
    ("named", "taken"), [(None, ASK_EVERY), (1.0, ASK_AT_LEAST), (HOUR, HOUR), (99 * DAY, ASK_AT_MOST)]
)
def test_the_authority_says_within_bounds_when_it_is_asked_again(named: float | None, taken: float) -> None:
    assert suggested(RenewalState(), T, T, T + 1, again_in=named).ask_at == T + taken


def test_what_it_said_before_holds_while_it_says_nothing() -> None:
    before = suggested(RenewalState(), T, T + 1, T + 2)
    after = not_suggested(before, T + DAY)
    assert (after.start, after.end, after.ask_at) == (T + 1, T + 2, T + DAY + ASK_EVERY)


def test_failures_back_off_up_to_a_bound() -> None:
    state, now, pauses = RenewalState(draw=0.0), T, []
    for _ in range(14):
        state = failed(state, None, now, "no")
        pauses.append(state.not_before - now)
        now = state.not_before
    assert pauses[:4] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert (state.failures, state.error) == (14, "no")


def test_the_rest_of_a_short_life_is_not_slept_through() -> None:
    life = Life(T, T + 6 * HOUR)
    state = failed(RenewalState(draw=0.0, failures=12), life, T + 4 * HOUR, "no")
    assert state.not_before - (T + 4 * HOUR) == 2 * HOUR / 8


def test_what_the_authority_asks_to_wait_is_waited() -> None:
    assert failed(RenewalState(), None, T, "no", wait=DAY).not_before == T + DAY


class Simulated:
    """A certificate's life by the minute, with an authority that is away at times."""

    def __init__(self, life: float, draw: random.Random) -> None:
        self.length = life
        self.draw = draw
        self.life: Life | None = None
        self.state = RenewalState()
        self.issued: list[float] = []
        self.attempts: list[float] = []
        self.without = 0.0

    def minute(self, now: float, *, answers: bool) -> None:
        if self.life is None or now >= self.life.end:
            self.without += 60.0
        if due_at(self.life, self.state) > now:
            return
        self.attempts.append(now)
        if answers:
            self.issued.append(now)
            self.life = Life(now, now + self.length)
            self.state = renewal.renewed(str(now), self.draw.random())
        else:
            self.state = failed(self.state, self.life, now, "away")


def test_a_day_of_six_hour_certificates_with_an_authority_that_is_away_for_an_hour() -> None:
    simulated = Simulated(6 * HOUR, random.Random(1))
    for minute in range(24 * 60):
        now = T + minute * 60
        simulated.minute(now, answers=not 4 * HOUR - 600 <= now - T < 5 * HOUR)
    assert simulated.without == 60.0  # before the first
    assert 5 <= len(simulated.issued) <= 8
    gaps = [after - before for before, after in pairwise(simulated.issued)]
    assert max(gaps) < 6 * HOUR
    assert 4 <= len(simulated.attempts) - len(simulated.issued) <= 12


def test_a_year_of_47_days_each_with_an_authority_that_is_away_for_ten_days() -> None:
    simulated = Simulated(47 * DAY, random.Random(2))
    for quarter in range(365 * 96):
        now = T + quarter * 900
        simulated.minute(now, answers=not 28 * DAY <= now - T < 38 * DAY)
    assert simulated.without == 60.0
    assert 11 <= len(simulated.issued) <= 13
    assert len(simulated.attempts) - len(simulated.issued) < 60


def test_an_authority_that_is_away_for_longer_than_a_life_is_asked_rarely_and_taken_up_soon() -> None:
    simulated = Simulated(6 * HOUR, random.Random(3))
    for minute in range(4 * 24 * 60):
        now = T + minute * 60
        simulated.minute(now, answers=not HOUR <= now - T < 2 * DAY)
    assert len([each for each in simulated.attempts if HOUR <= each - T < 2 * DAY]) < 45
    back = next(each for each in simulated.issued if each - T >= 2 * DAY)
    assert back - (T + 2 * DAY) <= LONGEST_PAUSE * 1.25 + 60


def test_the_state_is_kept_as_json() -> None:
    state = suggested(failed(RenewalState("ab", 0.3), None, T, "x" * 900), T, T, T + 1, why="y")
    assert msgspec.json.decode(msgspec.json.encode(state), type=RenewalState) == state
    assert len(state.error) == 500
