"""The grammar of rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.objects.parsing import parse, parse_path
from portcullis.engine.objects.syntax import (
    AllOf,
    AnyOf,
    Call,
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
from portcullis.engine.objects.tokens import RuleError


def said(condition: Condition | Operand | Call) -> str:
    """A tree in another notation, with parentheses everywhere."""
    match condition:
        case AllOf(parts):
            return f"and({', '.join(map(said, parts))})"
        case AnyOf(parts):
            return f"or({', '.join(map(said, parts))})"
        case Not(inner):
            return f"not({said(inner)})"
        case Equal(left, right, negated) | Member(left, right, negated):
            word = "eq" if isinstance(condition, Equal) else "in"
            return f"{'n' * negated}{word}({said(left)}, {said(right)})"
        case Holds(operand):
            return said(operand)
        case Call(name, arguments):
            return f"{name}!({', '.join(map(said, arguments))})"
        case Constant(value):
            return repr(value)
        case Listed(values):
            return repr(list(values))
        case Path():
            return str(condition)
    raise TypeError(condition)


@rows(
    ("rule", "tree"),
    [
        ("response.a == identity.subject", "eq(response.a, identity.subject)"),
        ("response.a != 1", "neq(response.a, 1)"),
        ("response.a in ['x', 2, true]", "in(response.a, ['x', 2, True])"),
        ("response.a not in identity.roles", "nin(response.a, identity.roles)"),
        ("not response.a in []", "not(in(response.a, []))"),
        ("response.a and response.b or response.c", "or(and(response.a, response.b), response.c)"),
        ("response.a and (response.b or response.c)", "and(response.a, or(response.b, response.c))"),
        ("not response.a and response.b", "and(not(response.a), response.b)"),
        ("not not response.a", "not(not(response.a))"),
        ("not (response.a == 1 or false == response.b)", "not(or(eq(response.a, 1), eq(False, response.b)))"),
        ("related('o', request.path.id)", "related!('o', request.path.id)"),
        ("now()", "now!()"),
        ("response.not == response.in", "eq(response.not, response.in)"),
        ("response == identity.claims['a']", "eq(response, identity.claims.a)"),
        (" ( ( response.a ) ) ", "response.a"),
    ],
)
def test_a_rule_is_read_one_way(rule: str, tree: str) -> None:
    assert said(parse(rule).condition) == tree


@rows(
    ("rule", "column", "part"),
    [
        ("", 1, "a rule says something"),
        ("  ", 3, "a rule says something"),
        ("respnse.a == 1", 1, 'did you mean "response"?'),
        ("null == response.a", 1, "null is the same as nothing"),
        ("response.a == null", 15, "null is the same as nothing"),
        ("response.a ==", 14, "the end was not expected"),
        ("response.a == 1 == 2", 17, "a comparison has two sides"),
        ("response.a response.b", 12, "response was not expected here"),
        ("(response.a", 12, "the parenthesis is not closed"),
        ("response.a)", 11, ") was not expected here"),
        ("response.", 10, "after a dot stands a name"),
        ("response.1", 10, "after a dot stands a name"),
        ("response[1] == 1", 10, "in brackets stands a name in quotes"),
        ("response.a in [1 2]", 18, "separated by commas"),
        ("response.a in [response.b]", 16, "is no value"),
        ("response.a in [and]", 16, "is no value"),
        ("'a'", 1, "a value alone says nothing"),
        ("[1]", 1, "a value alone says nothing"),
        ("related() == true", 1, "answers yes or no"),
        ("true == related()", 9, "answers yes or no"),
        ("related(a)", 9, "there is no a"),
        ("related(response.a", 19, "separated by commas"),
        ("not", 4, "the end was not expected"),
        ("response.a not response.b", 12, "a comparison has two sides"),
        ("and", 1, "and was not expected here"),
    ],
)
def test_what_is_no_rule_is_told_with_its_place(rule: str, column: int, part: str) -> None:
    with pytest.raises(RuleError) as error:
        parse(rule)
    assert error.value.column == column, error.value.message
    assert part in f"{error.value.message} {error.value.hint}"


@rows(
    "rule",
    [
        "(" * 21 + "response.a" + ")" * 21,
        "not " * 30 + "response.a",
        " or ".join(["response.a"] * 65),
        "response" + ".a" * 33,
        f"response.a in {list(range(201))}",
    ],
)
def test_what_nobody_could_review_is_no_rule(rule: str) -> None:
    with pytest.raises(RuleError):
        parse(rule)


def test_a_path_is_nothing_but_a_path() -> None:
    assert parse_path("response.items").steps == ("items",)
    for text in ("response.a == 1", "related()", "not response.a"):
        with pytest.raises(RuleError):
            parse_path(text)


@given(st.text("response.identity[]()'\"=! \nandornti1,", max_size=60))
def test_whatever_is_written_is_read_or_told(text: str) -> None:
    told: RuleError | None = None
    try:
        parse(text)
    except RuleError as error:
        told = error
    assert told is None or (told.message and 1 <= told.column <= len(text) + 1)
