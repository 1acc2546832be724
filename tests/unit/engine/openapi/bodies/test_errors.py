"""Errors of bodies say what is wrong, and carry what an explanation needs."""

from __future__ import annotations

from portcullis.engine.openapi.bodies.errors import BodyError, UnfitError


def test_an_error_is_its_sentence() -> None:
    error = BodyError("part", "A part is wrong.", path=("a", 1), found="x", allowed="y", source="/z")
    assert str(error) == error.detail == "A part is wrong."
    assert (error.fault, error.path, error.found, error.allowed, error.source) == ("part", ("a", 1), "x", "y", "/z")


def test_a_part_that_does_not_fit_is_never_quoted() -> None:
    error = UnfitError("17", "hunter2", ("a",))
    assert "hunter2" not in str(error)
    assert (error.key, error.value, error.path) == ("17", "hunter2", ("a",))
