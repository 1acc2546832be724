"""Origins of pages."""

from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.origins import Origins, check_origin, is_own
from portcullis.engine.request import RequestView


@rows("value", ["https://a.example", "http://localhost:3000", "https://*.example.com", "*"])
def test_an_origin_is_written_as_browsers_send_it(value: str) -> None:
    assert check_origin(value) == value


@rows(
    "value", ["a.example", "https://a.example/", "https://A.example", "ws://a.example", "null", "https://a.example\n"]
)
def test_what_is_no_origin_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="must be an origin"):
        check_origin(value)


def test_a_wildcard_stands_for_the_hosts_below_a_domain_only() -> None:
    origins = Origins(["https://*.example.com"])
    assert origins.allow("https://a.example.com")
    assert not origins.allow("https://example.com")
    assert not origins.allow("https://evil.example/.example.com")


def test_an_api_has_the_origin_of_scheme_and_host() -> None:
    request = RequestView("GET", "/", (), {b"host": b"Shop:8080"}, scheme="http")
    assert is_own("http://shop:8080", request)
    assert not is_own("https://shop:8080", request)
    assert not is_own("http://shop", request)
