from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.relations.checking import (
    DIRECT,
    MAX_DEPTH,
    MAX_OBJECTS,
    RelationLimitError,
    RelationWorkError,
    Work,
    is_related,
)
from portcullis.engine.relations.model import RelationModel
from portcullis.engine.relations.tuples import RelationTuple, parse_tuple
from portcullis.testing.fakes import FakeRelations

MODEL = RelationModel(
    {
        "user": ["staff"],
        "group": {"member": ["user", "group#member"]},
        "folder": {"parent": ["folder"], "viewer": ["user", "group#member", "folder#viewer via parent"]},
        "order": {
            "parent": ["folder"],
            "owner": ["user"],
            "viewer": ["owner", "user", "group#member", "folder#viewer via parent"],
        },
    }
)


def check(tuples: Iterable[str], asked: str) -> bool:
    store = FakeRelations(tuples)
    given = parse_tuple(asked)
    type_, _, relation = given.relation.partition("#")
    return store.check(MODEL.path(type_, relation, given.kind), given.object_id, given.subject_id, Work())


SHARED = [
    "order:1#owner@user:alice",
    "order:1#viewer@group:staff#member",
    "group:staff#member@group:sales#member",
    "group:sales#member@user:bob",
    "order:1#parent@folder:inner",
    "folder:inner#parent@folder:outer",
    "folder:outer#viewer@user:carol",
    "folder:outer#viewer@group:audit#member",
    "group:audit#member@user:dave",
]


@rows("who", ["alice", "bob", "carol", "dave"])
def test_whoever_is_led_to_is_related(who: str) -> None:
    assert check(SHARED, f"order:1#viewer@user:{who}")


@rows(
    "asked",
    ["order:1#owner@user:bob", "order:2#viewer@user:alice", "order:1#viewer@user:Alice", "order:1#viewer@user:staff"],
)
def test_nobody_else_is(asked: str) -> None:
    assert not check(SHARED, asked)


def test_circles_of_groups_end() -> None:
    circle = ["order:1#viewer@group:a#member", "group:a#member@group:b#member", "group:b#member@group:a#member"]
    assert not check(circle, "order:1#viewer@user:bob")
    assert check([*circle, "group:b#member@user:bob"], "order:1#viewer@user:bob")


def test_a_set_is_related_as_its_tuple_says_and_to_itself() -> None:
    assert check(SHARED, "order:1#viewer@group:staff#member")
    assert check(SHARED, "order:1#viewer@group:sales#member")
    assert check(SHARED, "group:sales#member@group:sales#member")
    assert not check(SHARED, "group:sales#member@group:staff#member")


def chain(length: int) -> list[str]:
    groups = [f"group:{n}#member@group:{n + 1}#member" for n in range(length)]
    return ["order:1#viewer@group:0#member", *groups, f"group:{length}#member@user:bob"]


def test_what_lies_too_deep_has_no_answer() -> None:
    assert check(chain(MAX_DEPTH - 2), "order:1#viewer@user:bob")
    with pytest.raises(RelationLimitError, match="levels"):
        check(chain(MAX_DEPTH - 1), "order:1#viewer@user:bob")
    with pytest.raises(RelationLimitError):
        check(chain(MAX_DEPTH - 1), "order:1#viewer@user:eve")


@pytest.mark.slow
def test_what_has_too_many_ways_has_no_answer_whoever_asks() -> None:
    wide = [f"order:1#viewer@group:{n}#member" for n in range(MAX_OBJECTS)]
    for who in ("bob", "eve"):
        with pytest.raises(RelationLimitError, match="objects"):
            check([*wide, "group:0#member@user:bob"], f"order:1#viewer@user:{who}")
    assert check([*wide[1:], f"group:{MAX_OBJECTS - 1}#member@user:bob"], "order:1#viewer@user:bob")
    assert check([*wide, "order:1#viewer@user:bob"], "order:1#viewer@user:bob")


def test_each_node_is_looked_at_once_and_a_direct_hit_ends_the_search() -> None:
    looked: list[str] = []

    def lookup(number: int, object_id: str) -> Iterable[tuple[int, str]]:
        looked.append(f"{number}:{object_id}")
        yield (DIRECT, "") if object_id == "b" else (0, "a")
        yield (0, "a")
        yield (0, "b")

    assert is_related(MODEL.path("group", "member", "user"), "g", "bob", lookup, Work())
    assert looked == ["0:g", "0:a", "0:b"]


def test_checks_that_are_made_together_are_bounded_together() -> None:
    store, work = FakeRelations(SHARED), Work(7)
    viewer = MODEL.path("order", "viewer", "user")
    assert store.check(viewer, "1", "bob", work)
    assert work.left < 5
    work.left = 1
    assert not store.check(viewer, "2", "bob", work)
    with pytest.raises(RelationWorkError):
        store.check(viewer, "2", "bob", work)


def test_without_a_way_nothing_is_looked_at() -> None:
    def lookup(number: int, object_id: str) -> Iterable[tuple[int, str]]:
        raise AssertionError

    assert not is_related(MODEL.path("order", "owner", "group#member"), "1", "bob", lookup, Work())


# The same question answered in another way: everything that follows from the tuples, until no more does.

NAMES = st.sampled_from("abc")
TUPLES = st.lists(
    st.one_of(
        st.builds(lambda g, u: f"group:{g}#member@user:{u}", NAMES, NAMES),
        st.builds(lambda g, h: f"group:{g}#member@group:{h}#member", NAMES, NAMES),
        st.builds(lambda f, p: f"folder:{f}#parent@folder:{p}", NAMES, NAMES),
        st.builds(lambda f, u: f"folder:{f}#viewer@user:{u}", NAMES, NAMES),
        st.builds(lambda f, g: f"folder:{f}#viewer@group:{g}#member", NAMES, NAMES),
        st.builds(lambda o, f: f"order:{o}#parent@folder:{f}", NAMES, NAMES),
        st.builds(lambda o, u: f"order:{o}#owner@user:{u}", NAMES, NAMES),
        st.builds(lambda o, g: f"order:{o}#viewer@group:{g}#member", NAMES, NAMES),
    ),
    max_size=12,
)


def all_that_follows(tuples: Iterable[RelationTuple]) -> set[tuple[str, str, str]]:
    """(relation, object, user), by blunt repetition."""
    known = {(t.relation, t.object_id, t.subject_id) for t in tuples if t.kind == "user"}
    while True:
        more = set(known)
        for each in tuples:
            if "#" in each.kind:
                more |= {
                    (each.relation, each.object_id, u) for r, o, u in known if (r, o) == (each.kind, each.subject_id)
                }
            if each.kind == "folder":
                viewer = each.relation.replace("parent", "viewer")
                more |= {
                    (viewer, each.object_id, u) for r, o, u in known if (r, o) == ("folder#viewer", each.subject_id)
                }
        more |= {("order#viewer", o, u) for r, o, u in known if r == "order#owner"}
        if more == known:
            return known
        known = more


@given(TUPLES)
def test_a_check_says_what_follows_from_the_tuples_and_nothing_else(tuples: list[str]) -> None:
    follows = all_that_follows(list(map(parse_tuple, tuples)))
    ask: Callable[[str, str, str], str] = lambda relation, o, u: f"{relation.replace('#', f':{o}#')}@user:{u}"  # noqa: E731
    for relation in ("group#member", "folder#viewer", "order#owner", "order#viewer"):
        for object_id in "abc":
            for user in "abc":
                expected = (relation, object_id, user) in follows
                assert check(tuples, ask(relation, object_id, user)) is expected
