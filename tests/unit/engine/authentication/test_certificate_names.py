from __future__ import annotations

from collections.abc import Callable

import pytest
from rows import rows

from portcullis.engine.authentication.certificate_names import (
    check_dns,
    check_email,
    check_subject,
    check_uri,
    is_host,
    matches_host,
)


@rows(
    ("check", "value"),
    [
        (check_dns, "checkout.mesh.example"),
        (check_dns, "*.mesh.example"),
        (check_dns, "localhost"),
        (check_uri, "urn:shop:checkout"),
        (check_uri, "https://shop.example/a"),
        (check_email, "ops@shop.example"),
        (check_subject, "CN=checkout,O=Shop"),
    ],
)
def test_names_that_may_be_listed(check: Callable[[str], str], value: str) -> None:
    assert check(value) == value


@rows(
    ("check", "value"),
    [
        (check_dns, ""),
        (check_dns, "Checkout.mesh.example"),
        (check_dns, "*"),
        (check_dns, "*.example"),
        (check_dns, "*.*.mesh.example"),
        (check_dns, "a.*.example"),
        (check_dns, "a*.mesh.example"),
        (check_dns, "a..b"),
        (check_dns, "a b"),
        (check_dns, "a\0b"),
        (check_dns, "a.example\n"),
        (check_dns, "a" * 64 + ".example"),
        (check_dns, "a." * 130 + "example"),
        (check_uri, ""),
        (check_uri, "shop"),
        (check_uri, "urn:a b"),
        (check_uri, "urn:a\n"),
        (check_uri, "spiffe://example.internal/a"),
        (check_uri, "urn:" + "a" * 2048),
        (check_email, "ops"),
        (check_email, "a@b@c"),
        (check_email, "a b@c"),
        (check_email, "a@b\n"),
        (check_subject, ""),
        (check_subject, "checkout"),
        (check_subject, "CN="),
        (check_subject, "NO-SUCH-THING=a"),
    ],
)
def test_what_can_not_be_listed(check: Callable[[str], str], value: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check(value)


@rows(
    ("pattern", "host", "matching"),
    [
        ("a.mesh.example", "a.mesh.example", True),
        ("a.mesh.example", "b.a.mesh.example", False),
        ("*.mesh.example", "a.mesh.example", True),
        ("*.mesh.example", "mesh.example", False),
        ("*.mesh.example", "a.b.mesh.example", False),
        ("*.mesh.example", "amesh.example", False),
    ],
)
def test_a_wildcard_stands_for_one_label(pattern: str, host: str, matching: bool) -> None:
    assert matches_host(pattern, host) == matching


@rows("text", ["*.mesh.example", "a.example\0.mesh.example", "a..example", ".example", "a.example.", "A.example", ""])
def test_what_is_no_plain_host_name(text: str) -> None:
    assert not is_host(text)
