from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.oidc.browser import cross_site_check, is_page_load
from portcullis.engine.policies.authenticate.oidc import OidcConfig
from portcullis.testing.requests import make_request

BASE = {"issuer": "https://id.example.com", "client_id": "shop", "origin": "https://shop.example.com"}


@rows(
    ("method", "fields", "is_page"),
    [
        ("GET", {"sec-fetch-mode": "navigate"}, True),
        ("GET", {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, True),
        ("GET", {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, False),
        ("GET", {"sec-fetch-mode": "cors", "accept": "text/html"}, False),
        ("GET", {"accept": "text/html,application/xhtml+xml"}, True),
        ("GET", {"accept": "*/*"}, False),
        ("GET", {}, False),
        ("POST", {"sec-fetch-mode": "navigate", "accept": "text/html"}, False),
        ("HEAD", {"sec-fetch-mode": "navigate"}, False),
    ],
)
def test_what_a_browser_will_show_is_a_page_load(method: str, fields: dict[str, str], is_page: bool) -> None:
    assert is_page_load(make_request(method, headers=fields)) == is_page


@rows(
    ("said", "origin", "is_ours"),
    [
        ({}, "https://shop.example.com", True),
        ({}, "https://app.example.com", False),
        ({"csrf": {"origins": ["https://app.example.com"]}}, "https://app.example.com", True),
    ],
)
def test_the_origin_and_those_that_the_file_names_are_ours(said: dict[str, Any], origin: str, is_ours: bool) -> None:
    check = cross_site_check("#/x", OidcConfig.model_validate({**BASE, **said}))
    assert (check.check(make_request("POST", headers={"origin": origin}), b"s" * 32) is None) == is_ours
