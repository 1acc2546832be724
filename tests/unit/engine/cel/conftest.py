"""Expressions evaluated as rules are, and as Google's library does it itself."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from portcullis.engine.cel.checking import Declarations, _environment, check
from portcullis.engine.cel.compiled import Frame, Run
from portcullis.engine.cel.compiling import Compilation, Variable
from portcullis.engine.cel.declarations import FUNCTIONS
from portcullis.engine.cel.errors import EvaluationError, Problem, TooCostlyError
from portcullis.engine.cel.types import Type
from portcullis.engine.cel.values import Duration, Timestamp, TypeValue, from_key

ERROR = "ERROR"
TOO_COSTLY = "TOO COSTLY"
LIBRARY_TYPE_NAMES = {
    "null": "null_type",
    "timestamp": "google.protobuf.Timestamp",
    "duration": "google.protobuf.Duration",
}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
NO_TYPES: Mapping[str, Type] = {}


class Bound(Frame, eq=False, gc=False):
    """A frame in which names have the values that a test gives them."""

    values: Mapping[str, Any] = {}


def reader(name: str) -> Run:
    return lambda frame: frame.values[name]


class Evaluated:
    """An expression, compiled once. ``problems``: what compiling found wrong with it."""

    def __init__(self, text: str, types: Mapping[str, Type]) -> None:
        self.checked = check(text, Declarations(tuple(types.items()), FUNCTIONS))
        compilation = Compilation({name: Variable(declared, reader(name)) for name, declared in types.items()})
        self.compiled = compilation.compile(self.checked.tree)
        self.problems: list[Problem] = compilation.problems
        self.slots = compilation.slots

    def value(self, values: Mapping[str, Any], steps: int | None = None) -> Any:
        """What it gives, or :data:`ERROR`, or :data:`TOO_COSTLY`."""
        frame = Bound(slots=[None] * self.slots, values=values)
        if steps is not None:
            frame.steps = steps
        try:
            return plain(self.compiled.run(frame))
        except EvaluationError:
            return ERROR
        except TooCostlyError:
            return TOO_COSTLY


def plain(value: Any) -> Any:
    """``value`` so that values which CEL tells apart are told apart: with the names of types, and repr of floats."""
    if isinstance(value, TypeValue):
        return ("type", value.name)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {repr(plain(from_key(key))): plain(item) for key, item in value.items()}
    if isinstance(value, float):
        return ("double", repr(value))
    return (type(value).__name__.lower(), value)


def by_library(text: str, types: Mapping[str, Type], values: Mapping[str, Any]) -> Any:
    """What the library gives, in the shape of :func:`plain`. Raises ``RuntimeError`` for what it does not compile."""
    expression = _environment(Declarations(tuple(types.items()))).compile(text)
    return from_library(expression.eval(data={name: to_library(value) for name, value in values.items()}))


def to_library(value: Any) -> Any:
    if isinstance(value, Timestamp):
        return EPOCH + datetime.timedelta(microseconds=value // 1000)
    return datetime.timedelta(microseconds=value // 1000) if isinstance(value, Duration) else value


def from_library(value: Any) -> Any:
    kind, content = value.type().name(), value.value()
    if kind == "ERROR":
        return ERROR
    if kind.startswith("LIST"):
        return [from_library(item) for item in content]
    if kind.startswith("MAP"):
        return {repr(key_from_library(key)): from_library(item) for key, item in content.items()}
    if kind == "TYPE":
        name = str(content).partition("<")[0].lower()
        return ("type", LIBRARY_TYPE_NAMES.get(name, name))
    if kind == "DOUBLE":
        return ("double", repr(content))
    if kind == "BYTES":
        return ("bytes", bytes(content))
    if kind == "TIMESTAMP":
        return ("timestamp", Timestamp((content - EPOCH) // datetime.timedelta(microseconds=1) * 1000))
    if kind == "DURATION":
        return ("duration", Duration(content // datetime.timedelta(microseconds=1) * 1000))
    return ({"INT": "int", "UINT": "uint", "STRING": "str", "BOOL": "bool", "NULL": "nonetype"}[kind], content)


def key_from_library(key: Any) -> Any:
    return (type(key).__name__, key)


@pytest.fixture(scope="session")
def compile_expression() -> Callable[..., Evaluated]:
    """Compiles an expression over variables of some types."""
    return lambda text, types=NO_TYPES: Evaluated(text, types)


@pytest.fixture(scope="session")
def evaluate() -> Callable[..., Any]:
    """Evaluates an expression, with variables of some types that have some values."""

    def give(text: str, types: Mapping[str, Type] = NO_TYPES, values: Mapping[str, Any] | None = None) -> Any:
        return Evaluated(text, types).value(values or {})

    return give


@pytest.fixture(scope="session")
def library() -> Callable[..., Any]:
    """Evaluates as :func:`evaluate` does, but by the library."""
    return by_library
