"""Open Policy Agent, REST API: ``POST /v1/data/<path>`` with an ``input``.

It decides one question at a time. A document that is not defined for an input (an answer without ``result``) is a no:
no rule has granted anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from portcullis.control.decision_protocols.speaking import (
    BadAnswerError,
    DecisionPointSettings,
    Post,
    evaluation,
    plain,
)
from portcullis.engine.decision_points.questions import Question


async def decide(post: Post, point: DecisionPointSettings, questions: Sequence[Question]) -> list[bool]:
    """Ask ``questions``, at the same time."""
    try:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(_one(post, point.url, question)) for question in questions]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [each.result() for each in asked]


async def _one(post: Post, url: str, question: Question) -> bool:
    answer = await post(url, {"input": evaluation(question)})
    if not isinstance(answer, dict):
        raise BadAnswerError("the answer is no object")
    if "result" not in answer:
        return False
    result = answer["result"]
    if isinstance(result, dict):
        return "allow" in result and plain(result["allow"], "result.allow")
    return plain(result, "result")
