"""Parsing and type-checking a rule, by Google's library.

The library takes 15 ms and 5 MB to load, so only who has a rule loads it: the process that compiles the configuration,
whose workers share its memory.
"""

from __future__ import annotations

import importlib
import re
from functools import lru_cache
from typing import Any, Final

import msgspec

from portcullis.engine.cel.errors import InvalidRuleError, Problem
from portcullis.engine.cel.serialised import UnknownTreeError, read_tree
from portcullis.engine.cel.syntax import Node
from portcullis.engine.cel.types import Type
from portcullis.engine.cel.wording import Names, explain

MAX_LENGTH: Final = 8_000
"""Characters of one rule (Kubernetes: 10,240 bytes of a validation rule)."""

_ERROR: Final = re.compile(r"^(?:[A-Z_]+: )?ERROR: <input>:(-?[0-9]+):(-?[0-9]+): (.*)$")
_ANY_ERROR: Final = re.compile(r"^(?:[A-Z_]+: )?(.*?)(?: \[[A-Z_]+\])?$")


class FunctionDeclaration(msgspec.Struct, frozen=True):
    """A function beside CEL's own; of a method the first of the ``parameters`` is its target."""

    name: str
    parameters: tuple[Type, ...]
    result: Type
    is_method: bool = False

    @property
    def usage(self) -> str:
        """How it is called: ``ip_in(string, string)``, ``string.split(string)``."""
        types = [str(parameter) for parameter in self.parameters]
        target = f"{types.pop(0)}." if self.is_method else ""
        return f"{target}{self.name}({', '.join(types)})"


class Declarations(msgspec.Struct, frozen=True):
    """Everything that a rule may speak of: ``variables`` by their names, dots and all, and more functions."""

    variables: tuple[tuple[str, Type], ...]
    functions: tuple[FunctionDeclaration, ...] = ()


class Checked(msgspec.Struct, frozen=True):
    """A rule whose types are right: its ``tree``, and the ``type`` of its value as CEL names it."""

    tree: Node
    type: str


def check(text: str, declarations: Declarations) -> Checked:
    """Parse and check ``text``. Raises :class:`InvalidRuleError` with everything that is wrong with it."""
    if len(text) > MAX_LENGTH:
        problem = Problem(0, f"has {len(text):,} characters: {MAX_LENGTH:,} are the most", "say it in several rules")
        raise InvalidRuleError([problem])
    try:
        expression = _environment(declarations).compile(text)
        return Checked(read_tree(expression.serialize()), expression.return_type().name().lower())
    except UnknownTreeError as error:
        raise InvalidRuleError([Problem(0, f"can't be used here ({error})")]) from None
    except RuntimeError as error:
        raise InvalidRuleError(_problems(str(error), text, _names(declarations))) from None


def library() -> Any:
    """The library, loaded if it is not yet."""
    return importlib.import_module("cel_expr_python.cel")


@lru_cache(maxsize=16)
def _environment(declarations: Declarations) -> Any:
    cel = library()
    functions = [
        cel.FunctionDecl(
            function.name,
            [
                cel.Overload(
                    f"{function.name}({','.join(map(str, function.parameters))})",
                    return_type=_library_type(function.result),
                    parameters=[_library_type(each) for each in function.parameters],
                    is_member=function.is_method,
                )
            ],
        )
        for function in declarations.functions
    ]
    return cel.NewEnv(
        variables={name: _library_type(declared) for name, declared in declarations.variables}, functions=functions
    )


def _library_type(declared: Type) -> Any:
    types = library().Type
    if declared.name == "list":
        return types.List(_library_type(declared.of[0]))
    if declared.name == "map":
        return types.Map(*map(_library_type, declared.of))
    return getattr(types, declared.name.upper())


@lru_cache(maxsize=16)
def _names(declarations: Declarations) -> Names:
    variables = tuple(name for name, _ in declarations.variables)
    return Names(variables, {function.name: function.usage for function in declarations.functions})


def _problems(report: str, text: str, names: Names) -> list[Problem]:
    """What the library reports, a line for each problem and below it a quotation that says nothing new."""
    found = [match.groups() for line in report.splitlines() if (match := _ERROR.match(line))]
    if not found:
        match = _ANY_ERROR.match(report.partition("\n")[0])
        found = [("1", "1", match[1] if match else report)]
    placed = [each for each in found if not each[0].startswith("-")] or found
    told = [(_offset(text, int(line), int(column)), _bare(message)) for line, column, message in placed]
    # After the first error of syntax the parser only guesses what was meant.
    syntax = [each for each in told if "yntax error" in each[1]]
    return [Problem(*explain(message, text, offset, names)) for offset, message in syntax[:1] or told]


def _bare(message: str) -> str:
    match = _ANY_ERROR.match(message)
    return match[1] if match else message


def _offset(text: str, line: int, column: int) -> int:
    """Where the library's ``line`` and ``column``, both from 1, are in ``text``."""
    lines = text.split("\n")
    before = sum(len(each) + 1 for each in lines[: max(0, line - 1)])
    return min(len(text), before + max(0, column - 1))
