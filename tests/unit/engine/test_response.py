"""The view of an answer."""

from __future__ import annotations

from portcullis.engine.response import ResponseView
from portcullis.testing import make_request


def test_an_answer_belongs_to_its_request_and_has_no_body_until_a_step_asked_for_it() -> None:
    request = make_request("GET", "/orders")
    response = ResponseView(request, 200, [(b"x-a", b"1")], {b"x-a": b"1"})
    assert response.request is request
    assert response.has_body
    assert response.body is None
