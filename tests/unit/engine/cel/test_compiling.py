from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rows import rows

from portcullis.engine.cel.calls import LiteralError
from portcullis.engine.cel.checking import Declarations, check
from portcullis.engine.cel.compiled import Frame, Run
from portcullis.engine.cel.compiling import Compilation, Variable
from portcullis.engine.cel.types import DYN, STRING, map_of

TYPES = {"x": DYN, "s": STRING}


@rows(
    ("text", "offset", "message"),
    [
        ("x == duration('5x')", 13, "this can never be evaluated: a text is no length of time, such as 1h30m"),
        ("x == timestamp('2020-02-30T00:00:00Z')", 14, "this can never be evaluated: a time is out of range"),
        ("x == 1 / 0", 7, "this can never be evaluated: a division by zero"),
        ("x == [1, 2][2]", 11, "this can never be evaluated: a list has no item at this index"),
        ("s.matches('(')", 10, "no regular expression: missing ): ("),
        ("s.matches(s)", 10, "the pattern must be written in the rule"),
        ("timestamp(x).getHours('Mars/Olympus') == 1", 22, "there is no such time zone"),
        ("[1].exists(s, s == 1)", 10, "s has a meaning already"),
        ("x == {'a': 1, 'a': 2}", 5, "a map has the same key twice"),
    ],
)
def test_what_can_never_be_evaluated_is_a_mistake_in_the_rule(
    text: str, offset: int, message: str, compile_expression: Callable[..., Any]
) -> None:
    [problem] = compile_expression(text, TYPES).problems
    assert (problem.offset, problem.message) == (offset, message)


@rows("text", ["1 + 2 * 3", "'a' + 'b'", "timestamp('2020-01-01T00:00:00Z')", "[1, 2].size()", "type(1) == int"])
def test_what_needs_nothing_is_worked_out_at_once(text: str, compile_expression: Callable[..., Any]) -> None:
    expression = compile_expression(text)
    assert expression.compiled.is_constant
    assert expression.problems == []


def test_a_side_that_can_never_be_evaluated_is_told_though_the_other_may_decide(
    compile_expression: Callable[..., Any],
) -> None:
    expression = compile_expression("s == 'a' || 1 / 0 == x", TYPES)
    assert [problem.offset for problem in expression.problems] == [14]
    assert expression.value({"s": "a", "x": 1}) == ("bool", True)
    assert expression.value({"s": "b", "x": 1}) == "ERROR"


class Fields:
    """A map that can tell what it has for a key without being made; ``made``: how often it was."""

    def __init__(self) -> None:
        self.made = 0

    def variable(self) -> Variable:
        return Variable(map_of(STRING, STRING), self.read, entry=self.entry, has=self.has)

    def read(self, _frame: Frame) -> dict[str, str]:
        self.made += 1
        return {"a": "made"}

    def entry(self, key: str) -> Run:
        if key.isupper():
            raise LiteralError(1, "no upper case", "write it small")
        return lambda _frame: "direct"

    def has(self, key: str) -> Run:
        return lambda _frame: key == "a"


def compiled(text: str, fields: Fields) -> tuple[Compilation, Any]:
    compilation = Compilation({"fields": fields.variable(), "s": Variable(STRING, lambda _frame: "a")})
    checked = check(text, Declarations((("fields", map_of(STRING, STRING)), ("s", STRING))))
    return compilation, compilation.compile(checked.tree).run(Frame(slots=[None]))


@rows(
    ("text", "value", "made"),
    [
        ("fields.a == 'direct'", True, 0),
        ("fields['a'] == 'direct'", True, 0),
        ("has(fields.a) && !has(fields.b)", True, 0),
        ("'a' in fields && !('b' in fields)", True, 0),
        ("fields[s] == 'made'", True, 1),
        ("s in fields", True, 1),
        ("fields.exists(key, key == 'a')", True, 1),
        ("fields.size() == 1", True, 1),
    ],
)
def test_a_literal_key_is_looked_up_without_making_the_map(text: str, value: bool, made: int) -> None:
    fields = Fields()
    compilation, result = compiled(text, fields)
    assert (result, fields.made, compilation.problems) == (value, made, [])


def test_a_key_that_no_such_map_has_is_a_mistake_in_the_rule() -> None:
    for text, offset in (("fields.B == 'a' || true", 6), ("fields['B'] == 'a' || true", 7)):
        compilation, _ = compiled(text, Fields())
        [problem] = compilation.problems
        assert (problem.offset, problem.message, problem.hint) == (offset, "no upper case", "write it small")
