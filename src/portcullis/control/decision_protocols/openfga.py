"""OpenFGA: ``POST /stores/<id>/check``, and ``/stores/<id>/batch-check`` for several, at most 50 at a time.

Its subjects and objects are written as one text, in which ``user:*`` is everybody and ``group:staff#member`` a set. An
id that would be read so, or could not be read at all, is nobody's and nothing's: it is not asked about, and denied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from portcullis.control.decision_protocols.speaking import (
    BadAnswerError,
    DecisionPointSettings,
    Post,
    member,
    plain,
)
from portcullis.engine.decision_points.questions import Question
from portcullis.engine.relations.tuples import is_id

MOST_TOGETHER: Final = 50
"""What a server takes by default (``OPENFGA_MAX_CHECKS_PER_BATCH_CHECK``)."""


async def decide(post: Post, point: DecisionPointSettings, questions: Sequence[Question]) -> list[bool]:
    """Ask ``questions``."""
    plain_ids = [is_id(each.subject.id) and is_id(each.resource.id) for each in questions]
    answers = iter(
        await _asked(post, point, [each for each, is_plain in zip(questions, plain_ids, strict=True) if is_plain])
    )
    return [is_plain and next(answers) for is_plain in plain_ids]


async def _asked(post: Post, point: DecisionPointSettings, questions: Sequence[Question]) -> list[bool]:
    store = f"{point.url.rstrip('/')}/stores/{point.store}"
    model = {"authorization_model_id": point.model} if point.model else {}
    if len(questions) == 1:
        answer = await post(f"{store}/check", {**_check(questions[0]), **model})
        return [plain(member(answer, "allowed"), "allowed")]
    decisions: list[bool] = []
    for first in range(0, len(questions), MOST_TOGETHER):
        some = questions[first : first + MOST_TOGETHER]
        checks = [{**_check(each), "correlation_id": str(number)} for number, each in enumerate(some)]
        answer = await post(f"{store}/batch-check", {"checks": checks, **model})
        decisions += [_result(member(answer, "result"), number) for number in range(len(some))]
    return decisions


def _check(question: Question) -> dict[str, Any]:
    subject, resource = question.subject, question.resource
    key = {
        "user": f"{subject.type}:{subject.id}",
        "relation": question.action,
        "object": f"{resource.type}:{resource.id}",
    }
    # The context is for conditions of tuples; what it does not ask for it ignores.
    return {"tuple_key": key, "context": question.context} if question.context else {"tuple_key": key}


def _result(results: Any, number: int) -> bool:
    found = member(results, str(number))
    if member(found, "error") is not None:
        raise BadAnswerError("one of the checks failed")
    return plain(member(found, "allowed"), "allowed")
