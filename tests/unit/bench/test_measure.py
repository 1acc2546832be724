from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench.errors import InstallError, VerifyError
from bench.install import Tools
from bench.load import Request
from bench.machine import Cpus
from bench.measure import Bench, Pace, Session
from bench.model import Case, Contender, Method
from bench.peers import Ground, Setup
from bench.results import Round


def set_up(ground: Ground) -> Setup:
    return Setup([str(ground.binary)], remarks=(f"in front of {ground.upstream}",))


class Counting(Session):
    """Its figure is the number of the round; ``late`` fails in its second one, ``never`` does not start."""

    rounds = 0

    def start(self, contender: Contender) -> Setup:
        if contender.name == "never":
            raise VerifyError("it does something else")
        return self.bench.prepare(self.case, contender, 7)[1]

    def take(self, contender: Contender) -> Round:
        self.rounds += 1
        if contender.name == "late" and self.rounds > 2:
            raise VerifyError("it broke")
        return Round(float(self.rounds))


def case_of(*contenders: str, once: bool = False) -> Case:
    taking_part = tuple(Contender(name, name.title(), "proxy", set_up) for name in contenders)
    method = Method("a title", Counting, once=once)
    return Case("a-case", "A case", Request("GET", "/", {}), 200, taking_part, method)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def bench(tmp_path: Path, said: list[str]) -> Iterator[Bench]:
    tools = Tools({"proxy": Path("/nowhere/proxy")}, {"other": "it can't be had"})
    with contextlib.nullcontext(Bench(tools, tmp_path, Cpus(0, 1), Pace(3, 1, 1), said.append)) as made:
        yield made


def test_rounds_are_interleaved_and_all_are_kept(bench: Bench, said: list[str]) -> None:
    case = case_of("a", "b")

    result = bench.measure(case, case.contenders)

    assert {each.name: [one.figure for one in each.rounds] for each in result.measured} == {
        "a": [1.0, 3.0, 5.0],
        "b": [2.0, 4.0, 6.0],
    }
    assert said[0] == "a-case 1/3: A 1.0"
    assert result.measured[0].remarks == ("in front of 7",)


def test_who_fails_is_left_out_with_the_reason_and_the_others_go_on(bench: Bench, said: list[str]) -> None:
    case = case_of("never", "a", "late")

    result = bench.measure(case, case.contenders)

    assert result.left_out == {"never": "it does something else", "late": "it broke"}
    assert [(each.name, len(each.rounds)) for each in result.measured] == [("a", 3)]
    assert "a-case: Late is left out: it broke" in said


def test_a_case_whose_method_can_not_begin_is_left_out_whole(bench: Bench) -> None:
    class Unable(Counting):
        def __init__(self, *arguments: Any):
            super().__init__(*arguments)
            raise VerifyError("no server of films")

    case = case_of("a", "b")
    case = replace(case, method=replace(case.method, session=Unable))

    result = bench.measure(case, case.contenders)

    assert result.left_out == {"a": "no server of films", "b": "no server of films"}
    assert result.measured == []


def test_what_a_second_round_would_spoil_is_done_once(bench: Bench) -> None:
    case = case_of("a", once=True)

    (measured,) = bench.measure(case, case.contenders).measured

    assert len(measured.rounds) == 1


def test_a_contender_without_its_program_can_not_be_prepared(bench: Bench) -> None:
    case = case_of("a")

    with pytest.raises(InstallError, match="it can't be had"):
        bench.prepare(case, Contender("b", "B", "other", set_up), 7)
