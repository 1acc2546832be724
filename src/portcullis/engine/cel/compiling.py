"""From a checked syntax tree to something that can be asked.

Each node becomes a closure over those below it: no tree is walked when a rule is asked. What needs nothing but literals
is worked out at once; where that gives an error (``duration('5x')``), the rule is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from portcullis.engine.cel import containers, costs
from portcullis.engine.cel.calls import BUILDERS, LiteralError
from portcullis.engine.cel.compiled import Compiled, Run, constant
from portcullis.engine.cel.errors import EvaluationError, Problem
from portcullis.engine.cel.loops import UnknownLoopError, compile_loop
from portcullis.engine.cel.syntax import Call, Constant, Ident, ListLiteral, Loop, MapLiteral, Node, Select
from portcullis.engine.cel.types import Type
from portcullis.engine.cel.values import TYPE_VALUES


class Variable(msgspec.Struct, frozen=True, eq=False):
    """How a declared name is read.

    ``read``: gives its value in a frame; ``members``: of a list of texts, something to look for one in; ``entry`` and
    ``has``: of a map, what gives the value for a literal key, or says whether it is there, where that takes less than
    making the map. They raise :class:`~.calls.LiteralError` for a key that no such map has.
    """

    type: Type
    read: Run
    members: Callable[[Any], Any] | None = None
    entry: Callable[[str], Run] | None = None
    has: Callable[[str], Run] | None = None


class Compilation:
    """One rule being compiled, which may name ``variables``.

    ``problems``: what is wrong with it; ``slots``: how many its loops take.
    """

    def __init__(self, variables: Mapping[str, Variable]) -> None:
        self._variables = variables
        self._scope: dict[str, int] = {}
        self._depth = 0
        self.slots = 0
        self.problems: list[Problem] = []

    def compile(self, node: Node) -> Compiled:
        """``node`` as something that can be asked."""
        if isinstance(node, Constant):
            return constant(node.value)
        if isinstance(node, Ident):
            return self._ident(node)
        if isinstance(node, Select):
            return self._select(node)
        if isinstance(node, ListLiteral):
            return containers.compile_list([self.compile(item) for item in node.items])
        if isinstance(node, MapLiteral):
            return self._map_literal(node)
        return self._loop(node) if isinstance(node, Loop) else self._call(node)

    def _ident(self, node: Ident) -> Compiled:
        slot = self._scope.get(node.name)
        if slot is not None:
            return Compiled(lambda frame: frame.slots[slot])
        variable = self._variables.get(node.name)
        if variable is not None:
            declared = variable.type
            return Compiled(variable.read, declared.kind, declared.item, members=variable.members)
        if node.name in TYPE_VALUES:
            return constant(TYPE_VALUES[node.name])
        return self._wrong(Problem(node.offset, f"{node.name} can't be used here"))

    def _select(self, node: Select) -> Compiled:
        direct = self._direct(node.operand, node.field, tests=node.tests, offset=node.offset)
        if direct is not None:
            return direct
        compile_it = containers.compile_has if node.tests else containers.compile_select
        return compile_it(self.compile(node.operand), node.field)

    def _direct(self, operand: Node, key: str, *, tests: bool, offset: int) -> Compiled | None:
        """A literal key of a declared map that can tell what it has for one, without being made."""
        if not isinstance(operand, Ident) or operand.name in self._scope:
            return None
        variable = self._variables.get(operand.name)
        make = None if variable is None else variable.has if tests else variable.entry
        if variable is None or make is None:
            return None
        try:
            return Compiled(make(key), bool if tests else variable.type.item)
        except LiteralError as error:
            return self._wrong(Problem(offset, str(error), error.hint))

    def _map_literal(self, node: MapLiteral) -> Compiled:
        try:
            return containers.compile_map([(self.compile(key), self.compile(value)) for key, value in node.entries])
        except EvaluationError as error:
            return self._wrong(Problem(node.offset, str(error)))

    def _call(self, node: Call) -> Compiled:
        if node.function in ("_[_]", "@in"):
            direct = self._key_of(node)
            if direct is not None:
                return direct
        build = BUILDERS.get(node.function)
        if build is None:
            return self._wrong(Problem(node.offset, f"{node.function} can't be used here"))
        arguments = [self.compile(argument) for argument in node.arguments]
        try:
            compiled = build(arguments)
        except LiteralError as error:
            return self._wrong(Problem(node.arguments[error.index].offset, str(error), error.hint))
        if node.function not in _UNFOLDED and all(argument.is_constant for argument in arguments):
            try:
                return containers.fold(compiled)
            except EvaluationError as error:
                self.problems.append(Problem(node.offset, f"this can never be evaluated: {error}"))
        return compiled

    def _key_of(self, node: Call) -> Compiled | None:
        """``map['key']`` and ``'key' in map``, of a declared map."""
        key, container = node.arguments if node.function == "@in" else node.arguments[::-1]
        if not isinstance(key, Constant) or type(key.value) is not str:
            return None
        return self._direct(container, key.value, tests=node.function == "@in", offset=key.offset)

    def _loop(self, node: Loop) -> Compiled:
        over = self.compile(node.range)
        if any(name.partition(".")[0] == node.variable for name in self._variables):
            message = f"{node.variable} has a meaning already"
            return self._wrong(Problem(node.offset, message, "give the variable of the loop another name"))
        hidden = self._scope.get(node.variable)
        slot = self._scope[node.variable] = self._depth
        self._depth += 1
        self.slots = max(self.slots, self._depth)
        try:
            return compile_loop(node, over, slot, costs.weight(node.step), self.compile)
        except UnknownLoopError:
            return self._wrong(Problem(node.offset, "this macro can't be used here"))
        finally:
            self._depth -= 1
            del self._scope[node.variable]
            if hidden is not None:
                self._scope[node.variable] = hidden

    def _wrong(self, problem: Problem) -> Compiled:
        self.problems.append(problem)
        return Compiled(_never)


_UNFOLDED: Final = frozenset({"_&&_", "_||_", "_?_:_", "dyn"})
"""Calls that may have a value though an argument has none, or that say something about types."""


def _never(_frame: Any) -> Any:
    raise EvaluationError("the rule is wrong here")
