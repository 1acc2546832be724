"""multipart/form-data on the wire: one way to read it, in pieces of any size, or none."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.media_type import parse
from portcullis.engine.openapi.bodies.errors import BodyError
from portcullis.engine.openapi.bodies.multipart_wire import (
    MAX_FIELDS,
    MAX_HEAD,
    MultipartReader,
    PartHead,
    boundary_of,
    read_head,
)

FIELD = b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n'


class Parts:
    """Notes the parts of a body."""

    def __init__(self) -> None:
        self.heads: list[PartHead] = []
        self.contents: list[bytes] = []
        self.pieces = 0
        self.open = False

    def begin(self, head: PartHead) -> None:
        assert not self.open
        self.open = True
        self.heads.append(head)
        self.contents.append(b"")

    def content(self, data: bytes) -> None:
        assert self.open
        assert data
        self.pieces += 1
        self.contents[-1] += data

    def finish(self) -> None:
        assert self.open
        self.open = False


def read(body: bytes, step: int = 0, boundary: bytes = b"X", max_parts: int = 100) -> Parts:
    parts = Parts()
    reader = MultipartReader(boundary, parts, max_parts)
    step = step or len(body) or 1
    for at in range(0, len(body), step):
        reader.feed(body[at : at + step])
    reader.end()
    assert not parts.open
    return parts


def fault(body: bytes, step: int = 0, **options: int) -> str:
    with pytest.raises(BodyError) as caught:
        read(body, step, **options)
    return caught.value.fault


def head(*lines: bytes) -> PartHead:
    return read_head(b"".join(line + b"\r\n" for line in lines))


BODY = (
    b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n'
    b'--X\r\ncontent-disposition: Form-Data; name="f"; filename="x y.png"\r\nContent-Type: image/png\r\n\r\n'
    b"\r\n--\r\n-\r\n--Y\r\n\x00\xff\r\n\r\n"
    b'--X\r\nContent-Disposition: form-data; name="empty"\r\n\r\n\r\n'
    b"--X--\r\n"
)


@rows("step", [0, *range(1, 12), 50])
def test_parts_are_read_whatever_pieces_they_come_in(step: int) -> None:
    parts = read(BODY, step)
    assert parts.contents == [b"one", b"\r\n--\r\n-\r\n--Y\r\n\x00\xff\r\n", b""]
    assert [(each.name, each.file_name, each.content_type) for each in parts.heads] == [
        ("a", None, None),
        ("f", "x y.png", "image/png"),
        ("empty", None, None),
    ]


@settings(max_examples=settings.default.max_examples // 2)
@given(
    st.lists(
        st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"X", b"a", b"\xff\x00"]), max_size=12).map(b"".join),
        max_size=4,
    ),
    st.integers(1, 9),
)
def test_what_is_in_parts_comes_out_as_it_was(contents: list[bytes], step: int) -> None:
    contents = [content for content in contents if b"--XX" not in content]
    body = b"".join(FIELD.replace(b"--X", b"--XX") + content + b"\r\n" for content in contents) + b"--XX--"
    assert read(body, step, b"XX").contents == contents


def test_the_last_line_end_may_be_left_out() -> None:
    assert read(FIELD + b"1\r\n--X--").contents == [b"1"]


def test_a_form_may_have_no_parts() -> None:
    assert read(b"--X--\r\n").contents == []


@rows(
    "body",
    [
        b"",
        b"--",
        b"--X",
        b"--X\r",
        b"--X-",
        b"--X\r\n",
        FIELD,
        FIELD + b"1",
        FIELD + b"1\r\n--X",
        FIELD + b"1\r\n--X-",
        FIELD + b"1\r\n--X--\r",
        b"\r\n" + FIELD + b"1\r\n--X--",
        b"preamble\r\n" + FIELD + b"1\r\n--X--",
        FIELD + b"1\r\n--X--epilogue",
        FIELD + b"1\r\n--X--\r\nepilogue",
        FIELD + b"1\r\n--X--\r\n\r\n",
        FIELD + b"1\r\n--X--\n",
        FIELD + b"1\r\n--X \r\n",
        FIELD + b"1\r\n--X\t\r\n",
        FIELD + b"1\r\n--X\n",
        FIELD + b"1\r\n--Xtra\r\n",
        FIELD + b"1\r\n--X-\r\n",
        FIELD + b"1\n--X--\r\n",
        FIELD + b"1\r--X--\r\n",
        FIELD + b"1--X--\r\n",
        FIELD + b"--X--\r\n",
        FIELD + b"a--Xb\r\n--X--\r\n",
        b"--Y\r\n" + FIELD,
        b"-X\r\n",
        FIELD.replace(b"X", b"x") + b"1\r\n--X--",
    ],
)
def test_what_could_be_read_in_two_ways_is_malformed(body: bytes) -> None:
    for step in (0, 1, 2, 7):
        assert fault(body, step) == "malformed"


def test_a_part_may_say_how_long_it_is() -> None:
    with_length = FIELD.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n")
    assert read(with_length + b"one\r\n--X--").contents == [b"one"]
    assert fault(with_length + b"four\r\n--X--", 1) == "malformed"
    assert fault(FIELD.replace(b"\r\n\r\n", b"\r\nContent-Length: +3\r\n\r\n") + b"one\r\n--X--") == "part"


def test_parts_and_their_fields_are_bounded() -> None:
    assert len(read((FIELD + b"1\r\n") * 5 + b"--X--", max_parts=5).heads) == 5
    assert fault((FIELD + b"1\r\n") * 6 + b"--X--", max_parts=5) == "limit"
    for step in (0, 100):
        assert fault(b"--X\r\nA: " + b"x" * MAX_HEAD + b"\r\n\r\n", step) == "limit"
        assert fault(b"--X\r\n" + b"x" * (MAX_HEAD + 100), step) == "limit"
    fields = b"".join(b"X-%d: 1\r\n" % number for number in range(MAX_FIELDS))
    assert fault(b"--X\r\n" + fields + b'Content-Disposition: form-data; name="a"\r\n\r\n') == "limit"


def test_content_is_passed_on_as_it_comes() -> None:
    parts = Parts()
    reader = MultipartReader(b"X", parts, 10)
    reader.feed(FIELD)
    for _ in range(100):
        reader.feed(b"\r" * 20_000)
    assert parts.pieces == 100
    assert len(reader._buffer) - reader._at < 10


def test_many_parts_take_little_time() -> None:
    body = (FIELD + b"1\r\n") * 8_000 + b"--X--"
    began = time.process_time()
    read(body, max_parts=8_000)
    assert time.process_time() - began < 1.5


@rows(
    ("text", "boundary"),
    [
        ("multipart/form-data; boundary=X", b"X"),
        ('multipart/form-data; boundary="a:b/c=?"', b"a:b/c=?"),
        ("multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxk", b"----WebKitFormBoundary7MA4YWxk"),
        ("multipart/form-data; boundary=" + "x" * 70, b"x" * 70),
    ],
)
def test_boundaries(text: str, boundary: bytes) -> None:
    assert boundary_of(parse(text)) == boundary


@rows(
    "text",
    [
        "multipart/form-data",
        'multipart/form-data; boundary=""',
        'multipart/form-data; boundary="a b"',
        'multipart/form-data; boundary="a "',
        'multipart/form-data; boundary="a;b"',
        "multipart/form-data; boundary=" + "x" * 71,
        'multipart/form-data; boundary="\xe9"',
    ],
)
def test_what_is_no_boundary(text: str) -> None:
    with pytest.raises(BodyError):
        boundary_of(parse(text))


@rows(
    ("value", "name", "file_name"),
    [
        (b'form-data; name="a"', "a", None),
        (b"FORM-DATA;name=a", "a", None),
        (b'form-data; name="a"; filename=""', "a", ""),
        (b'form-data; name="a;b"; filename="c; d.txt"', "a;b", "c; d.txt"),
        ('form-data; name="é"; filename="ü.png"'.encode(), "é", "ü.png"),
        (b"form-data; name=\"a\"; filename*=UTF-8''%C3%BC.png", "a", "ü.png"),
        ('form-data; name="a"; filename="ü.png"; filename*=UTF-8\'\'%C3%BC.png'.encode(), "a", "ü.png"),
    ],
)
def test_dispositions(value: bytes, name: str, file_name: str | None) -> None:
    found = head(b"Content-Disposition: " + value)
    assert (found.name, found.file_name) == (name, file_name)


@rows(
    "lines",
    [
        [],
        [b"Content-Type: text/plain"],
        [b"Content-Disposition: form-data"],
        [b'Content-Disposition: form-data; name=""'],
        [b'Content-Disposition: attachment; name="a"'],
        [b'Content-Disposition: form-data name="a"'],
        [b'Content-Disposition: form-data; name="a"; name="b"'],
        [b'Content-Disposition: form-data; name="a"; NAME="b"'],
        [b'Content-Disposition: form-data; name="a"; filename="b"; filename="c"'],
        [b"Content-Disposition: form-data; name=\"a\"; name*=UTF-8''b"],
        [b'Content-Disposition: form-data; name="a"; size=3'],
        [b'Content-Disposition: form-data; name="a"x'],
        [b'Content-Disposition: form-data; name="a";'],
        [b'Content-Disposition: form-data; name="a\\"b"'],
        [b'Content-Disposition: form-data; name="a'],
        [b"Content-Disposition: form-data; name=a b"],
        [b'Content-Disposition: form-data; name="\xff"'],
        [b'Content-Disposition: form-data; name="a"; filename="\xc0\xaf"'],
        [b"Content-Disposition: form-data; name=\"a\"; filename*=latin1''b"],
        [b'Content-Disposition: form-data; name="' + b"x" * 2000 + b'"'],
        [b'Content-Disposition: form-data; name="a"', b'Content-Disposition: form-data; name="b"'],
        [b'Content-Disposition: form-data; name="a"', b'content-disposition: form-data; name="a"'],
        [b'Content-Disposition: form-data; name="a"', b"Content-Type: text/plain", b"Content-Type: text/html"],
        [b'Content-Disposition: form-data;\r\n name="a"'],
        [b' Content-Disposition: form-data; name="a"'],
        [b'Content-Disposition : form-data; name="a"'],
        [b'Content-Disposition: form-data; name="a"', b"no colon"],
        [b'Content-Disposition: form-data; name="a"', b": empty"],
        [b'Content-Disposition: form-data; name="a"', b"X: a\nb"],
        [b'Content-Disposition: form-data; name="a"', b"X: a\rb"],
        [b'Content-Disposition: form-data; name="a"', b"X: a\0b"],
        [b'Content-Disposition: form-data; name="a"', b"Content-Transfer-Encoding: base64"],
        [b'Content-Disposition: form-data; name="a"', b"Content-Transfer-Encoding: quoted-printable"],
        [b'Content-Disposition: form-data; name="a"', b"Content-Encoding: gzip"],
        [b'Content-Disposition: form-data; name="a"', b"Content-Length: 1a"],
    ],
)
def test_header_fields_that_can_be_read_in_two_ways_are_refused(lines: list[bytes]) -> None:
    with pytest.raises(BodyError) as caught:
        head(*lines)
    assert caught.value.fault == "part"


def test_two_different_file_names_are_refused() -> None:
    with pytest.raises(BodyError) as caught:
        head(b'Content-Disposition: form-data; name="a"; filename="b"; filename*=UTF-8\'\'c')
    assert caught.value.fault == "file_name"


@rows("coding", [b"binary", b"8bit", b"7BIT"])
def test_plain_transfer_encodings_pass(coding: bytes) -> None:
    assert head(b'Content-Disposition: form-data; name="a"', b"Content-Transfer-Encoding: " + coding).name == "a"
