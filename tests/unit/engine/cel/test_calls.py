from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.cel.calls import BUILDERS, LiteralError
from portcullis.engine.cel.compiled import Compiled, Frame, constant
from portcullis.engine.cel.values import Duration, Timestamp
from portcullis.engine.cel.wording import STANDARD_FUNCTIONS

UNKNOWN = Compiled(lambda _frame: "a")
MACROS = {"has", "all", "exists", "exists_one", "filter", "map"}


def test_every_standard_function_can_be_compiled() -> None:
    assert set(STANDARD_FUNCTIONS) - MACROS <= BUILDERS.keys()


@rows(
    ("function", "arguments", "index", "hint"),
    [
        ("matches", (UNKNOWN, UNKNOWN), 1, "text.matches("),
        ("matches", (UNKNOWN, constant("(")), 1, "RE2"),
        ("getHours", (UNKNOWN, UNKNOWN), 1, "Europe/Berlin"),
        ("getHours", (UNKNOWN, constant("Mars/Olympus")), 1, "Europe/Berlin"),
        ("ip_in", (UNKNOWN, constant("10.0.0.1/8")), 1, "10.0.0.0/8"),
    ],
)
def test_what_must_be_a_literal_is_asked_for_as_one(
    function: str, arguments: tuple[Compiled, ...], index: int, hint: str
) -> None:
    with pytest.raises(LiteralError) as caught:
        BUILDERS[function](arguments)
    assert caught.value.index == index
    assert hint in caught.value.hint


def test_a_part_of_a_time_is_that_of_its_zone() -> None:
    noon = constant(Timestamp(1_779_876_000 * 10**9))
    hours = BUILDERS["getHours"]
    assert hours([noon]).run(Frame()) == 10
    assert hours([noon, constant("Europe/Berlin")]).run(Frame()) == 12
    assert hours([constant(Duration(7200 * 10**9))]).run(Frame()) == 2


def test_conversions_of_long_texts_take_steps() -> None:
    frame = Frame()
    BUILDERS["bytes"]([constant("a" * 64_000)]).run(frame)
    assert Frame().steps - frame.steps > 1000
