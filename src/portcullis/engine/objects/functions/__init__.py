"""Questions that a rule may ask of something else: ``related("order", request.path.order_id, "owner")``.

A function answers yes, no, or that it can't tell (``None``), from the identity of the caller and the values of its
arguments: at once, or as an :class:`~portcullis.engine.objects.given.Inquiry`, whose answers may have to be waited
for. Those to all objects of a list are asked for together.

Each module in this package holds one, as ``FUNCTION``; they are found by their place, and compiled once for each
operation that has a rule with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from portcullis.engine.objects.declared import Meaning
from portcullis.engine.objects.given import Ask, Inquiry
from portcullis.engine.objects.syntax import Call, Rule

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext


class Function(msgspec.Struct, frozen=True):
    """One function. ``parameters``: what its arguments can be, with what they are called; ``example``: how it is used.

    ``check``: looks at one call of it, and raises :class:`~portcullis.engine.objects.tokens.RuleError` for a mistake;
    ``compile``: makes what answers; raises :class:`~portcullis.engine.config.diagnostics.ConfigurationError`.
    """

    name: str
    parameters: tuple[tuple[str, Meaning], ...]
    example: str
    compile: Callable[[OperationContext], Ask | Inquiry]
    check: Callable[[Rule, Call, OperationContext], None] = lambda _rule, _call, _context: None


Functions: TypeAlias = Mapping[str, Function]


@cache
def all_functions() -> Functions:
    """Every function that there is, by name."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    return {module.FUNCTION.name: module.FUNCTION for module in modules}
