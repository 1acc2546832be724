"""Header fields of parts: file names and media types, by what is declared."""

from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.media_type import parse
from portcullis.engine.openapi.bodies.errors import BodyError
from portcullis.engine.openapi.bodies.multipart_heads import check_file_name, check_type
from portcullis.engine.openapi.bodies.multipart_wire import PartHead
from portcullis.engine.openapi.multipart_reading import Form, SpecPart


def head(content_type: str | None = None, file_name: str | None = None) -> PartHead:
    return PartHead("p", file_name, content_type, None, b"")


def fits_type(form: Form, content_type: str | None, *declared: str) -> bool:
    spec = SpecPart("p", form, types=tuple(map(parse, declared)))
    try:
        check_type(head(content_type), spec, "The part p")
    except BodyError:
        return False
    return True


@rows(
    ("form", "content_type", "declared", "expected"),
    [
        ("text", None, (), True),
        ("text", "text/plain", (), True),
        ("text", "Text/Plain; charset=UTF-8", (), True),
        ("text", "text/plain; charset=us-ascii", (), True),
        ("text", "text/plain; charset=utf-16", (), False),
        ("text", "text/html", (), False),
        ("text", "application/json", (), False),
        ("text", "text/markdown; charset=utf-8", ("text/markdown",), True),
        ("text", "text/plain", ("text/markdown",), False),
        ("json", None, (), True),
        ("json", "application/json", (), True),
        ("json", "application/vnd.x+json", (), True),
        ("json", "text/plain", (), True),
        ("json", "text/html", (), False),
        ("json", "application/json; charset=utf-16", (), False),
        ("json", "application/json", ("application/json",), True),
        ("json", "text/plain", ("application/json",), False),
        ("xml", None, ("application/xml",), True),
        ("xml", "application/xml; charset=utf-8", ("application/xml; charset=utf-8",), True),
        ("xml", "application/xml", ("application/xml; charset=utf-8",), True),
        ("xml", "text/xml", ("application/xml",), False),
        ("bytes", None, (), True),
        ("bytes", "image/png", (), True),
        ("bytes", "text/plain; charset=utf-16", (), True),
        ("bytes", "image/png", ("image/png", "image/jpeg"), True),
        ("bytes", "image/png; q=1", ("image/*",), True),
        ("bytes", "image/gif", ("image/png", "image/jpeg"), False),
        ("bytes", None, ("image/png",), False),
        ("bytes", None, ("text/plain",), True),
        ("bytes", "multipart/mixed; boundary=Y", (), False),
        ("bytes", "image/*", (), False),
        ("bytes", "*/*", (), False),
        ("bytes", "png", (), False),
        ("bytes", "image/png, image/jpeg", (), False),
    ],
)
def test_media_types_of_parts(form: Form, content_type: str | None, declared: tuple[str, ...], expected: bool) -> None:
    assert fits_type(form, content_type, *declared) is expected


def test_what_would_be_right_is_said() -> None:
    with pytest.raises(BodyError) as caught:
        check_type(head("text/html"), SpecPart("p", "bytes", types=(parse("image/png"),)), "The part p")
    assert (caught.value.fault, caught.value.path) == ("part", ("p",))
    assert (caught.value.found, caught.value.allowed) == ("text/html", "image/png")
    assert caught.value.detail == "The part p has another Content-Type than declared: image/png is."


@rows(
    ("form", "name", "fault"),
    [
        ("bytes", None, None),
        ("bytes", "a.png", None),
        ("bytes", "", None),
        ("json", "blob", None),
        ("bytes", "../a", "file_name"),
        ("json", "../a", "file_name"),
        ("text", "a.txt", "part"),
        ("text", "", "part"),
    ],
)
def test_file_names_of_parts(form: Form, name: str | None, fault: str | None) -> None:
    spec = SpecPart("p", form)
    if fault is None:
        check_file_name(head(file_name=name), spec, "The part p")
        return
    with pytest.raises(BodyError) as caught:
        check_file_name(head(file_name=name), spec, "The part p")
    assert (caught.value.fault, caught.value.path) == (fault, ("p",))
