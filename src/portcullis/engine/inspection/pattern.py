"""What a pattern is, and how the ones that exist are found.

The patterns of one class of attack are one table: a module below ``engine/inspection/patterns/`` whose ``CLASS`` says
what the class is and whose ``PATTERNS`` are its patterns. Nothing else has to be told that they exist.

A pattern is looked for in two steps. Its *expressions* are all in one database (:mod:`.database`), and one pass over
everything in a request says which of them match somewhere: they are made of what honest text hardly has, and are cheap.
Where one does, its *confirmer* looks closely at that one text and has the last word.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from functools import cache
from typing import Final

import msgspec

Confirmer = Callable[[str], bool]
"""Looks closely at a whole text in which an expression matched: is it that? Takes time linear in its length."""

SEPARATOR: Final = "\x1f"
"""Stands between texts that are looked at together; a pattern must not match across it."""
START: Final = r"(?:^|\x1f)"
END: Final = r"(?:$|\x1f)"
"""The beginning and the end of a text in an expression, also where it stands among others."""

PLACES: Final = frozenset(("path", "query", "header", "cookie", "body"))
"""Where in a request a text may stand; the first token of its pointer."""


class AttackClass(msgspec.Struct, frozen=True):
    """A class of attacks. ``key``: what the ids of its patterns begin with; ``title``: its name in findings and docs.

    ``summary``: what is looked for, for the docs, code in double backquotes; ``cwe``: its number in the Common Weakness
    Enumeration.
    """

    key: str
    title: str
    summary: str
    cwe: int


class Pattern(msgspec.Struct, frozen=True):
    """One thing to look for.

    ``id``: ``sqli-101``; stable, never used again for something else. ``description``: what it finds, a phrase.
    ``expressions``: in Hyperscan's syntax, matched in any case, ``.`` is any octet; one of them matches wherever it is.
    ``confirm``: has the last word where expressions also match honest text. ``places``: where it counts. ``matches``
    and ``passes``: texts in which it must and must not be found, other readings of them included; they are its tests.
    """

    id: str
    description: str
    expressions: tuple[str, ...]
    matches: tuple[str, ...]
    passes: tuple[str, ...]
    confirm: Confirmer | None = None
    places: frozenset[str] = PLACES


def matching(expression: str) -> Confirmer:
    """A confirmer: ``expression`` (of :mod:`re`, in any case, ``.`` is any character) matches somewhere.

    Repetitions in it are bounded, unless nothing they could give back matches what follows: else it is not linear.
    """
    search = re.compile(expression, re.IGNORECASE | re.DOTALL).search
    return lambda text: search(text) is not None


@cache
def all_classes() -> tuple[tuple[AttackClass, tuple[Pattern, ...]], ...]:
    """Every class with its patterns, by key."""
    package = importlib.import_module("portcullis.engine.inspection.patterns")
    modules = [
        importlib.import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    ]
    return tuple(sorted(((module.CLASS, module.PATTERNS) for module in modules), key=lambda found: found[0].key))


@cache
def all_patterns() -> tuple[Pattern, ...]:
    """Every pattern, in the order of their classes."""
    return tuple(pattern for _, patterns in all_classes() for pattern in patterns)


@cache
def class_of(pattern_id: str) -> AttackClass:
    """The class that the pattern ``pattern_id`` belongs to."""
    key = pattern_id.rpartition("-")[0]
    return next(found for found, _ in all_classes() if found.key == key)
