from __future__ import annotations

import pytest
from bench.profile_worker import parse_stacks


def test_shares_are_by_function_whatever_the_line() -> None:
    shares = parse_stacks(["main (a.py:1);step (b.py:5) 3", "main (a.py:2);step (b.py:9) 1", "main (a.py:1) 4", ""])

    assert shares.own == pytest.approx({"step (b.py)": 0.5, "main (a.py)": 0.5})
    assert shares.total == pytest.approx({"step (b.py)": 0.5, "main (a.py)": 1.0})


def test_a_function_that_calls_itself_counts_once() -> None:
    shares = parse_stacks(["f (a.py:1);f (a.py:2);f (a.py:2) 10"])

    assert shares.own == shares.total == {"f (a.py)": 1.0}


def test_frames_without_a_line_and_no_samples_are_fine() -> None:
    assert parse_stacks(["start (libc.so.6);read 2"]).own == {"read": 1.0}
    assert parse_stacks([]).own == {}
