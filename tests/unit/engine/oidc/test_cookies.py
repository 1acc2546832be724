from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.oidc.cookies import (
    DuplicateCookieError,
    check_host_cookie,
    clear_cookie,
    read_cookie,
    set_cookie,
)
from portcullis.testing.requests import make_request

NAME = b"__Host-session"


@rows(
    ("field", "value"),
    [
        (None, None),
        ("", None),
        ("a=b", None),
        ("__Host-session=x", b"x"),
        ("a=b; __Host-session=x; c=d", b"x"),
        ("a=b;__Host-session=x", b"x"),
        ("__Host-session=", b""),
        ("__Host-session=a=b", b"a=b"),
        ("__Host-session", None),
        ("__host-session=x", None),
        ("x__Host-session=x", None),
        ("__Host-session-login=x", None),
        ("a=__Host-session", None),
    ],
)
def test_a_cookie_is_found_by_its_very_name(field: str | None, value: bytes | None) -> None:
    headers = {} if field is None else {"cookie": field}
    assert read_cookie(make_request(headers=headers), NAME) == value


@rows(
    "fields",
    [
        ["__Host-session=x; __Host-session=x"],
        ["__Host-session=x", "__Host-session=y"],
        ["__Host-session=; a=b;__Host-session=z"],
    ],
)
def test_one_that_stands_twice_is_refused(fields: list[str]) -> None:
    with pytest.raises(DuplicateCookieError):
        read_cookie(make_request(headers=[("cookie", field) for field in fields]), NAME)


def test_cookies_are_bound_to_this_host_and_seen_by_no_script() -> None:
    attributes = b"Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax"
    assert set_cookie("__Host-a", "b", 60.9) == (b"set-cookie", b"__Host-a=b; " + attributes)
    assert clear_cookie("__Host-a") == (b"set-cookie", b"__Host-a=; " + attributes.replace(b"60", b"0"))


@rows(
    "name",
    [
        "session",
        "__Secure-a",
        "__host-a",
        "__Host-",
        "__Host-a b",
        "__Host-a;b",
        "__Host-a=b",
        "__Host-" + "a" * 65,
        "__Host-é",
        "__Host-a\n",
    ],
)
def test_a_name_that_any_host_could_set_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="__Host-"):
        check_host_cookie(name)
