"""The view of a request that policies read."""

from __future__ import annotations

import pytest

from portcullis.engine.operation import UNROUTED
from portcullis.engine.request import RequestView


def test_a_header_reads_as_text_and_what_is_absent_is_none() -> None:
    request = RequestView("GET", "/", [(b"x-a", b"caf\xe9")], {b"x-a": b"caf\xe9"})
    assert request.header(b"x-a") == "café"
    assert request.header(b"x-b") is None
    assert request.header(b"X-A") is None


def test_an_empty_header_is_not_an_absent_one() -> None:
    assert RequestView("GET", "/", [(b"x-a", b"")], {b"x-a": b""}).header(b"x-a") == ""


def test_a_view_begins_with_nothing_decided() -> None:
    request = RequestView("GET", "/a?b", (), {})
    assert (request.host, request.path, request.query, request.body) == ("", "", "", None)
    assert dict(request.path_values) == {}
    assert request.operation is UNROUTED


def test_nothing_else_can_be_hung_on_a_request() -> None:
    with pytest.raises(AttributeError):
        RequestView("GET", "/", (), {}).anything = 1  # type: ignore[attr-defined]
