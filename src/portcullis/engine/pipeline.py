"""From the steps of all phases to the pipeline of one operation: each step by what it needs.

A policy has the last word on an exchange once: its last step carries the verdict that it allowed it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, TypeAlias, get_args

import msgspec

from portcullis.engine.facts import Verdict, allowed
from portcullis.engine.policy import Needs, Step

Outline: TypeAlias = tuple[tuple[str, Needs], ...]
"""Policy and needs of each step, in order: most operations of an estate have one of few."""

FIRST_OF_ANSWERS: Final = frozenset({"objects.creates", "objects.owner"})
"""What of an answer is not the caller's is taken out before anything else is said about it. (The fields of an object
that not everybody sees are hidden after validation: an answer without them is not what its document declares.)"""
_OF_ANSWERS: Final = frozenset[Needs](("response_head", "response_body"))
_NEEDS: Final[tuple[Needs, ...]] = get_args(Needs)


def pipeline(steps: Sequence[Step]) -> Mapping[Needs, tuple[Step, ...]]:
    """``steps``, which are in the order of their phases, by what they need, with their verdicts."""
    arranged: dict[Needs, tuple[Step, ...]] = dict.fromkeys(_NEEDS, ())
    if any(step.policy in FIRST_OF_ANSWERS for step in steps):
        steps = sorted(steps, key=_comes_late)
    verdicts = _verdicts(tuple([(step.policy, step.needs) for step in steps]))
    for step, verdict in zip(steps, verdicts, strict=True):
        said = step if step.allowed is verdict else msgspec.structs.replace(step, allowed=verdict)
        arranged[step.needs] += (said,)
    return arranged


def _comes_late(step: Step) -> bool:
    return step.needs in _OF_ANSWERS and step.policy not in FIRST_OF_ANSWERS


@lru_cache(maxsize=1024)
def _verdicts(outline: Outline) -> tuple[Verdict | None, ...]:
    """For each step the verdict that its policy allowed the exchange, where it has the last word on that.

    Of a request body either the ``body`` steps or the ``stream`` steps see something, so the last of both have it.
    """
    last: dict[str, dict[Needs, int]] = {}
    for position, (policy, needs) in enumerate(outline):
        last.setdefault(policy, {})[needs] = position
    final = {position for of_policy in last.values() for position in _final(of_policy)}
    return tuple(allowed(policy) if position in final else None for position, (policy, _) in enumerate(outline))


def _final(positions: Mapping[Needs, int]) -> Iterator[int]:
    # A policy for answers that also asks for something in the request has not said anything by that.
    of_answers = not positions.keys().isdisjoint(_OF_ANSWERS)
    of_requests: tuple[tuple[Needs, ...], ...] = (("before",), ("body", "stream"), () if of_answers else ("head",))
    for needs in of_requests:
        found = [positions[each] for each in needs if each in positions]
        if found:
            yield from found
            break
    if of_answers:
        yield positions["response_body" if "response_body" in positions else "response_head"]
