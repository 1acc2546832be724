"""Multipart forms: each part is checked as it comes, and the whole at the end."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from rows import rows

from portcullis.engine.openapi.bodies.errors import BodyError, UnfitError
from portcullis.engine.openapi.bodies.multipart_body import (
    MAX_PARTS,
    MAX_TEXT,
    HeldMultipartBody,
    MultipartBody,
    MultipartPlan,
)
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.multipart_reading import read_parts
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.strict_json import Limits

TEXT = {"type": "string"}
FILE = {"type": "string", "format": "binary", "minLength": 2, "maxLength": 100_000}
POINT = {"type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "string"}}}
SCHEMA = {
    "type": "object",
    "properties": {
        "title": TEXT,
        "count": {"type": "integer"},
        "file": FILE,
        "photo": {**FILE, "minLength": 0},
        "more": {"type": "array", "items": FILE},
        "meta": POINT,
        "points": {"type": "array", "items": POINT},
        "tags": {"type": "array", "items": TEXT},
        "codes": {"type": "array", "items": {"type": "integer"}},
        "at": POINT,
        "note": POINT,
    },
}
ENCODING = {
    "photo": {"contentType": "image/*"},
    "codes": {"style": "form", "explode": False},
    "at": {"style": "deepObject"},
    "note": {"contentType": "application/xml"},
}


def plan(schema: Any = SCHEMA, undeclared: Any = "refuse", fits: Any = lambda _values: True) -> MultipartPlan:
    graph = SchemaGraph({"root": {"schema": schema}}, "3.1.0", Problems())
    unsupported: list[Any] = []
    parts = read_parts(graph, "/root", "/root/schema", ENCODING, unsupported)
    assert not unsupported
    names = {part.schema: part.schema for part in parts.parts if part.schema is not None}
    return MultipartPlan("k", parts, names, fits, undeclared, Limits(depth=10))


def part(name: str, content: bytes = b"", file: str | None = None, kind: str | None = None) -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"'
    head += "" if file is None else f'; filename="{file}"'
    head += "" if kind is None else f"\r\nContent-Type: {kind}"
    return b"--X\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"


def read(*parts: bytes, step: int = 7, of: MultipartPlan | None = None) -> Any:
    data = b"".join(parts) + b"--X--\r\n"
    scanner = MultipartBody(of or plan(), b"X").scanner()
    for at in range(0, len(data), step):
        scanner.feed(data[at : at + step])
    return scanner.end().value


def fault(*parts: bytes, of: MultipartPlan | None = None) -> tuple[str, tuple[str | int, ...]]:
    with pytest.raises(BodyError) as caught:
        read(*parts, of=of)
    return caught.value.fault, caught.value.path


def test_parts_become_the_fields_of_an_object() -> None:
    value = read(
        part("title", "Ü\r\n".encode()),
        part("count", b"3"),
        part("file", b"\x00\xff--\r\n", "a.bin", "application/x-thing"),
        part("more", b"one", "1"),
        part("more", b"two", "2"),
        part("meta", b'{"x": 1.5}', "blob", "application/json"),
        part("points", b'{"x": 1}'),
        part("points", b'[{"x": 2}, {"x": 3}]'),
        part("tags", b"a"),
        part("tags", b"b", kind="text/plain; charset=utf-8"),
        part("codes", b"1,2"),
        part("at[x]", b"1.5"),
        part("at[y]", b"up"),
        part("note", b"<note><x>1</x></note>", kind="application/xml"),
    )
    assert value == {
        "title": "Ü\r\n",
        "count": 3,
        "file": "xx",
        "more": ["xx", "xx"],
        "meta": {"x": 1.5},
        "points": [{"x": 1}, {"x": 2}, {"x": 3}],
        "tags": ["a", "b"],
        "codes": [1, 2],
        "at": {"x": 1.5, "y": "up"},
        "note": {"x": 1},
    }


def test_a_form_without_parts_is_an_empty_object() -> None:
    assert read() == {}


@rows(
    ("parts", "fault_and_path"),
    [
        ([part("other", b"1")], ("undeclared", ("other",))),
        ([part("Title", b"1")], ("undeclared", ("Title",))),
        ([part("title[]", b"1")], ("undeclared", ("title[]",))),
        ([part("title", b"a"), part("title", b"b")], ("duplicate", ("title",))),
        ([part("file", b"ab"), part("file", b"cd")], ("duplicate", ("file",))),
        ([part("_charset_", b"utf-7")], ("undeclared", ("_charset_",))),
        ([part("count", b"three")], ("type", ("count",))),
        ([part("codes", b"1,b")], ("type", ("codes",))),
        ([part("title", b"\xff")], ("malformed", ("title",))),
        ([part("title", b"a\0")], ("malformed", ("title",))),
        ([part("title", b"a", "name.txt")], ("part", ("title",))),
        ([part("title", b"a", kind="text/html")], ("part", ("title",))),
        ([part("title", b"a", kind="text/plain; charset=utf-16")], ("part", ("title",))),
        ([part("title", b"a", kind="text")], ("part", ("title",))),
        ([part("title", b"a", kind="text/*")], ("part", ("title",))),
        ([part("meta", b"{}", kind="text/html")], ("part", ("meta",))),
        ([part("meta", b"{")], ("malformed_json", ("meta",))),
        ([part("meta", b"[" * 11 + b"]" * 11)], ("limit", ("meta",))),
        ([part("file", b"ab", "../x")], ("file_name", ("file",))),
        ([part("meta", b"{}", "../x", "application/json")], ("file_name", ("meta",))),
        ([part("file", b"a")], ("value", ("file",))),
        ([part("file", b"x" * 100_001)], ("value", ("file",))),
        ([part("file", b"ab", kind="multipart/mixed; boundary=Y")], ("part", ("file",))),
        ([part("photo", b"ab", kind="text/html")], ("part", ("photo",))),
        ([part("photo", b"ab")], ("part", ("photo",))),
        ([part("note", b"<!DOCTYPE a><note/>", kind="application/xml")], ("malformed", ("note",))),
        ([part("note", b"<note><z/></note>", kind="application/xml")], ("undeclared", ("note", "z"))),
        ([part("at[x]", b"1"), part("at[x]", b"2")], ("duplicate", ("at[x]",))),
        ([part("at[x][z]", b"1"), part("at[x]", b"2")], ("duplicate", ("at", "x"))),
        ([part("at[x", b"1")], ("part", ("at",))),
        ([part("at[x]", b"up")], ("type", ("at",))),
        ([part("tags", b"x")] * (MAX_PARTS + 1), ("limit", ())),
        ([part("tags", b"x" * (MAX_TEXT // 2))] * 3, ("limit", ("tags",))),
    ],
)
def test_what_is_wrong_with_a_part_is_said(parts: list[bytes], fault_and_path: tuple[str, Any]) -> None:
    kind, path = fault(*parts) if len(parts) < 3 else fault_at_once(*parts)
    assert (kind, path) == fault_and_path


def fault_at_once(*parts: bytes) -> tuple[str, tuple[str | int, ...]]:
    with pytest.raises(BodyError) as caught:
        read(*parts, step=65_536)
    return caught.value.fault, caught.value.path


def test_a_part_that_does_not_fit_ends_the_form_at_once() -> None:
    def fits(values: Any) -> bool:
        return "/root/schema/properties/title" not in values

    scanner = MultipartBody(plan(fits=fits), b"X").scanner()
    scanner.feed(part("count", b"3"))
    with pytest.raises(UnfitError) as caught:
        scanner.feed(part("title", b"t") + b"--X")
    assert (caught.value.key, caught.value.value) == ("/root/schema/properties/title", "t")
    assert caught.value.path == ("title",)


def test_an_item_that_does_not_fit_is_named_by_its_place() -> None:
    with pytest.raises(UnfitError) as caught:
        read(part("tags", b"a"), part("tags", b"b"), of=plan(fits=lambda values: "b" not in values.values()))
    assert caught.value.path == ("tags", 1)


def test_files_are_not_held() -> None:
    scanner = MultipartBody(plan({"type": "object", "properties": {"f": {**FILE, "maxLength": 10**9}}}), b"X").scanner()
    scanner.feed(part("f")[:-2])
    for _ in range(200):
        scanner.feed(b"x" * 65_536)
        assert len(scanner._reader._buffer) < 2 * 65_536
    assert not scanner._current.text


@pytest.mark.slow
def test_a_text_that_comes_byte_by_byte_takes_no_more_memory_than_another() -> None:
    scanner = MultipartBody(plan(), b"X").scanner()
    scanner.feed(part("title")[:-2])
    tracemalloc.start()
    try:
        for _ in range(20_000):
            scanner.feed(b"x")
        assert tracemalloc.get_traced_memory()[0] < 60_000
    finally:
        tracemalloc.stop()


def test_parts_of_any_name_where_there_may_be_some() -> None:
    assert read(part("a", b"\xff", "f"), part("b"), of=plan({"type": "object"})) == {"a": [""], "b": [""]}
    texts = {"type": "object", "additionalProperties": {"type": "integer"}}
    assert read(part("a", b"1"), of=plan(texts)) == {"a": 1}


def test_no_part_says_how_the_form_is_to_be_read_whatever_else_passes() -> None:
    for of in (plan(undeclared="allow"), plan({"type": "object"}), plan(undeclared="strip")):
        assert fault(part("_charset_", b"utf-7"), of=of) == ("undeclared", ("_charset_",))


def test_what_is_not_declared_is_passed_over_where_that_is_allowed() -> None:
    assert read(part("x", b"\xff" * 100), part("title", b"t"), of=plan(undeclared="allow")) == {"title": "t"}


def test_what_is_not_declared_is_left_out_where_that_is_asked() -> None:
    body = HeldMultipartBody(plan(undeclared="strip"), b"X")
    whole = part("x", b"\xff") + part("title", b"t") + part("file", b"\x00ab") + b"--X--\r\n"
    content = body.read(whole)
    assert content.value == {"title": "t", "file": "xx"}
    assert content.text == part("title", b"t") + part("file", b"\x00ab") + b"--X--\r\n"
    untouched = part("title", b"t") + b"--X--\r\n"
    assert body.read(untouched).text is None


def test_json_in_parts_is_written_anew_where_something_was_taken_out() -> None:
    body = HeldMultipartBody(plan(undeclared="strip"), b"X")
    with_length = part("meta", b'{"x": 1, "z": 2}').replace(b"\r\n\r\n", b"\r\nContent-Length: 16\r\n\r\n", 1)
    data = (
        with_length
        + part("points", b'{"z": 1}')
        + part("points", b'[{"x": 2, "z": 1}]')
        + part("at[x]", b"1")
        + b"--X--"
    )
    value = {"meta": {"x": 1}, "points": [{}, {"x": 2}], "at": {"x": 1}}
    data = data.removesuffix(b"--X--") + part("at[y]", b"up") + b"--X--"
    assert body.write(data, {**value, "tags": ["a"]}) is None
    assert body.write(data, value) == (
        part("meta", b'{"x":1}')
        + part("points", b"{}")
        + part("points", b'[{"x":2}]')
        + part("at[x]", b"1")
        + b"--X--\r\n"
    )
