"""How the steps of all phases become the pipeline of an operation."""

from __future__ import annotations

from portcullis.engine.pipeline import pipeline
from portcullis.engine.policy import Needs, Step


def step(policy: str, needs: Needs, *, monitor: bool = False) -> Step:
    return Step(policy, needs, lambda _view, _facts: None, monitor)


def with_verdicts(*steps: Step) -> list[tuple[str, str]]:
    """Policy and needs of the steps that carry the verdict of their policy."""
    arranged = pipeline(steps)
    found = [each for of_needs in arranged.values() for each in of_needs if each.allowed is not None]
    assert all(each.allowed.policy == each.policy and each.allowed.outcome == "allow" for each in found if each.allowed)
    return [(each.policy, each.needs) for each in found]


def test_steps_are_found_by_what_they_need_in_the_order_of_their_phases() -> None:
    steps = [step("a", "head"), step("b", "body"), step("c", "head", monitor=True), step("d", "answer")]
    arranged = pipeline(steps)
    assert [each.policy for each in arranged["head"]] == ["a", "c"]
    assert [each.run for each in arranged["body"]] == [steps[1].run]
    assert [each.monitor for each in arranged["head"]] == [False, True]
    assert arranged["stream"] == arranged["response_head"] == arranged["response_body"] == ()


def test_an_operation_without_steps_has_an_empty_pipeline() -> None:
    assert set(pipeline([]).values()) == {()}


def test_the_last_step_of_a_policy_has_its_verdict() -> None:
    assert with_verdicts(step("a", "head"), step("a", "head"), step("b", "head")) == [("a", "head"), ("b", "head")]
    first, last = pipeline([step("a", "head"), step("a", "head")])["head"]
    assert first.allowed is None
    assert last.allowed is not None


def test_what_looks_at_bodies_speaks_after_them_whichever_way_they_come() -> None:
    assert with_verdicts(step("a", "head"), step("a", "body"), step("a", "stream")) == [("a", "body"), ("a", "stream")]


def test_what_looks_at_answers_says_nothing_by_what_it_asks_for_in_the_request() -> None:
    assert with_verdicts(step("a", "response_head"), step("a", "head"), step("a", "response_body")) == [
        ("a", "response_body")
    ]
    assert with_verdicts(step("a", "head"), step("a", "response_head")) == [("a", "response_head")]


def test_what_only_changes_answers_has_no_verdict() -> None:
    assert with_verdicts(step("a", "answer")) == []


def test_a_verdict_of_another_pipeline_is_not_kept() -> None:
    (alone,) = pipeline([step("a", "head")])["head"]
    assert alone.allowed is not None
    first, _ = pipeline([alone, step("a", "head")])["head"]
    assert first.allowed is None


def test_what_is_not_the_callers_is_taken_out_of_answers_before_all_else() -> None:
    needs: tuple[Needs, ...] = ("head", "response_head", "response_body")
    steps = [
        step(policy, each) for policy in ("validate.response", "objects.owner", "protect.errors") for each in needs
    ]
    arranged = pipeline(steps)
    for of_answers in needs[1:]:
        assert [each.policy for each in arranged[of_answers]] == [
            "objects.owner",
            "validate.response",
            "protect.errors",
        ]
    assert [each.policy for each in arranged["head"]] == ["validate.response", "objects.owner", "protect.errors"]


def test_what_reads_first_speaks_when_it_has_read() -> None:
    assert with_verdicts(step("a", "head"), step("a", "body"), step("a", "before")) == [("a", "before")]
