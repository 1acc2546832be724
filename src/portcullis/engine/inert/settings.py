"""Settings that govern no operation, or have nothing to act on in any that they govern.

A limit that every version replaces, ``limit.by: consumer`` where all callers are anonymous, ``max_body`` where no
operation takes a body, a plan below a ``mode: off`` that a wider level says. Rules about messages and queries that
another one always comes before: ``idle`` that is not shorter than ``lifetime``, ``binary`` where messages have a
schema, ``inspect`` where clients may send nothing, a rate that the other rate never lets anybody reach, ``max_depth``
beyond ``max_fields``, ``max_deadline`` beyond what ends the call. What an operation that is not in the document yet
would be governed by is warned of only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.layers import Place
from portcullis.engine.config.tree import pointer
from portcullis.engine.inert.estate import Estate
from portcullis.engine.inert.governed import Keys
from portcullis.engine.inert.usage import LeafUse

Told: TypeAlias = tuple[str, str, Literal["error", "warning"]]
"""Message, hint, severity."""


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each; one for a whole section where all of it is idle for the same reason."""
    by_place: dict[Place, dict[Keys, Told | None]] = {}
    for (place, keys), use in estate.usage.leaves.items():
        if _has_operations(estate, place):
            by_place.setdefault(place, {})[keys] = None if use.governs and use.acts else _told(place, use)
    for place, leaves in by_place.items():
        for keys, told in _summed_up(leaves, ()):
            yield estate.loaded.diagnostic((*place, *keys), *told)


def _has_operations(estate: Estate, place: Place) -> bool:
    """Whether there is anything at ``place`` that could be governed: where there is not, that is told once."""
    _, api, *rest = map(str, place)
    versions = [rest[1]] if rest[:1] == ["versions"] else list(estate.configuration.apis[api].versions)
    return any(estate.usage.operations.get((api, version)) for version in versions)


def _told(place: Place, use: LeafUse) -> Told:
    of_one_operation = place[-2] == "operations"
    severity: Literal["error", "warning"] = "warning" if use.awaits and not of_one_operation else "error"
    if not use.governs:
        by = f"{pointer(use.said_again)} says it again" if use.said_again else "no operation is left to it"
        whose = "for this operation" if of_one_operation else "for every operation, narrower settings hold"
        return f"is never used: {whose} ({by})", "remove it, or what is said again below it", severity
    whose = "here" if of_one_operation else "in any of the operations it holds for"
    return f"does nothing {whose}: {'; '.join(use.reasons)}", "remove it, or say it where it can act", severity


def _summed_up(leaves: dict[Keys, Told | None], prefix: Keys) -> Iterator[tuple[Keys, Told]]:
    """What is told of the leaves below ``prefix``, once where it is the same of all of them."""
    below = {keys: told for keys, told in leaves.items() if keys[: len(prefix)] == prefix}
    told = list(dict.fromkeys(below.values()))
    if prefix and len(told) == 1:
        if told[0] is not None:
            yield (next(iter(below)) if len(below) == 1 else prefix), told[0]
        return
    for key in dict.fromkeys(keys[len(prefix)] for keys in below):
        yield from _summed_up(below, (*prefix, key))
