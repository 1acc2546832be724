"""Names, hosts, paths and URLs: what is understood, and what is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.config.names import (
    check_base_path,
    check_database,
    check_field_name,
    check_file_path,
    check_host,
    check_list_place,
    check_name,
    check_operation,
    check_proxy,
    check_upstream,
    check_url,
    is_loopback,
)

NEVER = ["", " ", "a\nb", "a\n", "\n", "a\0", "a\r", "\t", "a b", "é", "a\u2028"]
"""What no name, host, path or URL may hold."""


@rows(
    ("check", "good", "bad"),
    [
        (check_name, ["v1", "2024-01-01", "1.10", "Shop_2", "a" * 64], ["-a", ".a", "_a", "a/b", "a" * 65, "a:b"]),
        (
            check_host,
            [
                "*",
                "api.shop.example",
                "*.shop.example",
                "127.0.0.1",
                "[::1]",
                "localhost",
                "xn--caf-dma.example",
                "a_b.c",
            ],
            [
                "A.example",
                "**",
                "*.*.a",
                "a.*.b",
                "*a.b",
                "a..b",
                ".a",
                "a.",
                "-a.b",
                "a.b:80",
                "http://a",
                "a/b",
                "::1",
                "[::g]",
                "[::1%1]",
                "[]",
                "a" * 64,
                ".".join(["a" * 60] * 5),
                "*.",
            ],
        ),
        (
            check_base_path,
            ["/", "/shop", "/a/b.c/~d_e-f"],
            ["shop", "/shop/", "//", "/a//b", "/a/../b", "/.", "/a%2fb", "/a;b", "/a?b", "/a#b", "/{id}", "\\a"],
        ),
        (check_field_name, ["API-Version", "x"], ["a:b", "a(b", "a" * 65, '"a"']),
        (
            check_operation,
            ["GET /", "POST /orders/{order_id}", "DELETE /a/{b}.json", "HEAD /x:y"],
            [
                "get /",
                "GET",
                "GET x",
                "GET  /",
                "GET /{",
                "GET /}",
                "GET /{}",
                "GET /{a{b}}",
                "FETCH /x",
                "/x",
                "GET /{a/b}",
            ],
        ),
        (
            check_upstream,
            [
                "https://shop",
                "https://shop.internal:9000/",
                "http://127.0.0.1:9000",
                "http://[::1]:1",
                "http://localhost",
                "https://192.0.2.1",
            ],
            [
                "HTTPS://shop",
                "http://shop",
                "http://10.0.0.1",
                "ftp://127.0.0.1",
                "https://",
                "https://u@h",
                "https://u:p@h",
                "https://h/x",
                "https://h?",
                "https://h?x",
                "https://h#",
                "https://h:0",
                "https://h:99999",
                "https://h:x",
                "//h",
                "h:80",
                "https://h\\x",
                "https://-h",
                "https://*.h",
                "https://[::1",
                "https://[v1.x]",
                "https://%61",
            ],
        ),
        (
            check_list_place,
            ["tls/root.crl", "/etc/pki/root.crl", "http://pki.example.com/root.crl", "https://pki:8443/a.crl"],
            ["http://u:p@pki/", "http://pki/?a", "ldap://pki/cn=root", "http://pki:0/", "ftp://pki/a.crl"],
        ),
        (
            check_url,
            ["https://id.example.com", "https://id:8443/a/b%20c", "http://127.0.0.1:1/keys", "https://[::1]/"],
            [
                "http://id.example.com/",
                "https://u:p@h/",
                "https://h/a?b",
                "https://h/#f",
                "https://h:0/",
                "ftp://h/",
                "h",
            ],
        ),
        (
            check_proxy,
            ["http://proxy.internal:3128", "https://proxy", "http://127.0.0.1:1/"],
            ["http://u:p@proxy", "http://proxy/x", "socks5://proxy", "proxy:3128", "http://proxy:0"],
        ),
        (check_file_path, ["a", "/a/b", "../c", "ä.pem", "a b"], ["a\0", "a" * 1025, "a\x1bb"]),
        (
            check_database,
            ["sqlite:///a.db", "sqlite:////var/a.db"],
            ["sqlite://", "postgresql://u:p@h/d", "a.db", "sqlite:///a?mode=ro"],
        ),
    ],
)
def test_names_hosts_paths_and_urls_are_strict(check: Callable[[str], str], good: list[str], bad: list[str]) -> None:
    for value in good:
        assert check(value) == value
    never = ["", "a\n", "\n"] if check in (check_file_path, check_list_place) else NEVER
    for value in [*never, *bad, *(f"{value}\n" for value in good)]:
        with pytest.raises(ValueError):
            check(value)


def test_refusals_of_common_slips_say_what_to_write() -> None:
    for check, value, hint in [
        (check_host, "API.example", "lower case: api.example"),
        (check_host, "https://a", "without scheme"),
        (check_host, "a:80", "without a port"),
        (check_operation, "get /x", "capitals: GET"),
        (check_upstream, "http://shop", "plain http is for services on this machine only"),
        (check_upstream, "https://u:p@shop", "without user name"),
        (check_upstream, "https://shop/x", "upstream.path"),
    ]:
        with pytest.raises(ValueError, match=hint):
            check(value)


def test_loopback_is_this_machine() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "10.0.0.1", "localhost.evil.example", ""))


@given(st.text())
def test_no_check_fails_in_another_way(text: str) -> None:
    checks: list[Callable[[str], object]] = [check_name, check_host, check_base_path, check_upstream, check_operation]
    checks += [check_url, check_proxy, check_field_name, check_file_path, check_database, is_loopback]
    for check in checks:
        with contextlib.suppress(ValueError):
            check(text)
