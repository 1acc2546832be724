"""OpenID AuthZEN, Authorization API 1.0: ``POST /access/v1/evaluation``, and ``/access/v1/evaluations`` for several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from portcullis.control.decision_protocols.speaking import (
    BadAnswerError,
    DecisionPointSettings,
    Post,
    evaluation,
    member,
    plain,
)
from portcullis.engine.decision_points.questions import Question

_ALL: Final = {"evaluations_semantic": "execute_all"}
"""All are decided, whatever the others come to (7.1.2.1)."""


async def decide(post: Post, point: DecisionPointSettings, questions: Sequence[Question]) -> list[bool]:
    """Ask ``questions``. An evaluation that failed is a no (7.2.1: decisions default to closed)."""
    url = point.url.rstrip("/")
    if len(questions) == 1:
        answer = await post(f"{url}/access/v1/evaluation", evaluation(questions[0]))
        return [plain(member(answer, "decision"), "decision")]
    order = {"options": _ALL, "evaluations": [evaluation(question) for question in questions]}
    answer = await post(f"{url}/access/v1/evaluations", order)
    found = member(answer, "evaluations")
    if not isinstance(found, list) or len(found) != len(questions):
        raise BadAnswerError(f"evaluations is no list of {len(questions)}")
    return [plain(member(each, "decision"), "decision") for each in found]
