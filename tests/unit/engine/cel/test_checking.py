from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.cel.checking import MAX_LENGTH, Declarations, FunctionDeclaration, check
from portcullis.engine.cel.errors import InvalidRuleError, Problem
from portcullis.engine.cel.types import BOOL, DYN, STRING, list_of, map_of

DECLARED = Declarations(
    (("user.name", STRING), ("user.groups", list_of(STRING)), ("user.claims", map_of(STRING, DYN))),
    (FunctionDeclaration("near", (STRING, STRING), BOOL), FunctionDeclaration("shout", (STRING,), STRING, True)),
)


def problems(text: str) -> list[Problem]:
    with pytest.raises(InvalidRuleError) as caught:
        check(text, DECLARED)
    return list(caught.value.problems)


@rows(
    ("text", "result"),
    [
        ("user.name == 'a'", "bool"),
        ("user.name", "string"),
        ("user.claims.a", "dyn"),
        ("near(user.name, user.name.shout())", "bool"),
        ("user.groups[0] == user.name", "bool"),
        ("user.claims.a.b.c in user.groups", "bool"),
    ],
)
def test_the_type_of_a_sound_rule_is_told(text: str, result: str) -> None:
    assert check(text, DECLARED).type == result


def test_all_that_is_wrong_is_told_in_order() -> None:
    found = problems("user.nme == 'a' &&\n  user.name > 1 || nobody")
    assert [problem.offset for problem in found] == [5, 31, 38]


def test_places_are_counted_in_characters() -> None:
    [problem] = problems("'é😀' == user.name && '😀' == 1")
    assert problem.offset == 25


def test_after_an_error_of_syntax_nothing_more_is_guessed() -> None:
    [problem] = problems("user.name == 'a' and nobody.knows ==")
    assert (problem.offset, problem.hint) == (17, "write &&")


def test_a_rule_that_is_too_long_is_not_even_parsed() -> None:
    [problem] = problems(f"user.name == '{'a' * MAX_LENGTH}'")
    assert problem.message == "has 8,015 characters: 8,000 are the most"


@rows("text", [f"{'(' * 40}1{')' * 40} == 1", f"{'+'.join('1' * 60)} == 1"])
def test_a_rule_that_is_nested_too_deep_is_told_so(text: str) -> None:
    assert problems(text)[0].message == "is nested deeper than 32 levels"


def test_a_long_line_of_conditions_is_not_deep() -> None:
    assert check(" && ".join(["user.name == 'a'"] * 300), DECLARED).type == "bool"


def test_a_declaration_says_how_it_is_called() -> None:
    assert [function.usage for function in DECLARED.functions] == ["near(string, string)", "string.shout()"]
