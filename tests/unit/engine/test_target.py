from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.codes import MALFORMED_REQUEST, MALFORMED_TARGET
from portcullis.engine.target import (
    TargetError,
    decode_segment,
    normalise_path,
    parse_host,
    read_target,
    split_target,
)


@rows(
    ("target", "parts"),
    [
        ("/", (None, "/", "")),
        ("/a/b?c=d", (None, "/a/b", "c=d")),
        ("/a?", (None, "/a", "")),
        ("/a??b?c", (None, "/a", "?b?c")),
        ("//a", (None, "//a", "")),
        ('/a"b\\c', (None, '/a"b\\c', "")),
        ("http://a", ("a", "/", "")),
        ("HTTPS://a:8443/b?c", ("a:8443", "/b", "c")),
        ("http://a?b", ("a", "/", "b")),
        ("http://u@a/", ("u@a", "/", "")),
        ("http://[::1]:80/x", ("[::1]:80", "/x", "")),
    ],
)
def test_a_target_is_split(target: str, parts: tuple[str | None, str, str]) -> None:
    assert split_target(target) == parts


@rows(
    "target",
    [
        "",
        "*",
        "a",
        "a:443",
        "?a",
        "http://",
        "http:///a",
        "http:/a",
        "ftp://a/",
        "/a#b",
        "/a?b#c",
        "http://a/#",
        "/a b",
        "/a\tb",
        "/a\n",
        "/a\r",
        "/a\x00",
        "/a\x7f",
        "/é",
        "/a?é",
        "/٣",
        "/\u2028",
    ],
)
def test_another_target_is_refused(target: str) -> None:
    with pytest.raises(TargetError) as caught:
        split_target(target)
    assert caught.value.code is MALFORMED_TARGET
    assert caught.value.detail.endswith(".")


