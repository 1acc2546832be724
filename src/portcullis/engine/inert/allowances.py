"""Exceptions of the inspection that let nothing pass.

An entry of ``inspect.injection.allow`` for a place at which nothing is looked at in any of the operations that the list
holds for: none of them has such a field, its schema leaves no room for an attack, or those that have it have a list of
their own, which replaces this one. An entry that another one of its list says already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.layers import Place, layers_of, written_at
from portcullis.engine.inspection.allowances import fits
from portcullis.engine.openapi.pointer import split
from portcullis.engine.policies.inspect.injection import Allowance, InjectionConfig, known_of

if TYPE_CHECKING:
    from portcullis.engine.inert.estate import Estate
    from portcullis.engine.operation import OperationContext

_KEYS = ("inspect", "injection", "allow")


class AllowanceUse(msgspec.Struct, eq=False):
    """What became of one entry: whether it ``acts`` in any operation that its list holds for, else ``why`` not."""

    allowance: Allowance
    acts: bool = False
    why: str = ""


class AllowanceUsage:
    """Collects what became of the entries of all lists, while operations are compiled. ``lists``: by their place."""

    def __init__(self) -> None:
        self.lists: dict[Place, list[AllowanceUse]] = {}

    def add(self, context: OperationContext) -> None:
        """Note what the list that holds for an operation does there."""
        section = context.settings.inspect
        config: InjectionConfig | None = getattr(section, "injection", None)
        if config is None or config.mode == "off" or not config.allow:
            return
        layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
        place = written_at(layers, *_KEYS)
        uses = self.lists.setdefault(place, [AllowanceUse(each) for each in config.allow])
        idle = [use for use in uses if not use.acts]
        if not idle:
            return
        known = known_of(context)
        for use in idle:
            why = known.why_not(tuple(split(use.allowance.pointer)))
            use.acts, use.why = why is None, use.why or why or ""


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each such entry."""
    for place, uses in estate.usage.allowances.lists.items():
        of_one_operation = place[-len(_KEYS) - 2] == "operations"
        for index, use in enumerate(uses):
            if (other := _said_by(uses, index)) is not None:
                message = f"says nothing new: entry {other + 1} of the list lets that pass, too"
                yield estate.loaded.diagnostic((*place, index), message, "remove it")
            elif not use.acts:
                whose = "here" if of_one_operation else "in any of the operations it holds for"
                message = f"lets nothing pass {whose}: {use.why}"
                hint = "remove it, or say it where it can act: a narrower list replaces this one"
                at = (*place, index)
                yield estate.loaded.diagnostic(at, message, hint, "error" if of_one_operation else "warning")


def _said_by(uses: Sequence[AllowanceUse], index: int) -> int | None:
    """The entry that lets pass all that the one at ``index`` does; of two that say the same, the first."""
    mine = uses[index].allowance
    tokens, patterns = tuple(split(mine.pointer)), frozenset(mine.patterns)
    for position, use in enumerate(uses):
        other = use.allowance
        if position == index or not patterns <= frozenset(other.patterns):
            continue
        general = tuple(split(other.pointer))
        is_same = general == tokens and patterns == frozenset(other.patterns)
        if fits(general, tokens) and (not is_same or position < index):
            return position
    return None
