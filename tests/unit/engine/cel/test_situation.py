from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.cel.errors import EvaluationError
from portcullis.engine.cel.situation import (
    MAX_PARAMETERS,
    Situation,
    query_values,
    read_json,
    texts_of,
    values_in_query,
)
from portcullis.engine.facts import Facts
from portcullis.engine.response import ResponseView
from portcullis.testing.requests import make_request

JSON = {b"content-type": b"application/json"}


def situation(**more: Any) -> Situation:
    request = more.pop("request", None) or make_request("POST", "/", {"Content-Type": "application/json"}, body=b"[1]")
    return Situation(request=request, facts=Facts(), wall_s=lambda: 0.0, **more)


def test_time_stands_still_during_an_evaluation() -> None:
    readings = iter((1.5, 2.5))
    asked = Situation(request=make_request(), facts=Facts(), wall_s=lambda: next(readings))
    assert (asked.time, asked.time) == (1_500_000_000, 1_500_000_000)


def test_a_body_is_read_once() -> None:
    asked = situation()
    assert asked.request_body is asked.request_body
    assert asked.request_body == [1]


def test_a_body_that_is_not_there_yet_is_an_error() -> None:
    request = make_request("POST", "/", {"Content-Type": "application/json"}, body=b"[1]")
    request.body = None
    with pytest.raises(EvaluationError, match="is not there"):
        assert situation(request=request).request_body
    with pytest.raises(EvaluationError, match="no answer yet"):
        assert situation().answer_body


def test_the_body_of_an_answer_is_its_own() -> None:
    response = ResponseView(make_request(), 200, (), JSON, has_body=True, body=b'{"a": 1}')
    assert situation(response=response).answer_body == {"a": 1}
    empty = ResponseView(make_request(), 204, (), {}, has_body=False)
    assert situation(response=empty).answer_body is None


@rows(
    ("body", "media_type"),
    [
        (b"{", b"application/json"),
        (b'{"a":1,"a":2}', b"application/json"),
        (b"[1e400]x", b"application/json"),
        (b"18446744073709551616", b"application/json"),
        (b"\xff", b"application/json"),
        (b"1", b"text/plain"),
        (b"1", b""),
        (b"1", b"json"),
        (b"1", b"application/json, text/plain"),
    ],
)
def test_what_can_not_be_read_one_way_only_is_an_error(body: bytes, media_type: bytes) -> None:
    with pytest.raises(EvaluationError):
        read_json(body, {b"content-type": media_type}, "the request")


def test_json_has_many_names() -> None:
    for media_type in (b"application/json", b"Application/Problem+JSON; charset=UTF-8"):
        assert read_json(b"[1]", {b"content-type": media_type}, "the request") == [1]
    assert read_json(b"", {}, "the request") is None


@rows(
    ("query", "values"),
    [
        ("", {}),
        ("a=1", {"a": ["1"]}),
        ("a=1&b=2&a=3", {"a": ["1", "3"], "b": ["2"]}),
        ("a", {"a": [""]}),
        ("a=&&=b", {"a": [""], "": ["b"]}),
        ("a%20b=c+d%2B", {"a b": ["c d+"]}),
        ("a=b=c", {"a": ["b=c"]}),
        ("n%61me=%C3%BF", {"name": ["ÿ"]}),
    ],
)
def test_a_query_is_read_as_services_read_it(query: str, values: dict[str, list[str]]) -> None:
    assert query_values(query) == values
    for name, wanted in values.items():
        assert values_in_query(query, name) == wanted
    assert values_in_query(query, "nothing") == []


def test_a_query_that_can_not_be_read_is_an_error() -> None:
    for query in ("a=%ff", "&" * MAX_PARAMETERS):
        with pytest.raises(EvaluationError):
            query_values(query)
    with pytest.raises(EvaluationError):
        values_in_query("a=%ff", "a")


def test_header_fields_are_texts() -> None:
    assert texts_of({b"x-name": b"caf\xe9"}) == {"x-name": "café"}
