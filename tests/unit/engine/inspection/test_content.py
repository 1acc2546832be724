from __future__ import annotations

from rows import rows

from portcullis.engine.inspection.content import SNIFFED, is_text, kind_of


@rows(
    ("content_type", "kind"),
    [
        (b"application/json", "json"),
        (b"Application/Vnd.Shop+JSON; charset=utf-8", "json"),
        (b"application/x-www-form-urlencoded", "form"),
        (b"multipart/form-data; boundary=x", "multipart"),
        (b"text/xml", "xml"),
        (b"application/soap+xml", "xml"),
        (b"image/svg+xml", "xml"),
        (b"text/plain", "text"),
        (b"text/html; charset=utf-8", "text"),
        (b"application/graphql", "text"),
        (b"image/png", "other"),
        (b"application/octet-stream", "other"),
        (b"application/x-unheard-of", "other"),
        (b"nonsense", "other"),
        (b"", "other"),
        (None, "other"),
    ],
)
def test_a_content_type_says_a_kind(content_type: bytes | None, kind: str) -> None:
    assert kind_of(content_type) == kind


@rows("data", [b"", b"plain text\r\n\t", "Grüße".encode(), b"x" * 10_000, "ü".encode() * 400])
def test_text_is_told_by_its_first_bytes(data: bytes) -> None:
    assert is_text(data)
    assert is_text(data[: SNIFFED - 1])


@rows(
    "data",
    [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
        b"%PDF-1.4\n%\xe2\xe3\xcf\xd3",
        b"a\x00b",
    ],
)
def test_what_is_no_text_is_told_too(data: bytes) -> None:
    assert not is_text(data)


def test_a_character_that_is_cut_by_the_end_of_what_is_looked_at_is_fine() -> None:
    assert is_text(b"x" * (SNIFFED - 1) + "ü".encode())
    assert not is_text(b"x" * (SNIFFED - 10) + b"\xc3 not a character")