@rows(
    ("path", "normal"),
    [
        ("/", "/"),
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("/A/b.json", "/A/b.json"),
        ("/a:b@c/!$&'()*+,=", "/a:b@c/!$&'()*+,="),
        ("/%41%7a%2D%5f%7E", "/Az-_~"),
        ("/a%2eb", "/a.b"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/%e2%82%ac", "/%E2%82%AC"),
        ("/a%20b", "/a%20b"),
        ("/a%3fb%23c%40", "/a%3Fb%23c%40"),
        ("/100%25", "/100%25"),
        ("/a%25b", "/a%25b"),
        ("/a%2541", "/a%2541"),
        ("/a;b=c/d", "/a;b=c/d"),
        ("/a;", "/a;"),
        ("/a/;b=c", "/a/;b=c"),
        ("/a/;b=c;b=d/e", "/a/;b=c;b=d/e"),
        ("/a%3Bb", "/a%3Bb"),
        ("/.well-known/x", "/.well-known/x"),
        ("/...", "/..."),
        ("/..a/b..", "/..a/b.."),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/b/../../c", "/c"),
        ("/a/b/..", "/a/"),
        ("/a/..", "/"),
        ("/a/.", "/a/"),
        ("/.", "/"),
        ("/./", "/"),
        ("/a//b", "/a/b"),
        ("/a///b//", "/a/b/"),
    ],
)
def test_a_path_has_one_normal_form(path: str, normal: str) -> None:
    assert normalise_path(path) == normal
    assert normalise_path(normal) == normal


@rows(
    ("path", "detail"),
    [
        ("", "start with a slash"),
        ("*", "start with a slash"),
        ("a/b", "start with a slash"),
        ("%2fa", "start with a slash"),
        ("//", "two slashes"),
        ("//evil.example/a", "two slashes"),
        ("/a\\b", "backslash"),
        ("/..\\a", "backslash"),
        ("/a%5cb", "encoded backslash"),
        ("/..%5Ca", "encoded backslash"),
        ("/a%2fb", "encoded slash"),
        ("/..%2F", "encoded slash"),
        ("/a#b", "fragment"),
        ("/a?b", "must be percent-encoded"),
        ("/a b", "must be percent-encoded"),
        ("/a|b", "must be percent-encoded"),
        ('/a"b', "must be percent-encoded"),
        ("/a<b>", "must be percent-encoded"),
        ("/{a}", "must be percent-encoded"),
        ("/a\n", "must be percent-encoded"),
        ("/a\r", "must be percent-encoded"),
        ("/a\x00", "must be percent-encoded"),
        ("/é", "beyond ASCII"),
        ("/٣", "beyond ASCII"),
        ("/\u2024\u2024/", "beyond ASCII"),
        ("/%", "two hex digits"),
        ("/%4", "two hex digits"),
        ("/%4/1", "two hex digits"),
        ("/%zz", "two hex digits"),
        ("/%u0041", "two hex digits"),
        ("/%00", "NUL"),
        ("/a%00.json", "NUL"),
        ("/%0a", "encoded control"),
        ("/%0D%0A", "encoded control"),
        ("/%7f", "encoded control"),
        ("/%c2%85", "encoded control"),
        ("/%ff", "UTF-8"),
        ("/%c3", "UTF-8"),
        ("/%c0%ae%c0%ae/", "UTF-8"),
        ("/%e0%80%ae", "UTF-8"),
        ("/%ed%a0%80", "UTF-8"),
        ("/%2e", "disguised"),
        ("/%2e%2e/a", "disguised"),
        ("/.%2e/a", "disguised"),
        ("/%2E./a", "disguised"),
        ("/a/..%20/b", "disguised"),
        ("/a/%20.", "disguised"),
        ("/a/..;/b", "disguised"),
        ("/a/..;x=y/b", "disguised"),
        ("/a/.;/b", "disguised"),
        ("/a/..%3b/b", "disguised"),
        ("/a/%2e%2e;/b", "disguised"),
        ("/;", "empty before its semicolon"),
        ("/a/;b/c", "empty before its semicolon"),
        ("/a/%3B", "empty before its semicolon"),
        ("/a/;b", "empty before its semicolon"),
        ("/a/;=b", "empty before its semicolon"),
        ("/a/;;b=c", "empty before its semicolon"),
        ("/a/%3Bb=c", "empty before its semicolon"),
        ("/a/;b=c/../d", "both"),
        ("/a/./;b=c/d", "both"),
        ("/a/%252e%252e/b", "encoded twice"),
        ("/a%252Fb", "encoded twice"),
        ("/a%255cb", "encoded twice"),
        ("/a%253b", "encoded twice"),
        ("/a%2500", "encoded twice"),
        ("/a%25252e", "encoded twice"),
        ("/a%25%32%65", "encoded twice"),
        ("/..", "above the root"),
        ("/../a", "above the root"),
        ("/a/../../b", "above the root"),
        ("/./..", "above the root"),
        ("/a//../b", "both"),
        ("/a/..//b", "both"),
        ("/.//b", "both"),
    ],
)
def test_a_path_that_can_be_read_otherwise_is_refused(path: str, detail: str) -> None:
    with pytest.raises(TargetError) as caught:
        normalise_path(path)
    assert detail in caught.value.detail
    assert caught.value.code is MALFORMED_TARGET


@rows("path", ["/a%2Fb", "/a%2fb", "/a/b%2Fc%2Fd/e", "/a%2Fb;c", "/a%2Fb.."])
def test_encoded_slashes_stay_within_their_segment_where_they_are_admitted(path: str) -> None:
    normal = normalise_path(path, encoded_slash=True)
    assert normal == path.replace("%2f", "%2F")
    assert normal.count("/") == path.count("/")
    assert normalise_path(normal, encoded_slash=True) == normal
    assert read_target(f"{path}?q") == (normal, "q")
    with pytest.raises(TargetError, match="encoded slash"):
        normalise_path(path)


@rows(
    "path",
    [
        "/%2Fa",
        "/a%2F",
        "/a%2F%2Fb",
        "/%2F",
        "/a%2F..%2Fb",
        "/a%2F..",
        "/..%2Fa",
        "/a%2F%2e%2e",
        "/a%2F.",
        "/a%2F..;x%2Fb",
        "/a%2F%20..%20%2Fb",
        "/a%2F;x",
        "/a%252Fb",
        "/a%2F%5Cb",
        "/a%2F%00",
    ],
)
def test_encoded_slashes_are_refused_where_a_service_could_climb_or_stumble(path: str) -> None:
    with pytest.raises(TargetError):
        normalise_path(path, encoded_slash=True)


TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
PIECES = st.sampled_from(
    [
        "a",
        "b",
        ".",
        "..",
        "/",
        "//",
        ";",
        "%",
        "%25",
        "2e",
        "2f",
        "%2e",
        "%2F",
        "%5c",
        "%3b",
        "%41",
        "%c3%a9",
        "%20",
        "\\",
        "+",
        "é",
    ]
)
PATHS = st.one_of(TEXT, st.lists(PIECES, max_size=10).map("".join)).map("/".__add__)


@given(PATHS)
def test_what_is_normalised_with_encoded_slashes_has_no_empty_or_dot_segments_for_who_decodes_them(path: str) -> None:
    try:
        normal = normalise_path(path, encoded_slash=True)
    except TargetError:
        return
    assert normalise_path(normal, encoded_slash=True) == normal
    for segment in normal[1:].split("/"):
        for part in decode_segment(segment).split("/") if "%2F" in segment else ():
            assert part.partition(";")[0].strip() not in ("", ".", "..")


@given(PATHS)
def test_what_is_normalised_has_one_reading(path: str) -> None:
    try:
        normal = normalise_path(path)
    except TargetError:
        return
    assert normalise_path(normal) == normal
    assert normal.startswith("/")
    assert normal.isascii()
    segments = normal[1:].split("/")
    assert "" not in segments[:-1]
    for segment in segments:
        decoded = decode_segment(segment)
        for text in (decoded, decode_segment(decoded) if "%" in decoded and is_escaped(decoded) else decoded):
            assert text.partition(";")[0].strip() not in (".", "..")
            assert "/" not in text
            assert "\\" not in text
            assert not any(ord(character) < 32 for character in text)


def is_escaped(text: str) -> bool:
    try:
        decode_segment(text)
    except TargetError:
        return False
    return True


VALUES = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="/\\%;"), max_size=8).map(
    "v".__add__
)


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_values_that_are_encoded_as_they_should_be_pass_unchanged(values: list[str]) -> None:
    path = "/" + "/".join(quote(value, safe="") for value in values)
    assert [decode_segment(segment) for segment in normalise_path(path)[1:].split("/")] == values


