"""A rule, from its text to what a policy asks.

A rule allows if it is true. One that joins parts with ``&&`` allows if all of them are, so each part becomes a *clause*
of its own, asked as soon as everything that it speaks of is there: what the head of a request says is not first looked
at when the service has answered. It is also how a refusal can name the part that was not so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from portcullis.engine.cel.checking import Checked, Declarations, check
from portcullis.engine.cel.compiled import Compiled, Test
from portcullis.engine.cel.compiling import Compilation, Variable
from portcullis.engine.cel.costs import too_costly
from portcullis.engine.cel.declarations import DECLARATIONS, STAGES, VARIABLES, Stage, stage_of
from portcullis.engine.cel.errors import InvalidRuleError, Problem
from portcullis.engine.cel.logic import truth
from portcullis.engine.cel.syntax import Call, Ident, Node, walk


class Clause(msgspec.Struct, frozen=True, eq=False):
    """A part of a rule that must be true.

    ``text``: as it is written; ``stage``: when it can be asked; ``names``: the variables that it speaks of.
    """

    text: str
    stage: Stage
    names: tuple[str, ...]
    is_true: Test


class Rule(msgspec.Struct, frozen=True, eq=False):
    """A rule that can be asked. ``slots``: how many variables of loops a frame needs for it."""

    text: str
    clauses: tuple[Clause, ...]
    slots: int = 0

    def at(self, stage: Stage) -> tuple[Clause, ...]:
        """Its clauses that are asked at ``stage``."""
        return tuple(clause for clause in self.clauses if clause.stage == stage)


def compile_rule(
    text: str, declarations: Declarations = DECLARATIONS, variables: Mapping[str, Variable] = VARIABLES
) -> Rule:
    """``text`` as a rule. Raises :class:`InvalidRuleError` with everything that is wrong with it."""
    checked = check(text, declarations)
    problems = [*_not_a_condition(checked), *too_costly(checked.tree)]
    compilation = Compilation(variables)
    conjuncts = _conjuncts(checked.tree)
    compiled = [(node, compilation.compile(node)) for node in conjuncts]
    problems += compilation.problems
    problems += [problem for node, condition in compiled for problem in _clause_problems(node, condition, variables)]
    if problems:
        raise InvalidRuleError(problems)
    clauses = [
        _clause(part, node, condition, variables)
        for part, (node, condition) in zip(_parts(text, checked.tree, len(conjuncts)), compiled, strict=True)
    ]
    return Rule(text, tuple(clauses), compilation.slots)


def _not_a_condition(checked: Checked) -> Iterator[Problem]:
    if checked.type != "bool":
        kind = "anything" if checked.type == "dyn" else f"a value of type {checked.type}"
        hint = "compare it with something: ... == true" if checked.type == "dyn" else "compare it with something"
        yield Problem(0, f"gives {kind}, not true or false", hint)


def _clause_problems(node: Node, condition: Compiled, variables: Mapping[str, Variable]) -> Iterator[Problem]:
    if condition.constant is True:
        yield Problem(node.offset, "this is always true, so it says nothing", "remove it")
    names = _names(node, variables)
    if "request.body" in names and any(stage_of(name).startswith("response") for name in names):
        message = "the body of the request is gone when there is an answer to compare it with"
        yield Problem(node.offset, message, "ask for them in parts of their own, joined with &&")


def _names(node: Node, variables: Mapping[str, Variable]) -> tuple[str, ...]:
    found = (each.name for each in walk(node) if isinstance(each, Ident) and each.name in variables)
    return tuple(dict.fromkeys(found))


def _clause(text: str, node: Node, condition: Compiled, variables: Mapping[str, Variable]) -> Clause:
    names = _names(node, variables)
    stages = [stage_of(name) for name in names]
    latest = next((stage for stage in reversed(STAGES) if stage in stages), STAGES[0])
    return Clause(text, latest, names, truth(condition))


def _conjuncts(node: Node) -> list[Node]:
    """The parts that ``&&`` joins to ``node``."""
    if isinstance(node, Call) and node.function == "_&&_":
        return [part for argument in node.arguments for part in _conjuncts(argument)]
    return [node]


def _parts(text: str, tree: Node, count: int) -> Sequence[str]:
    """The text of each part that ``&&`` joins to ``tree``; where brackets go across them it is all of ``text``."""
    cuts = sorted(_joints(tree))
    starts, ends = [0, *(cut + 2 for cut in cuts)], [*cuts, len(text)]
    parts = [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    if len(parts) == count and all(part.count("(") == part.count(")") for part in parts):
        return parts
    return [text] * count


def _joints(node: Node) -> Iterator[int]:
    if isinstance(node, Call) and node.function == "_&&_":
        yield node.offset
        for argument in node.arguments:
            yield from _joints(argument)
