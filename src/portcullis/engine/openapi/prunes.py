"""The pieces that prunes are made of: functions that take out of one value what a schema does not declare.

See :mod:`portcullis.engine.openapi.pruning`, which puts them together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Prune = Callable[[Any, "set[str] | None"], int]
"""Prunes a value and says how many fields it took out. Names that are declared are added to the set."""
Children = Sequence[tuple[str, Prune]]
"""Fields with something in them to be pruned."""


def nothing(_value: Any, _declared: set[str] | None) -> int:
    """Where there is nothing to take out."""
    return 0


def take(_value: Any, _declared: set[str] | None) -> int:
    """Stands for fields that are refused: they are taken out of what they are in."""
    return 0


def one_after_another(parts: Sequence[Prune]) -> Prune | None:
    """Prunes by all of ``parts``."""
    if len(parts) < 2:
        return parts[0] if parts else None

    def prune(value: Any, declared: set[str] | None) -> int:
        taken = 0
        for part in parts:
            taken += part(value, declared)
        return taken

    return prune


def where_present(name: str, part: Prune | None) -> Prune | None:
    """Prunes objects that have the field ``name``."""
    if part is None:
        return None

    def prune(value: Any, declared: set[str] | None) -> int:
        return part(value, declared) if value.__class__ is dict and name in value else 0

    return prune


def items(first: Sequence[Prune], further: Prune | None) -> Prune:
    """Prunes the ``first`` items of a list, each by its own, and ``further`` ones."""

    def prune(value: Any, _declared: set[str] | None) -> int:
        taken = 0
        if value.__class__ is list:
            for each, item in zip(first, value, strict=False):
                taken += each(item, None)
            if further is not None:
                for item in value[len(first) :] if first else value:
                    taken += further(item, None)
        return taken

    return prune


def closed_object(names: frozenset[str], children: Children) -> Prune:
    """Prunes an object with no other fields than ``names``."""
    declares_all = names.issuperset

    def prune_flat(value: Any, declared: set[str] | None) -> int:
        if value.__class__ is not dict:
            return 0
        taken = 0
        if not declares_all(value):
            others = [name for name in value if name not in names]
            for name in others:
                del value[name]
            taken = len(others)
        if declared is not None:
            declared.update(value)
        return taken

    def prune(value: Any, declared: set[str] | None) -> int:
        taken = prune_flat(value, declared)
        if value.__class__ is dict:
            for name, child in children:
                below = value.get(name)
                if below.__class__ is dict or below.__class__ is list:
                    taken += child(below, None)
        return taken

    return prune if children else prune_flat


def open_object(names: frozenset[str], refused: frozenset[str], children: Children) -> Prune:
    """Prunes an object that declares ``names``, and may have other fields, but none that is ``refused``."""

    def prune(value: Any, declared: set[str] | None) -> int:
        if value.__class__ is not dict:
            return 0
        taken = 0
        for name in refused:
            if name in value:
                del value[name]
                taken += 1
        for name, child in children:
            below = value.get(name)
            if below.__class__ is dict or below.__class__ is list:
                taken += child(below, None)
        if declared is not None:
            declared.update(names)
        return taken

    return prune


def keyed_object(
    named: Prune,
    names: frozenset[str],
    patterns: Sequence[tuple[Callable[[str], bool], Prune | None]],
    rest: Prune | None,
    *,
    goes_on: bool,
) -> Prune:
    """Prunes an object with fields that are not named; ``named`` is for those that are.

    ``patterns`` say which names they match; ``goes_on``: ``rest`` is for all that none matches.
    """

    def prune(value: Any, declared: set[str] | None) -> int:
        if value.__class__ is not dict:
            return 0
        taken = named(value, declared)
        others = []
        for name in list(value):
            parts = [part for matches, part in patterns if matches(name)]
            if take in parts:
                del value[name]
                taken += 1
                continue
            if not parts and name not in names:
                others.append(name)
            elif parts and declared is not None:
                declared.add(name)
            for part in parts:
                if part is not None:
                    taken += part(value[name], None)
        if goes_on:
            if rest is not None:
                taken += _rest_of(value, others, rest)
            if declared is not None:
                declared.update(value)
        return taken

    return prune


def whole_object(parts: Sequence[Prune], rest: Prune | None) -> Prune:
    """Prunes an object by ``parts``, and by ``rest`` the fields that none of them has said it knows."""
    by_parts = one_after_another(parts) or nothing

    def prune(value: Any, declared: set[str] | None) -> int:
        if value.__class__ is not dict:
            return by_parts(value, None)
        known: set[str] = set()
        taken = by_parts(value, known)
        if rest is not None and not known.issuperset(value):
            taken += _rest_of(value, [name for name in value if name not in known], rest)
        if declared is not None:
            declared.update(value)
        return taken

    return prune


def _rest_of(value: dict[str, Any], names: list[str], rest: Prune) -> int:
    if rest is take:
        for name in names:
            del value[name]
        return len(names)
    return sum(rest(value[name], None) for name in names)
