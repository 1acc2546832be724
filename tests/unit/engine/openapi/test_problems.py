"""Problems become diagnostics with positions."""

from __future__ import annotations

from portcullis.engine.openapi.problems import MAX_PROBLEMS, Problem, Problems, diagnostics


def test_problems_get_the_position_of_what_they_are_about() -> None:
    data = b"a:\n  b: 1\n"
    found = diagnostics(
        "specs/x.yaml", data, [Problem("/a/b", "is wrong", "make it right"), Problem("", "bad", "", "warning")]
    )
    assert [str(each) for each in found] == [
        "specs/x.yaml:2:3: error: #/a/b: is wrong (make it right)",
        "specs/x.yaml:1:1: warning: #: bad",
    ]


def test_nothing_is_located_if_there_is_nothing_to_say() -> None:
    assert diagnostics("x", b"\xff not even text", []) == []


def test_each_problem_is_noted_once_and_not_without_end() -> None:
    problems = Problems()
    problems.warning("/a", "odd")
    assert not problems.has_errors
    for _ in range(3):
        problems.error("/a", "wrong")
    assert problems.has_errors
    assert len(list(problems)) == 2
    for number in range(MAX_PROBLEMS * 2):
        problems.error(f"/{number}", "wrong")
    assert len(list(problems)) == MAX_PROBLEMS
