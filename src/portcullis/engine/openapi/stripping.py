"""Taking out of a value what the document does not declare, where the file says ``on_undeclared: strip``."""

from __future__ import annotations

from typing import Any, Final

from portcullis.engine.openapi.checker import Checker
from portcullis.engine.openapi.pruning import Pruner, TooMuchError
from portcullis.engine.openapi.violations import TooComplexError, Violation
from portcullis.engine.openapi.wording import UNDECLARED

# What can't be pruned is explained. That happens to values that pass, so it may look closer than an explanation for
# people does, but not without end.
_BUDGET: Final = 5_000
_LIMIT: Final = 1_000
_ROUNDS: Final = 4


class Stripper:
    """Strips values of what the closed definitions of ``checker`` do not declare."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._pruner = Pruner(checker)

    def strip(self, name: str, value: Any) -> bool:
        """Take what is not declared out of ``value``, in place, by the definition ``name``.

        Says whether anything was taken out. The rest may still not fit: something else may be wrong with it. That is
        for the checker to say, always.
        """
        try:
            return self._pruner.prune(name, value) > 0
        except TooMuchError:
            return strip_undeclared(value, name, self._checker)


def strip_undeclared(value: Any, name: str, checker: Checker, rounds: int = _ROUNDS) -> bool:
    """Take what is not declared out of ``value``, in place, until it fits the schema that ``checker`` calls ``name``.

    What is refused is explained and removed, in up to so many ``rounds``. ``False``: something else is wrong with it,
    or it is too much. Then the value may have lost fields already.
    """
    for _ in range(rounds):
        try:
            violations = checker.violations(name, value, budget=_BUDGET, limit=_LIMIT)
        except TooComplexError:
            return False
        if not violations or not all(_remove(value, violation) for violation in violations):
            return False
        if checker.fits({name: value}):
            return True
    return False


def _remove(value: Any, violation: Violation) -> bool:
    """Remove what ``violation`` is about, if it is a field that is not declared."""
    if violation.keyword not in UNDECLARED:
        return False
    *way, last = violation.path if not violation.names else (*violation.path, "")
    holder = value
    for token in way:
        if isinstance(holder, dict) and token not in holder:
            return True  # it went with what it stood in
        holder = holder[token]
    if not isinstance(holder, dict):
        return False
    for key in violation.names or (str(last),):
        holder.pop(key, None)
    return True
