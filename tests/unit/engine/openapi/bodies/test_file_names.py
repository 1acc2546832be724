"""Names of uploaded files: plain names pass, whatever they are written in, and nothing else does."""

from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.openapi.bodies.file_names import MAX_BYTES, fault_of_file_name, read_extended


@rows(
    "name",
    [
        "report.pdf",
        "Übersicht (final) 2024.xlsx",
        "résumé.doc",
        "写真 1.png",
        "👩‍👩‍👧.jpeg",
        "Report… v2.pdf",
        "archive.tar.gz",
        "file..txt",
        ".env.example",
        "100%.txt",
        "100%25.txt",
        "a+b=c&d;e,f.txt",
        "Screenshot at 10:30:00.png",
        "it's.txt",
        "",
        "blob",
        "x" * MAX_BYTES,
    ],
)
def test_plain_names_pass(name: str) -> None:
    assert fault_of_file_name(name) == ""


@rows(
    ("name", "fault"),
    [
        ("../../etc/passwd", "holds a path"),
        ("/etc/passwd", "holds a path"),
        ("a/b", "holds a path"),
        (r"..\..\windows\win.ini", "holds a path"),
        ("a\\b", "holds a path"),
        ("..", "is a path"),
        (".", "is a path"),
        ("...", "is a path"),
        ("..%2f..%2fetc", "is a path"),
        ("a%2fb", "holds a path"),
        ("a%252fb", "holds a path"),
        ("a%25252fb", "is percent-encoded again and again"),
        ("a%5cb", "holds a path"),
        ("%2e%2e", "is a path"),
        ("a%c0%afb", "holds percent codes that are not UTF-8"),
        ("a\uff0fb", "holds a path"),
        ("a\uff3cb", "holds a path"),
        ("\u2025", "is a path"),
        ("%ef%bc%8f", "holds a path"),
        ("a\0.png", "holds control characters"),
        ("a%00.png", "holds control characters"),
        ("a\n.png", "holds control characters"),
        ("a\x7f", "holds control characters"),
        ("a\x85", "holds control characters"),
        ("a\u2028b", "holds control characters"),
        ("a\ud800", "holds control characters"),
        ("photo\u202egnp.exe", "holds characters that turn its direction"),
        ("photo\u2067gnp.exe", "holds characters that turn its direction"),
        ("C:evil.txt", "names a drive or a stream"),
        ("shell.php::$DATA", "names a drive or a stream"),
        ("shell.php.", "begins or ends with a blank, or ends with a dot"),
        ("shell.php ", "begins or ends with a blank, or ends with a dot"),
        (" x", "begins or ends with a blank, or ends with a dot"),
        ("x" * (MAX_BYTES + 1), "is longer than 255 bytes"),
        ("é" * 128, "is longer than 255 bytes"),
    ],
)
def test_what_is_more_than_a_name_does_not(name: str, fault: str) -> None:
    assert fault_of_file_name(name) == fault


def test_extended_values_are_read() -> None:
    assert read_extended("UTF-8''na%C3%AFve%20file.txt") == "naïve file.txt"
    assert read_extended("utf-8'en'a") == "a"


@rows("value", ["a", "iso-8859-1''a", "UTF-8''%ff", "UTF-8''a b", "UTF-8''%4", "UTF-8'a", "UTF-8''\"", ""])
def test_what_is_no_extended_value_in_utf8_is_not(value: str) -> None:
    with pytest.raises(ValueError):
        read_extended(value)
