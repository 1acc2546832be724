"""Answers as the document declares them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rows import rows

from portcullis.engine.openapi.document import SpecDocument
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.response_reading import read_responses

Load = Callable[..., SpecDocument]


def test_answers_have_their_status_content_and_headers(load: Load) -> None:
    answer = {
        "description": "One.",
        "content": {"application/json": {"schema": {"type": "object"}}, "text/plain": {}},
        "headers": {"ETag": {"schema": {}}},
    }
    (operation,) = load(
        {"/a": {"get": {"responses": {"200": answer, "default": {"$ref": "#/components/responses/E"}, "x-a": {}}}}},
        components={"responses": {"E": {"description": "Wrong."}}},
    ).operations
    one, default = operation.responses
    assert (one.status, one.pointer, one.headers) == ("200", "/paths/~1a/get/responses/200", ("ETag",))
    assert [(str(each.media_range), each.schema) for each in one.content] == [
        ("application/json", "/paths/~1a/get/responses/200/content/application~1json/schema"),
        ("text/plain", None),
    ]
    assert (default.status, default.pointer, default.content) == ("default", "/components/responses/E", ())


@rows(("key", "status"), [("200", "200"), ("4XX", "4XX"), ("5xx", "5XX"), ("default", "default")])
def test_ranges_are_upper_case(key: str, status: str) -> None:
    root: dict[str, Any] = {"o": {"responses": {key: {}}}}
    assert [each.status for each in read_responses(root, "/o", Problems())] == [status]


@rows("key", ["20", "600", "099", "2X0", "XXX", "Default", "2xx,3xx", "200\n", "٢٠٠"])
def test_what_is_no_status_is_warned_of(key: str) -> None:
    problems = Problems()
    assert list(read_responses({"o": {"responses": {key: {}}}}, "/o", problems)) == []
    (problem,) = problems
    assert problem.severity == "warning"
    assert "is no status" in problem.message


def test_an_operation_need_not_say_what_it_answers() -> None:
    assert list(read_responses({"o": {}}, "/o", Problems())) == []


def test_what_is_no_response_is_an_error() -> None:
    problems = Problems()
    assert list(read_responses({"o": {"responses": {"200": {"$ref": "#/x"}}}, "x": 1}, "/o", problems)) == []
    assert [problem.message for problem in problems] == ["this is not a response"]
