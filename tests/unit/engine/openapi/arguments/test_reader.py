"""All parameters of a request together."""

from __future__ import annotations

from typing import Any

from portcullis.engine.decision import Modify

INTEGER = {"type": "integer"}


def parameters() -> list[dict[str, Any]]:
    return [
        {"name": "id", "in": "path", "schema": INTEGER},
        {"name": "q", "in": "query", "schema": {"type": "string"}},
        {"name": "X-N", "in": "header", "schema": INTEGER},
        {"name": "n", "in": "cookie", "schema": INTEGER},
    ]


def test_parameters_are_read_wherever_they_are(operate: Any) -> None:
    operation = operate(*parameters(), path="/a/{id}")
    fields = [("x-n", "3"), ("cookie", "n=4")]
    assert operation.read(path="/a/1", query="q=2", fields=fields) == {"id": 1, "q": "2", "X-N": 3, "n": 4}


def test_parameters_of_one_name_in_several_places_are_several(operate: Any) -> None:
    names = [{"name": "n", "in": where, "schema": INTEGER} for where in ("path", "query", "header", "cookie")]
    operation = operate(*names, path="/a/{n}")
    assert operation.fits(operation._reader.read(operation.request("n=2", "/a/1", [("n", "3"), ("cookie", "n=4")]))[0])
    assert len(operation._reader.read(operation.request("n=2", "/a/1"))[0]) == 2
    assert operation.fault(path="/a/1", query="n=x") == ("malformed", "query", "n")


def test_nothing_is_asked_of_a_request_without_parameters(operate: Any) -> None:
    assert operate().values() == ({}, None)


def test_what_is_taken_out_of_query_and_cookies_is_taken_out_at_once(operate: Any) -> None:
    operation = operate(*parameters(), path="/a/{id}", undeclared="strip")
    fields = [("cookie", "x=1; n=4")]
    values, change = operation.values(path="/a/1", query="q=2&z=1", fields=fields)
    assert values == {"id": 1, "q": "2", "n": 4}
    assert change == Modify(query="q=2", set_fields=((b"cookie", b"n=4"),))
    _, change = operation.values(path="/a/1", query="q=2", fields=[("cookie", "x=1")])
    assert change == Modify(remove_fields=frozenset({b"cookie"}))
