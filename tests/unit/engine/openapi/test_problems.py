"""What is wrong is collected, each thing once and not without end."""

from __future__ import annotations

from portcullis.engine.openapi.problems import MAX_ERRORS, MAX_PROBLEMS, Problem, Problems


def test_each_problem_is_noted_once() -> None:
    problems = Problems()
    problems.warning("/a", "odd")
    assert not problems.has_errors
    for _ in range(3):
        problems.error("/a", "wrong", "make it right")
    assert problems.has_errors
    assert list(problems) == [Problem("/a", "wrong", "make it right"), Problem("/a", "odd", severity="warning")]


def test_warnings_are_not_kept_without_end_and_crowd_out_no_error() -> None:
    problems = Problems()
    for number in range(MAX_PROBLEMS * 2):
        problems.warning(f"/{number}", "odd")
    problems.error("/a", "wrong")
    assert len(list(problems)) == MAX_PROBLEMS + 1
    assert problems.has_errors


def test_errors_that_are_not_kept_make_the_whole_document_unusable() -> None:
    problems = Problems()
    for number in range(MAX_ERRORS + 3):
        problems.error(f"/{number}", "wrong")
    *_, last = problems
    assert last.whole
    assert last.message == "more than 2,000 things are wrong"
    assert len(list(problems)) == MAX_ERRORS + 1


def test_problems_can_be_added_to_others() -> None:
    some, others = Problems(), Problems()
    some.error("/a", "wrong", whole=True)
    some.warning("/b", "odd")
    others.warning("/c", "strange")
    others.add(some)
    assert [(each.message, each.severity, each.whole) for each in others] == [
        ("wrong", "error", True),
        ("strange", "warning", False),
        ("odd", "warning", False),
    ]
