from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.relations.mistakes import mistakes

SOUND: dict[str, Any] = {
    "user": ["staff"],
    "device": {},
    "group": {"member": ["user", "group#member"]},
    "folder": {"viewer": ["user"]},
    "order": {
        "parent": ["folder"],
        "owner": ["user"],
        "viewer": ["owner", "group#member", "folder#viewer via parent"],
    },
}


def test_what_is_sound_has_no_mistake() -> None:
    assert list(mistakes(SOUND)) == []


@rows(
    ("change", "path", "message"),
    [
        ({"web": ["staff"]}, ("web", 0), "callers proven by staff are of the type user already"),
        ({"user": ["staff", "staff"]}, ("user", 1), "callers proven by staff are of the type user already"),
        ({"x": {"a": []}}, ("x", "a"), "nobody can have it"),
        ({"x": {"a": ["user", "user"]}}, ("x", "a", 1), "user stands there twice"),
        ({"x": {"a": ["usr"]}}, ("x", "a", 0), "there is no type usr, and x has no relation usr"),
        ({"x": {"a": ["a"]}}, ("x", "a", 0), "a can't imply itself"),
        ({"x": {"a": ["user"], "user": ["device"]}}, ("x", "a", 0), "user is a type and a relation of x"),
        ({"x": {"a": ["grp#member"]}}, ("x", "a", 0), "there is no type grp"),
        ({"x": {"a": ["group#members"]}}, ("x", "a", 0), "group has no relation members"),
        ({"x": {"a": ["user#member"]}}, ("x", "a", 0), "user has no relation member"),
        ({"x": {"a": ["folder#viewer via up"]}}, ("x", "a", 0), "x has no relation up"),
        ({"x": {"up": ["user"], "a": ["folder#viewer via up"]}}, ("x", "a", 0), "no folder is up of x"),
        ({"x": {"a": ["b", "user"], "b": ["c"], "c": ["a"]}}, ("x", "a", 0), "it implies itself: a < b < c < a"),
    ],
)
def test_a_mistake_is_told_where_it_is(change: dict[str, Any], path: tuple[str | int, ...], message: str) -> None:
    first = next(mistakes({**SOUND, **change}))
    assert first.path == path
    assert first.message.startswith(message)
    assert first.hint


def test_everything_in_a_circle_is_told() -> None:
    found = list(mistakes({**SOUND, "x": {"a": ["b"], "b": ["a"]}}))
    assert [mistake.path for mistake in found] == [("x", "a", 0), ("x", "b", 0)]
