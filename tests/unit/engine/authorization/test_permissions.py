"""Permissions, and the patterns that give them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.authorization.permissions import check_pattern, check_permission, gives

SEGMENTS = st.from_regex(r"[a-z0-9._-]{1,6}", fullmatch=True)
PERMISSIONS = st.lists(SEGMENTS, min_size=1, max_size=8).map(":".join)


@rows(
    ("pattern", "permission", "does"),
    [
        ("orders:read", "orders:read", True),
        ("orders:read", "orders:write", False),
        ("orders:read", "orders", False),
        ("orders", "orders:read", False),
        ("orders:read", "orders:read:all", False),
        ("orders:read", "ORDERS:read", False),
        ("orders:*", "orders:read", True),
        ("orders:*", "orders:items:read", True),
        ("orders:*", "orders", False),
        ("orders:*", "ordersx:read", False),
        ("*:read", "orders:read", True),
        ("*:read", "orders:items:read", False),
        ("orders:*:read", "orders:items:read", True),
        ("orders:*:read", "orders:items:write", False),
        ("*", "orders", True),
        ("*", "orders:items:read", True),
        ("*:*", "orders", False),
        ("*:*", "orders:items:read", True),
    ],
)
def test_a_star_stands_for_a_segment_and_at_the_end_for_all_that_follow(
    pattern: str, permission: str, does: bool
) -> None:
    assert gives(pattern, permission) is does


@given(PERMISSIONS)
def test_a_permission_gives_itself_and_the_star_gives_all(permission: str) -> None:
    assert gives(permission, permission)
    assert gives("*", permission)


@given(PERMISSIONS, st.data())
def test_what_is_put_more_generally_gives_no_less(permission: str, data: st.DataObject) -> None:
    segments = permission.split(":")
    kept = data.draw(st.integers(1, len(segments)))
    hidden = data.draw(st.sets(st.integers(0, kept - 1)))
    pattern = ["*" if at in hidden else segment for at, segment in enumerate(segments[:kept])]
    if kept < len(segments):
        pattern[-1] = "*"
    assert gives(":".join(pattern), permission)


REFUSED = [
    "",
    ":",
    "a:",
    ":a",
    "a::b",
    "a b",
    "a:b\n",
    "a:b\0",
    "é",
    "٣",
    "a,b",
    "a/b",
    "x" * 65,
    ":".join("abcdefghi"),
]


@rows("text", [*REFUSED, "*", "a:*"], ids=ascii)
def test_what_is_no_permission_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="segments between colons"):
        check_permission(text)


@rows("text", [*REFUSED, "**", "a*", "a:*b", "*:"], ids=ascii)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a permission such as"):
        check_pattern(text)


@given(PERMISSIONS)
def test_every_permission_is_a_pattern(permission: str) -> None:
    assert check_pattern(check_permission(permission)) == permission
