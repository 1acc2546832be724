"""Which declared body a Content-Type means."""

from __future__ import annotations

import pytest

from portcullis.engine.media_type import parse
from portcullis.engine.openapi.bodies import BodySelector, Unacceptable
from portcullis.engine.openapi.body_reading import SpecBody, SpecContent


def selector(*ranges: str) -> BodySelector:
    """A body of these media types, each with a schema of its own name, but those in parentheses."""
    content = tuple(
        SpecContent(parse(text.strip("()")), f"/{text}", None if text.startswith("(") else text) for text in ranges
    )
    return BodySelector(
        SpecBody("/body", required=True, content=content), {text: f"schema of {text}" for text in ranges}
    )


@pytest.mark.parametrize(
    "field",
    [
        b"application/json",
        b"Application/JSON",
        b"application/json;charset=utf-8",
        b'application/json; Charset="UTF-8"',
        b"application/json; v=1",
    ],
)
def test_json_is_json_however_it_is_written(field: bytes) -> None:
    assert selector("application/json").select(field) == "schema of application/json"


@pytest.mark.parametrize(
    ("declared", "field", "selected"),
    [
        (("application/*",), b"application/vnd.shop+json", "application/*"),
        (("*/*",), b"application/json", "*/*"),
        (("*/*", "application/json"), b"application/json", "application/json"),
        (("*/*", "application/json"), b"application/merge-patch+json", "*/*"),
        (
            ("application/json", "application/merge-patch+json"),
            b"application/merge-patch+json",
            "application/merge-patch+json",
        ),
        (("application/json", "application/json;v=2"), b"application/json;v=2", "application/json;v=2"),
    ],
)
def test_the_closest_declaration_counts(declared: tuple[str, ...], field: bytes, selected: str) -> None:
    assert selector(*declared).select(field) == f"schema of {selected}"


def test_without_a_schema_any_json_will_do() -> None:
    assert selector("(application/json)").select(b"application/json") == ""


@pytest.mark.parametrize(
    ("declared", "field", "reason"),
    [
        (("application/json",), None, "The body needs a Content-Type."),
        (("application/json",), b"", "The Content-Type is not a media type."),
        (("application/json",), b"application/json, text/plain", "The Content-Type is not a media type."),
        (("application/json",), b"text/json", "Bodies are application/json."),
        (("application/json",), b"application/vnd.shop+json", "Bodies are application/json."),
        (("application/json",), b"application/*", "Bodies are application/json."),
        (("application/*",), b"application/*+json", "Bodies are application/json."),
        (("application/*",), b"application/xml", "Bodies are application/json."),
        (("*/*",), b"text/plain", "Bodies are application/json."),
        (("*/*",), b"*/*", "Bodies are application/json."),
        (("application/json", "text/csv"), b"text/csv", "Bodies are application/json."),
        (("application/json", "a/b+json"), b"a/c", "Bodies are application/json, a/b+json."),
        (("application/json",), b"application/json;charset=utf-16", "JSON is UTF-8."),
        (("application/json",), b"application/json;charset=latin1", "JSON is UTF-8."),
    ],
)
def test_what_is_not_taken(declared: tuple[str, ...], field: bytes | None, reason: str) -> None:
    selected = selector(*declared).select(field)
    assert isinstance(selected, Unacceptable)
    assert selected.reason == reason


def test_what_is_taken_is_listed_once() -> None:
    assert selector("*/*", "application/json", "application/problem+json", "text/csv").accepted == (
        "application/json, application/problem+json"
    )


def test_long_content_types_are_not_remembered() -> None:
    select = selector("application/json")
    for number in range(10):
        assert isinstance(select.select(b"x/y;a=%d" % number + b"x" * 300), Unacceptable)
    assert select._select_short.cache_info().currsize == 0
    assert select.select(b"application/json;a=" + b"x" * 300) == "schema of application/json"
