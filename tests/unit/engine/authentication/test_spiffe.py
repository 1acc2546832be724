from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.authentication.spiffe import (
    SpiffeError,
    check_pattern,
    check_trust_domain,
    id_of,
    matches,
    split_id,
)
from portcullis.engine.peer_certificate import PeerCertificate
from portcullis.testing.certificates import Authority

DETAILS = PeerCertificate(Authority("mesh").issue().der).details


@rows(
    ("text", "domain", "segments"),
    [
        ("spiffe://example.internal/a", "example.internal", ("a",)),
        ("spiffe://example.internal/ns/prod/sa/checkout", "example.internal", ("ns", "prod", "sa", "checkout")),
        ("spiffe://1_a-b.c/A.b_c-D/...", "1_a-b.c", ("A.b_c-D", "...")),
    ],
)
def test_a_name_has_a_trust_domain_and_a_path(text: str, domain: str, segments: tuple[str, ...]) -> None:
    assert split_id(text) == (domain, segments)


@rows(
    "text",
    [
        "",
        "spiffe:",
        "spiffe://",
        "spiffe:///a",
        "spiffe://example.internal",
        "spiffe://example.internal/",
        "spiffe://example.internal/a/",
        "spiffe://example.internal//a",
        "spiffe://example.internal/./a",
        "spiffe://example.internal/a/..",
        "spiffe://example.internal/a%2Fb",
        "spiffe://example.internal/a?b",
        "spiffe://example.internal/a#b",
        "spiffe://example.internal/a b",
        "spiffe://example.internal/a\n",
        "spiffe://example.internal/a\0",
        "spiffe://example.internal/ä",
        "spiffe://Example.internal/a",
        "spiffe://example.internal:1/a",
        "spiffe://u@example.internal/a",
        "spiffe://exämple/a",
        "SPIFFE://example.internal/a",
        "https://example.internal/a",
        " spiffe://example.internal/a",
        "spiffe://" + "a" * 256 + "/a",
        "spiffe://example.internal/" + "a" * 2048,
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(SpiffeError):
        split_id(text)


@given(st.text(max_size=40))
def test_a_name_is_written_in_one_way_only(text: str) -> None:
    try:
        domain, segments = split_id(f"spiffe://{text}")
    except SpiffeError:
        return
    assert f"{domain}/{'/'.join(segments)}" == text
    assert "%" not in text
    assert domain == domain.lower()


def test_a_certificate_proves_the_one_name_that_it_has() -> None:
    text = "spiffe://example.internal/a/b"
    assert id_of(msgspec.structs.replace(DETAILS, uris=(text,))) == (text, "example.internal", ("a", "b"))


@rows("uris", [(), ("spiffe://a/b", "spiffe://a/b"), ("spiffe://a/b", "urn:c"), ("urn:c",)])
def test_a_certificate_without_exactly_one_uri_proves_none(uris: tuple[str, ...]) -> None:
    with pytest.raises(SpiffeError):
        id_of(msgspec.structs.replace(DETAILS, uris=uris))


def test_an_authority_is_no_workload() -> None:
    with pytest.raises(SpiffeError, match="may sign others"):
        id_of(msgspec.structs.replace(DETAILS, uris=("spiffe://a/b",), is_authority=True))


@rows("value", ["example.internal", "a", "1.2.3.4", "a_b-c"])
def test_trust_domains(value: str) -> None:
    assert check_trust_domain(value) == value


@rows("value", ["", "Example", "a/b", "a:1", "spiffe://a", "a b", "ä", "a\n", "*", "a" * 256])
def test_what_is_no_trust_domain(value: str) -> None:
    with pytest.raises(ValueError, match="lower-case letters"):
        check_trust_domain(value)


@rows(
    ("pattern", "path", "matching"),
    [
        ("/a/b", "a/b", True),
        ("/a/b", "a/b/c", False),
        ("/a/b", "a", False),
        ("/a/b", "a/B", False),
        ("/*/b", "a/b", True),
        ("/*/b", "a/x/b", False),
        ("/a/*", "a/b", True),
        ("/a/*", "a", False),
        ("/a/*", "a/b/c", False),
        ("/**", "a", True),
        ("/**", "a/b/c", True),
        ("/a/**", "a/b", True),
        ("/a/**", "a/b/c", True),
        ("/a/**", "a", False),
        ("/a/**", "ab/c", False),
        ("/*/sa/**", "x/sa/y", True),
        ("/*/sa/**", "x/sb/y", False),
    ],
)
def test_patterns_go_by_segments(pattern: str, path: str, matching: bool) -> None:
    assert check_pattern(pattern) == pattern
    assert matches(pattern, tuple(path.split("/"))) == matching


@rows(
    "pattern",
    ["", "/", "a/b", "/a/", "//a", "/a*", "/*a", "/**/a", "/a/**/b", "/../a", "/a/.", "/a b", "/a\n", "spiffe://a/b"],
)
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match="a path such as"):
        check_pattern(pattern)
