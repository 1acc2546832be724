"""Taking out of a value what the document does not declare, where the file says ``on_undeclared: strip``."""

from __future__ import annotations

from typing import Any, Final

from portcullis.engine.openapi.checker import Checker
from portcullis.engine.openapi.violations import TooComplexError, Violation
from portcullis.engine.openapi.wording import UNDECLARED

# Stripping happens to requests that pass, so it may look closer than an explanation does, but not without end.
_BUDGET: Final = 5_000
_LIMIT: Final = 1_000
_ROUNDS: Final = 4


def strip_undeclared(value: Any, name: str, checker: Checker) -> bool:
    """Take what is not declared out of ``value``, in place, until it fits the schema that ``checker`` calls ``name``.

    ``False``: something else is wrong with it, or it is too much. Then the value may have lost fields already.
    """
    for _ in range(_ROUNDS):
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
        holder = holder[token]
    if not isinstance(holder, dict):
        return False
    for key in violation.names or (str(last),):
        holder.pop(key, None)
    return True
