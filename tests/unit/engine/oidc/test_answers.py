from __future__ import annotations

import json

import pytest

from portcullis.engine.oidc.answers import UNSTORED, error_answer, json_answer, sent_to


def test_nobody_may_keep_any_of_them_or_tell_their_address() -> None:
    for answer in (sent_to("https://a.example/"), json_answer({}), error_answer("e", "d")):
        assert set(UNSTORED) <= set(answer.fields)


def test_a_browser_is_sent_on_with_its_cookies() -> None:
    answer = sent_to("https://a.example/", (b"set-cookie", b"a=b"), (b"set-cookie", b"c=d"))
    assert (answer.status, answer.fields[0]) == (303, (b"location", b"https://a.example/"))
    assert [value for name, value in answer.fields if name == b"set-cookie"] == [b"a=b", b"c=d"]


def test_no_address_can_end_the_field() -> None:
    with pytest.raises(ValueError, match="control character"):
        sent_to("https://a.example/\r\nx: y")


def test_errors_are_as_providers_read_them() -> None:
    answer = error_answer("invalid_request", "no token")
    assert (answer.status, json.loads(answer.body)) == (
        400,
        {"error": "invalid_request", "error_description": "no token"},
    )
