"""A rule as one function, against another reading of the same rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given as having
from hypothesis import strategies as st
from rows import rows
from rule_samples import NAMES, ODD, RULES, THINGS, VALUES, make_given, sources_of

from portcullis.engine.objects.deciding import Decider
from portcullis.engine.objects.given import Given, Truth
from portcullis.engine.objects.parsing import parse
from portcullis.engine.objects.syntax import (
    AllOf,
    AnyOf,
    Condition,
    Constant,
    Equal,
    Holds,
    Listed,
    Member,
    Not,
    Operand,
    Path,
)


@rows(
    ("rule", "thing", "truth"),
    [
        ("response.owner == identity.subject", {"owner": "alice"}, True),
        ("response.owner == identity.subject", {"owner": "bob"}, False),
        ("response.owner == identity.subject", {"owner": None}, None),
        ("response.owner == identity.subject", {}, None),
        ("response.owner == identity.subject", [], None),
        ("response.owner == identity.subject", "owner", None),
        ("response.owner == identity.subject", None, None),
        ("response.owner != identity.subject", {"owner": 1}, None),
        ("not response.owner == identity.subject", {"owner": 1}, None),
        ("not response.owner == identity.subject", {"owner": "bob"}, True),
        ("response.a.b.c == 1", {"a": {"b": {"c": 1}}}, True),
        ("response.a.b.c == 1", {"a": {"b": []}}, None),
        ("response.is_public", {"is_public": True}, True),
        ("response.is_public", {"is_public": False}, False),
        ("response.is_public", {"is_public": 1}, None),
        ("response == 'a'", "a", True),
        ("'clerk' in identity.roles", {}, True),
        ("'boss' in identity.roles", {}, False),
        ("1 in identity.roles", {}, None),
        ("response.a in identity.roles", {"a": "clerk"}, True),
        ("identity.subject in response.members", {"members": ["bob", "alice"]}, True),
        ("identity.subject not in response.members", {"members": ["bob", None]}, None),
        ("identity.subject in response.members", {"members": "alice"}, None),
        ("response.a in response.b", {"a": 1, "b": [1]}, True),
        ("response.a in [1, 2]", {"a": 2}, True),
        ("response.a in [1, 2]", {"a": "2"}, None),
        ("response.a == response.b", {"a": 1, "b": 1}, True),
        ("response.missing == 1 or response.a == 1", {"a": 1}, True),
        ("response.missing == 1 or response.a == 1", {"a": 2}, None),
        ("response.missing == 1 and response.a == 1", {"a": 2}, False),
        ("response.missing == 1 and response.a == 1", {"a": 1}, None),
        ("'clerk' in identity.roles or response.a == 1", {}, True),
        ("'boss' in identity.roles and response.a == 1", {"a": 1}, False),
    ],
)
def test_what_a_rule_says_of_an_object(rule: str, thing: Any, truth: Truth) -> None:
    condition = parse(rule).condition
    assert Decider(condition, sources_of(condition)).check(make_given(), thing) is truth


def test_what_does_not_depend_on_the_object_is_settled_once(decider: Callable[..., Decider]) -> None:
    rule = decider("'clerk' in identity.roles or response.a == 1")
    assert rule.bind(make_given()) is True
    assert callable(decider("'boss' in identity.roles or response.a == 1").bind(make_given()))


# Another reading of the same rule, part by part and without any shortcut.


def value_of(operand: Operand, given: Given, thing: Any) -> Any:
    if isinstance(operand, Constant):
        return operand.value
    if isinstance(operand, Listed):
        return list(operand.values)
    if operand.root == "identity":
        identity = given.facts.identity
        return identity.subject if operand.steps == ("subject",) else sorted(identity.roles)
    found = thing if operand.root == "response" else given.facts.arguments
    for step in operand.item_steps:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def truth_of(condition: Condition, given: Given, thing: Any) -> Truth:
    match condition:
        case AllOf(parts) | AnyOf(parts):
            truths = [truth_of(part, given, thing) for part in parts]
            decisive = isinstance(condition, AnyOf)
            if decisive in truths:
                return decisive
            return None if None in truths else not decisive
        case Not(inner):
            truth = truth_of(inner, given, thing)
        case Equal(left, right):
            truth = alike(value_of(left, given, thing), value_of(right, given, thing))
        case Member(left, right):
            truth = among(value_of(left, given, thing), value_of(right, given, thing))
        case Holds(Path() as path):
            value = value_of(path, given, thing)
            return value if isinstance(value, bool) else None
    if isinstance(condition, Not) or getattr(condition, "negated", False):
        return None if truth is None else not truth
    return truth


def alike(one: Any, other: Any) -> Truth:
    for kind in (bool, int, str):
        if isinstance(one, kind) and isinstance(other, kind):
            return None if isinstance(one, bool) is not isinstance(other, bool) else bool(one == other)
    return None


def among(value: Any, values: Any) -> Truth:
    if not isinstance(values, list) or alike(value, value) is None:
        return None
    truths = [alike(value, each) for each in values]
    return True if True in truths else None if None in truths else False


@having(RULES, THINGS, st.dictionaries(NAMES, VALUES, max_size=2))
def test_a_rule_says_what_another_reading_of_it_says(rule: str, thing: Any, query: dict[str, Any]) -> None:
    condition = parse(rule).condition
    given = make_given(query=query)
    assert Decider(condition, sources_of(condition)).check(given, thing) is truth_of(condition, given, thing)


@having(RULES, THINGS)
def test_what_is_not_let_pass_has_a_culprit(rule: str, thing: Any) -> None:
    condition = parse(rule).condition
    given, made = make_given(query={}), Decider(condition, sources_of(condition))
    if made.check(given, thing) is not True:
        atom = made.culprit(given, thing)
        assert isinstance(atom, Equal | Member | Holds)
        assert all(isinstance(path, Path) for path, _, _ in made.values(atom, given, thing))


@rows(
    ("rule", "thing", "culprit"),
    [
        ("response.a == 1 and response.b == 2", {"a": 1, "b": 3}, "response.b == 2"),
        ("response.a == 1 or response.b == 2", {}, "response.a == 1"),
        ("not (response.a == 1 or response.b == 2)", {"a": 3, "b": 2}, "response.b == 2"),
        ("not (response.a == 1 and response.b == 2)", {"a": 1, "b": 2}, "response.a == 1"),
        ("not not response.a", {"a": False}, "response.a"),
        ("not (not response.a and response.b)", {"a": False, "b": True}, "response.a"),
    ],
)
def test_the_comparison_that_decides_is_named(rule: str, thing: Any, culprit: str) -> None:
    parsed = parse(rule)
    made = Decider(parsed.condition, sources_of(parsed.condition))
    assert parsed.said(made.culprit(make_given(), thing)) == culprit


# Questions


def test_a_question_is_answered_by_its_function(decider: Callable[..., Decider]) -> None:
    asked: list[Any] = []

    def linked(given: Given, arguments: tuple[Any, ...]) -> Truth:
        asked.append((given.facts.identity.subject, arguments))
        return arguments[0] == "own"

    rule = decider("linked(response.a, 1)", {"linked": linked})
    assert rule.check(make_given(), {"a": "own"}) is True
    assert rule.check(make_given(), {"a": "other"}) is False
    assert asked == [("alice", ("own", 1)), ("alice", ("other", 1))]


@rows("value", ODD)
def test_nobody_is_asked_about_what_can_not_be_compared(value: Any) -> None:
    def linked(given: Given, arguments: Any) -> Truth:
        raise AssertionError("asked")

    condition = parse("linked(response.a)").condition
    made = Decider(condition, sources_of(condition), {"linked": linked})
    assert made.check(make_given(), {"a": value}) is None


def test_a_question_without_objects_is_asked_when_the_check_is_made(decider: Callable[..., Decider]) -> None:
    assert decider("linked('a')", {"linked": lambda given, arguments: None}).bind(make_given()) is None
