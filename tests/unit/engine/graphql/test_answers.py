"""Errors of GraphQL services."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.graphql.answers import HIDDEN, scrubbed
from portcullis.engine.inspection.stack_traces import prepare

TRACE = 'Traceback (most recent call last):\n  File "/a.py", line 3, in x'


@pytest.fixture(autouse=True, scope="module")
def database() -> None:
    prepare()


@rows(
    ("answer", "cleaned"),
    [
        ({"data": {"a": 1}}, {"data": {"a": 1}}),
        ({"errors": [{"message": "Sold out", "path": ["a"]}]}, {"errors": [{"message": "Sold out", "path": ["a"]}]}),
        ({"errors": [{"message": TRACE}]}, {"errors": [{"message": HIDDEN}]}),
        ({"errors": [{"message": 7}]}, {"errors": [{"message": HIDDEN}]}),
        ({"errors": ["no"]}, {"errors": [{"message": HIDDEN}]}),
        ({"errors": [{"message": "a", "stack": "b"}]}, {"errors": [{"message": "a"}]}),
        (
            {"errors": [{"message": "a", "extensions": {"code": "C", "exception": {}}}]},
            {"errors": [{"message": "a", "extensions": {"code": "C"}}]},
        ),
        ({"data": None, "extensions": {"tracing": {}}}, {"data": None}),
        ([{"data": 1, "extensions": {}}, {"data": 2}], [{"data": 1}, {"data": 2}]),
        (7, 7),
    ],
)
def test_what_only_makers_should_know_is_taken_out(answer: Any, cleaned: Any) -> None:
    changed = answer != cleaned
    assert scrubbed(answer, ["code"]) is changed
    assert answer == cleaned
