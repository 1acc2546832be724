"""The view of an answer."""

from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.response import ResponseView
from portcullis.engine.strict_json import MalformedJsonError
from portcullis.testing import make_request


def test_an_answer_belongs_to_its_request_and_has_no_body_until_a_step_asked_for_it() -> None:
    request = make_request("GET", "/orders")
    response = ResponseView(request, 200, [(b"x-a", b"1")], {b"x-a": b"1"})
    assert response.request is request
    assert response.has_body
    assert response.body is None


def test_what_it_says_is_read_once_for_all_who_ask() -> None:
    response = ResponseView(make_request("GET", "/orders"), 200, [], {}, body=b'{"a": 1}')
    first = response.value()
    assert first == {"a": 1}
    response.body = b"gone"
    assert response.value() is first


@rows("body", [b"", b"{", b'{"a": 1, "a": 2}', None])
def test_what_can_be_read_in_two_ways_is_not_read(body: bytes | None) -> None:
    with pytest.raises(MalformedJsonError):
        ResponseView(make_request("GET", "/orders"), 200, [], {}, body=body).value()
