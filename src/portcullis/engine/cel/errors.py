"""What can go wrong with a rule: when it is loaded, and when it is asked."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Problem(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong with a rule: after how many characters of it, what, and what would be right."""

    offset: int
    message: str
    hint: str = ""


class InvalidRuleError(ValueError):
    """The rule can't be used. ``problems``: why, in the order of the text."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("; ".join(problem.message for problem in self.problems))


class EvaluationError(Exception):
    """An expression has no value here, such as ``1 / 0``. The message holds nothing of the values themselves."""


class TooCostlyError(Exception):
    """The rule has taken all steps that it may take. No ``||`` makes up for it."""


NO_OVERLOAD = "no such operation for values of these types"


def no_overload() -> EvaluationError:
    """The error of an operation on values that it is not for."""
    return EvaluationError(NO_OVERLOAD)