@rows(
    ("segment", "text"),
    [("", ""), ("a+b", "a+b"), ("a%20b", "a b"), ("%E2%82%ac", "€"), ("%2F", "/"), ("%0a", "\n"), ("é%41", "éA")],
)
def test_a_segment_is_decoded(segment: str, text: str) -> None:
    assert decode_segment(segment) == text


@rows("segment", ["%", "%4", "a%zz", "% 41", "%00", "a%00b", "%ff", "%c0%80", "%ed%a0%80", "%+4", "%\n41"])
def test_a_segment_that_cannot_be_decoded_is_refused(segment: str) -> None:
    with pytest.raises(TargetError):
        decode_segment(segment)


@rows(
    ("value", "host"),
    [
        ("a", "a"),
        ("API.Shop.Example", "api.shop.example"),
        ("a.example:8443", "a.example"),
        ("a.example.", "a.example"),
        ("a.example.:80", "a.example"),
        ("a_b-c.svc", "a_b-c.svc"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1:0", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("[2001:DB8:0:0::1]:65535", "[2001:db8::1]"),
        ("[::ffff:1.2.3.4]", "[::ffff:102:304]"),
        ("1a.2b", "1a.2b"),
        ("a" * 253, "a" * 253),
    ],
)
def test_a_host_is_read_without_its_port(value: str, host: str) -> None:
    assert parse_host(value) == host


@rows(
    "value",
    [
        "",
        " ",
        ":80",
        ".",
        ".a",
        "a..b",
        "a..",
        "a:",
        "a:b",
        "a:+1",
        "a:65536",
        "a:000080",
        "a:٣",
        "a:80:80",
        "a b",
        "a\t",
        "a\n",
        "a\r\n",
        "a\x00",
        "a,b",
        "a/b",
        "a?b",
        "a#b",
        "a\\b",
        "u@a",
        "u:p@a",
        "a%41",
        "a=5000",
        "é",
        "ⓐ",
        "\xff",
        "1",
        "127.1",
        "1.2.3.4.5",
        "0x7f000001",
        "1.2.3.0x4",
        "0177.0.0.1",
        "1.2.3.256",
        "a.1",
        "::1",
        "[]",
        "[::1",
        "[::1]x",
        "[:::1]",
        "[1.2.3.4]",
        "[fe80::1%25eth0]",
        "[fe80::1%eth0]",
        "[v1.a]",
        "a" * 254,
        "a" * 300,
    ],
)
def test_what_is_no_host_is_refused(value: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_host(value)
    assert caught.value.code is MALFORMED_REQUEST


def test_urls_that_another_parser_rejects_are_refused(corpora: Path) -> None:
    with gzip.open(corpora / "http" / "llhttp.jsonl.gz", "rt", encoding="utf-8") as lines:
        cases = [case for case in map(json.loads, lines) if case["kind"] == "url"]
    assert len(cases) > 15
    for case in cases:
        url = base64.b64decode(case["raw_base64"]).decode("latin-1")
        try:
            authority, path, _ = split_target(url)
            normalise_path(path)
            if authority is not None:
                parse_host(authority)
        except TargetError:
            # Fragments, user information and zone identifiers are in the corpus, but in no request.
            assert case["strict"] == "reject" or "#" in url or "@" in url or "%" in url, case["id"]
        else:
            assert case["strict"] == "accept", case["id"]


@rows("target", ["/a/./b?x=1", "/a" * 200 + "?x", "http://shop/a"])
def test_reading_a_target_again_gives_the_same(target):
    _, path, query = split_target(target)
    assert read_target(target) == read_target(target) == (normalise_path(path), query)


@rows("target", ["/a%00", "/" + "a" * 300 + "/%2e%2e/", "*"])
def test_a_target_that_is_refused_is_refused_every_time(target):
    for _ in range(2):
        with pytest.raises(TargetError):
            read_target(target)
