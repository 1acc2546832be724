"""Mistakes in a rule that show before any request comes: values that are not there, and what can never hold.

A rule that is never true locks everybody out, one that is always true is none. Neither is found by trying, since the
one who wrote it tries what he thought of; so what can be known from the document and the file is told here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from portcullis.engine.config.wording import suggest
from portcullis.engine.objects.declared import WORDS, Kind, Meaning, kind_of
from portcullis.engine.objects.functions import Functions
from portcullis.engine.objects.syntax import (
    Atom,
    Call,
    Constant,
    Equal,
    Holds,
    Listed,
    Member,
    Operand,
    Path,
    Rule,
    Scalar,
    atoms_of,
)

MeaningOf: TypeAlias = Callable[[Path], Meaning]
_COMPARABLE: Final[frozenset[Kind]] = frozenset(("text", "integer", "boolean"))


def check_rule(rule: Rule, meaning_of: MeaningOf, functions: Functions) -> None:
    """Raise :class:`~portcullis.engine.objects.tokens.RuleError` for the first mistake in ``rule``.

    ``meaning_of``: what can stand at a path; it raises the same for what is not declared.
    """
    checker = _Checker(rule, meaning_of, functions)
    for atom in atoms_of(rule.condition):
        checker.check(atom)


class _Checker:
    def __init__(self, rule: Rule, meaning_of: MeaningOf, functions: Functions) -> None:
        self._rule = rule
        self._meaning_of = meaning_of
        self._functions = functions

    def check(self, atom: Atom) -> None:
        match atom:
            case Equal(left, right):
                self._equal(atom, left, right)
            case Member(left, right):
                self._member(atom, left, right)
            case Holds(Call() as call):
                self._call(call)
            case Holds(Path() as path):
                meaning = self._meaning_of(path)
                if meaning.kinds is not None and "boolean" not in meaning.kinds:
                    message = f"{self._rule.said(path)} is {meaning.words}, which says neither yes nor no"
                    raise self._rule.error(path, message, "compare it: ==, !=, in or not in")

    def _equal(self, atom: Equal, left: Operand, right: Operand) -> None:
        for one, other in ((left, right), (right, left)):
            if isinstance(other, Listed):
                raise self._rule.error(other, "nothing is the same as a list", f"{self._rule.said(one)} in [...]")
        if isinstance(left, Constant) and isinstance(right, Constant):
            raise self._rule.error(atom, "both sides are written here: that is always so, or never")
        if isinstance(left, Path) and isinstance(right, Path) and _same_place(left, right):
            raise self._rule.error(atom, "both sides are the same value")
        first, second = self._single(left), self._single(right)
        self._can_meet(atom, left, first, right, second)

    def _member(self, atom: Member, left: Operand, right: Operand) -> None:
        first = self._single(left)
        if isinstance(right, Constant):
            raise self._rule.error(
                right, f"in asks for a list, and this is {WORDS[kind_of(right.value)]}", "[...] or =="
            )
        if isinstance(right, Listed):
            if isinstance(left, Constant):
                raise self._rule.error(atom, "both sides are written here: that is always so, or never")
            if not right.values:
                raise self._rule.error(right, "nothing is in an empty list")
            if len(set(map(_distinct, right.values))) < len(right.values):
                raise self._rule.error(right, "a value is listed twice")
            for value in right.values:
                constant = Constant(value, right.span)
                self._can_meet(atom, left, first, constant, _meaning_of_constant(constant))
            return
        if not isinstance(right, Path):
            raise TypeError(right)
        second = self._meaning_of(right)
        if second.kinds is not None and "list" not in second.kinds:
            raise self._rule.error(
                right, f"in asks for a list, and {self._rule.said(right)} is {second.words}", "== compares"
            )
        if second.item is not None:
            self._can_meet(atom, left, first, right, second.item, items=True)

    def _call(self, call: Call) -> None:
        function = self._functions.get(call.name)
        if function is None:
            hint = suggest(call.name, tuple(self._functions), "functions")
            raise self._rule.error(call, f"there is no function {call.name}", hint)
        if len(call.arguments) != len(function.parameters):
            count = len(function.parameters)
            message = f"{call.name} has {count} argument{'s' * (count != 1)}, not {len(call.arguments)}"
            raise self._rule.error(call, message, function.example)
        for argument, (name, wanted) in zip(call.arguments, function.parameters, strict=True):
            if isinstance(argument, Listed):
                raise self._rule.error(argument, f"the {name} is one value, not a list", function.example)
            found = self._single(argument)
            if _disjoint(found.kinds, wanted.kinds):
                message = f"the {name} is {wanted.words}, and {self._rule.said(argument)} is {found.words}"
                raise self._rule.error(argument, message, function.example)
            if isinstance(argument, Constant) and wanted.values is not None and argument.value not in wanted.values:
                hint = suggest(str(argument.value), sorted(map(str, wanted.values)), f"{name}s")
                raise self._rule.error(argument, f"there is no {name} {self._rule.said(argument)}", hint)

    def _single(self, operand: Operand) -> Meaning:
        """What ``operand``, a value that is compared, can be."""
        if isinstance(operand, Constant):
            return _meaning_of_constant(operand)
        if isinstance(operand, Listed):
            raise self._rule.error(operand, "a list can't be compared", "... in [...]")
        meaning = self._meaning_of(operand)
        if _disjoint(meaning.kinds, _COMPARABLE):
            said = self._rule.said(operand)
            hint = f"... in {said}" if meaning.kinds is not None and "list" in meaning.kinds else ""
            raise self._rule.error(operand, f"{said} is {meaning.words}, which can't be compared", hint)
        return meaning

    def _can_meet(
        self, atom: Atom, left: Operand, first: Meaning, right: Operand, second: Meaning, *, items: bool = False
    ) -> None:
        one = self._rule.said(left)
        other = f"an item of {self._rule.said(right)}" if items else self._rule.said(right)
        if _disjoint(first.kinds, second.kinds):
            message = f"can't be decided: {one} is {first.words}, and {other} is {second.words}"
            raise self._rule.error(atom, message, "nothing is converted: text is never an integer")
        for operand, meaning, name in ((left, second, other), (right, first, one)):
            if isinstance(operand, Constant) and meaning.values is not None and operand.value not in meaning.values:
                hint = suggest(str(operand.value), sorted(map(str, meaning.values)), "it is one of")
                raise self._rule.error(operand, f"{name} is never {_shown(operand.value)}", hint)


def _meaning_of_constant(constant: Constant) -> Meaning:
    return Meaning(frozenset[Kind]((kind_of(constant.value),)), frozenset((constant.value,)))


def _disjoint(one: frozenset[Kind] | None, other: frozenset[Kind] | None) -> bool:
    return one is not None and other is not None and one.isdisjoint(other)


def _same_place(one: Path, other: Path) -> bool:
    return (one.root, one.steps) == (other.root, other.steps)


def _distinct(value: Scalar) -> tuple[type, Scalar]:
    return type(value), value


def _shown(value: Scalar) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def calls_in(rule: Rule) -> tuple[Call, ...]:
    """The questions that ``rule`` asks of functions, in order."""
    return tuple(
        atom.operand for atom in atoms_of(rule.condition) if isinstance(atom, Holds) and isinstance(atom.operand, Call)
    )
