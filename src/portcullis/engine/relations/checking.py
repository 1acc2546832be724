"""Whether a subject has a relation to an object, found by following tuples within bounds.

Level by level: what is near is looked at first, nothing is looked at twice (so circles of groups end), and there is an
end to how deep and how far it goes. Beyond that there is no answer, rather than a slow one or a wrong one: whoever asks
refuses. The bounds are those of one check, whatever was asked before, so an object has the same answer alone and in a
list. What all checks of a list may cost together is bounded too: beyond that the list as a whole has no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

import msgspec

from portcullis.engine.relations.model import RelationPath

MAX_DEPTH: Final = 20
"""Levels of groups and parents (OpenFGA: 25)."""
MAX_OBJECTS: Final = 500
"""Objects and groups that one check may have to look at: a few milliseconds at most."""

MAX_WORK: Final = 20_000
"""Objects and groups that all checks of one answer may look at: some 100 milliseconds, in which a worker does nothing
else."""

DIRECT: Final = -1
Lookup: TypeAlias = Callable[[int, str], Iterable[tuple[int, str]]]
"""Given the number of a node and the id of an object: (:data:`DIRECT`, ``""``) where a tuple with the subject settles
it, and for each tuple of one of the node's edges the number of that edge and the id of the tuple's subject."""


class RelationLimitError(Exception):
    """Whether somebody is related to an object was not found out within the bounds."""


class RelationWorkError(Exception):
    """What is asked together costs too much, whatever each of it costs."""


class Work(msgspec.Struct, eq=False, gc=False):
    """What checks that are made together may still look at."""

    left: int = MAX_WORK


def is_related(path: RelationPath, object_id: str, subject_id: str, lookup: Lookup, work: Work) -> bool:
    """Whether the subject is related to the object.

    Raises :class:`RelationLimitError`, :class:`RelationWorkError`, and what ``lookup`` raises.
    """
    nodes = path.nodes
    if not nodes:
        return False
    level = [(0, object_id)]
    seen = set(level)
    for _ in range(MAX_DEPTH):
        following: list[tuple[int, str]] = []
        for number, id_ in level:
            if not work.left:
                raise RelationWorkError(f"more than {MAX_WORK} objects would have to be looked at together")
            work.left -= 1
            node = nodes[number]
            if node.reflexive and id_ == subject_id:
                return True
            for edge, found in lookup(number, id_):
                if edge == DIRECT:
                    return True
                below = (node.edges[edge].target, found)
                if below not in seen:
                    if len(seen) == MAX_OBJECTS:
                        raise RelationLimitError(f"more than {MAX_OBJECTS} objects would have to be looked at")
                    seen.add(below)
                    following.append(below)
        if not following:
            return False
        level = following
    raise RelationLimitError(f"more than {MAX_DEPTH} levels would have to be looked at")
