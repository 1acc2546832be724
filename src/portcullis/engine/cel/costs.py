"""What evaluating a rule costs, in steps: a node of the syntax tree is one.

Two bounds hold. Before a rule is used, what it would take is estimated, with 100 items for every list whose length is
not plain from the rule: that rules out loops in loops in loops. While it runs its steps are counted, since a list may
have more items, and a text more characters, than anyone thought of.
"""

from __future__ import annotations

from typing import Final

from portcullis.engine.cel.compiled import MAX_STEPS
from portcullis.engine.cel.errors import Problem
from portcullis.engine.cel.syntax import ListLiteral, Loop, MapLiteral, Node, children, walk

ASSUMED_ITEMS: Final = 100
"""Items of a list that is not written in the rule."""


def weight(node: Node) -> int:
    """Steps that ``node`` takes where no loop in it takes a turn: its nodes."""
    return sum(1 for _ in walk(node))


def estimate(node: Node) -> int:
    """Steps that ``node`` takes, with its loops."""
    if isinstance(node, Loop):
        return 1 + estimate(node.range) + _length(node.range) * estimate(node.step)
    return 1 + sum(map(estimate, children(node)))


def _length(node: Node) -> int:
    """How many items ``node`` has, as far as that is known."""
    if isinstance(node, ListLiteral):
        return len(node.items)
    if isinstance(node, MapLiteral):
        return len(node.entries)
    return _length(node.range) if isinstance(node, Loop) else ASSUMED_ITEMS


def too_costly(node: Node) -> list[Problem]:
    """A problem, if what ``node`` is expected to take is too much: at the loop that takes the most."""
    steps = estimate(node)
    if steps <= MAX_STEPS:
        return []
    loops = [each for each in walk(node) if isinstance(each, Loop)]
    dearest = max(loops, key=estimate, default=node)
    message = f"takes about {steps:,} steps, with {ASSUMED_ITEMS} items in each list: {MAX_STEPS:,} are the most"
    return [Problem(dearest.offset, message, "put fewer loops in one another")]
