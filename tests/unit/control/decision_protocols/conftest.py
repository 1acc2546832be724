"""A decision point that says what a test lets it say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from portcullis.engine.decision_points.questions import Entity, Question


class Point:
    """``answers``: to the requests, one after the other; ``asked``: the requests, with their URLs."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.asked: list[tuple[str, Any]] = []

    async def post(self, url: str, document: Any) -> Any:
        self.asked.append((url, document))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def point() -> Point:
    return Point()


@pytest.fixture
def questions() -> Sequence[Question]:
    """Whether alice may read each of three orders."""
    alice = Entity("user", "alice", {"roles": ["clerk"]})
    return [Question(alice, "read", Entity("order", number), {"address": "192.0.2.1"}) for number in ("1", "2", "3")]
