from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.relations.tuples import MAX_ID, RelationTuple, check_id, is_id, parse_object, parse_tuple

ALICE = RelationTuple("order#owner", "17", "user", "alice")


@rows(
    ("text", "expected"),
    [
        ("order:17#owner@user:alice", ALICE),
        ("order:17#viewer@group:staff#member", RelationTuple("order#viewer", "17", "group#member", "staff")),
        ("file:a/b:c#owner@user:auth0|1", RelationTuple("file#owner", "a/b:c", "user", "auth0|1")),
        ("o:a@b#r@u:c@d:e", RelationTuple("o#r", "a@b", "u", "c@d:e")),
        ("o:ü#r@u:名前", RelationTuple("o#r", "ü", "u", "名前")),
        ("o:1#r@service:spiffe://shop/web", RelationTuple("o#r", "1", "service", "spiffe://shop/web")),
    ],
)
def test_a_tuple_is_read_and_written_alike(text: str, expected: RelationTuple) -> None:
    assert parse_tuple(text) == expected
    assert str(expected) == text


@rows(
    "text",
    [
        *("", "order", "order:17", "order:17#owner", "order:17@user:alice", "order#owner@user:alice"),
        *(":17#owner@user:alice", "order:#owner@user:alice", "order:17#@user:alice", "order:17#owner@:alice"),
        *("order:17#owner@user:", "order:17#owner@user:a#", "order:17#owner@user:a#b#c", "or der:17#owner@user:a"),
        *("order:1 7#owner@user:a", "order:17#owner@user:a b", "order:17#owner@user:a\n", "order:1\t#owner@user:a"),
        *(
            "order:17#owner@user:*",
            "order:*#owner@user:a",
            "order:17#owner@user:a\u202eb",
            "order:17#owner@user:\ud800",
        ),
        *(f"order:{'x' * (MAX_ID + 1)}#owner@user:a", f"{'x' * 65}:1#owner@user:a", "-x:1#owner@user:a"),
    ],
)
def test_what_is_no_tuple_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_tuple(text)


def test_an_object_is_read() -> None:
    assert parse_object("order:17") == ("order", "17")
    for text in ("order", "order:", "order:1#x", "order:*", ":1"):
        with pytest.raises(ValueError):
            parse_object(text)


def test_nobody_is_everybody() -> None:
    with pytest.raises(ValueError, match=r"no \* for everybody"):
        check_id("*")
    assert not is_id("*")


IDS = st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters="#"), min_size=1, max_size=20)


@given(IDS.filter(is_id), IDS.filter(is_id), st.booleans())
def test_every_tuple_survives_being_written(object_id: str, subject_id: str, is_set: bool) -> None:
    made = RelationTuple("order#owner", object_id, "group#member" if is_set else "user", subject_id)
    assert parse_tuple(str(made)) == made
