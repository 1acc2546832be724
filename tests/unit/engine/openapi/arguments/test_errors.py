"""Why a request's parameters can't be read."""

from __future__ import annotations

from portcullis.engine.openapi.arguments.errors import ArgumentError, UnreadableError


def test_errors_say_what_is_wrong_and_where() -> None:
    error = ArgumentError("malformed", "query", "filter", "x", ("a", 0))
    assert (error.fault, error.location, error.name, error.text, error.path) == (
        "malformed",
        "query",
        "filter",
        "x",
        ("a", 0),
    )


def test_their_text_is_the_fault_and_nothing_that_was_sent() -> None:
    assert str(ArgumentError("malformed", "query", "q", "hunter2")) == "malformed"
    assert str(UnreadableError("repeated", ("hunter2",))) == "repeated"
    assert issubclass(UnreadableError, ValueError)
