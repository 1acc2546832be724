"""Requests for tests are what a mount would make of the same bytes."""

from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.target import TargetError
from portcullis.mounts.http1.request_head import parse_request_head
from portcullis.testing import make_request


def test_the_target_is_split_and_the_path_normalised() -> None:
    request = make_request("GET", "/a/../%7Eb?c=%20")
    assert (request.target, request.path, request.query) == ("/a/../%7Eb?c=%20", "/~b", "c=%20")


def test_field_names_are_lower_case_and_repeated_fields_are_joined() -> None:
    request = make_request(headers=[("X-A", "1"), ("Accept", "é"), ("x-a", "2")])
    assert list(request.fields) == [(b"x-a", b"1"), (b"accept", b"\xe9"), (b"x-a", b"2")]
    assert dict(request.headers) == {b"x-a": b"1, 2", b"accept": b"\xe9"}
    assert make_request(headers={"X-A": "1"}).header(b"x-a") == "1"


@rows(
    ("target", "headers", "host"),
    [
        ("/", {}, ""),
        ("/", {"Host": "Shop.Example:8443"}, "shop.example"),
        ("http://Shop.Example/x", {}, "shop.example"),
        ("https://shop.example:8443", {"Host": "shop.example:8443"}, "shop.example"),
    ],
)
def test_the_host_is_read_as_a_mount_reads_it(target: str, headers: dict[str, str], host: str) -> None:
    assert make_request("GET", target, headers).host == host


def test_a_body_makes_a_message_that_has_one() -> None:
    assert (make_request(body=b"{}").body, make_request(body=b"{}").has_body) == (b"{}", True)
    assert (make_request(body=b"").body, make_request(body=b"").has_body) == (b"", False)
    assert (make_request().body, make_request().has_body) == (None, False)


def test_client_and_scheme_are_what_the_test_says() -> None:
    request = make_request(client="2001:db8::1", scheme="http")
    assert (request.client, request.scheme) == ("2001:db8::1", "http")


@rows("target", ["", "x", "/..", "/a%2fb", "/a b", "/a#b", "*"])
def test_what_a_mount_would_refuse_can_not_be_made(target: str) -> None:
    with pytest.raises(TargetError):
        make_request("GET", target)


def test_the_mount_for_http_1_makes_the_same_of_the_same_request() -> None:
    wire = b"POST /a?b=1 HTTP/1.1\r\nHost: Shop.example\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 2\r\n\r\n"
    head = parse_request_head(wire, 4096)
    assert head is not None
    headers = [("Host", "Shop.example"), ("X-A", "1"), ("x-a", "2"), ("Content-Length", "2")]
    request = make_request("POST", "/a?b=1", headers, body=b"{}")
    assert list(request.fields) == list(head.fields)
    assert dict(request.headers) == dict(head.headers)
    assert (request.method, request.target, request.host) == (head.method, head.target, head.host)
