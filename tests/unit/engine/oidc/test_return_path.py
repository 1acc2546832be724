from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.oidc.return_path import MAX_RETURN_PATH, safe_return_path


@rows("target", ["/", "/shop", "/shop/", "/shop/orders?page=2&x=a%20b", "/a/b.c/d~e?next=//x", "/a%C3%A9"])
def test_a_path_of_this_site_is_kept(target: str) -> None:
    assert safe_return_path(target) == target


@rows(
    "target",
    [
        "",
        "shop",
        "//evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "https://evil.example",
        "/a//b",
        "/./a",
        "/a/../b",
        "/a/%2e%2E/b",
        "/%2f/evil.example",
        "/%5cevil.example/x/%2F/",
        "/a#b",
        "/a\r\n",
        "/a\n",
        "/a\x00b",
        "/a b",
        '/"',
        "/é",
        "/a`",
        "/" + "a" * MAX_RETURN_PATH,
    ],
)
def test_anything_else_leads_home(target: str) -> None:
    assert safe_return_path(target) == "/"


def test_the_paths_of_logging_in_are_never_meant() -> None:
    assert safe_return_path("/login?a=b", ["/login"]) == "/"
    assert safe_return_path("/login2", ["/login"]) == "/login2"


@given(st.text(alphabet="/\\.%@:?#ae2fF5cC\t\n é-", max_size=30))
def test_whatever_is_asked_for_a_browser_stays_at_this_origin(target: str) -> None:
    safe = safe_return_path(f"/{target}")
    assert urlsplit(urljoin("https://shop.example", safe)).netloc == "shop.example"
    assert urlsplit(f"https://shop.example{safe}").netloc == "shop.example"
