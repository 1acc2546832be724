from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.relations.model import Edge, Node, RelationModel, Term, parse_term
from portcullis.engine.relations.tuples import parse_tuple

SHOP = RelationModel(
    {
        "user": ["staff", "web"],
        "service": ["mesh"],
        "group": {"member": ["user", "group#member"]},
        "folder": {"viewer": ["user", "group#member"], "parent": ["folder"]},
        "order": {
            "parent": ["folder"],
            "owner": ["user"],
            "editor": ["owner"],
            "viewer": ["editor", "group#member", "folder#viewer via parent"],
            "robot": ["service"],
        },
    }
)


def test_callers_have_the_type_of_their_identity() -> None:
    assert SHOP.callers == {"staff": "user", "web": "user", "mesh": "service"}


def test_names_are_all_that_stand_in_tuples() -> None:
    assert {"user", "order", "order#viewer", "group#member"} <= set(SHOP.names)
    assert bool(SHOP)
    assert not RelationModel({})


@rows(
    ("text", "objection"),
    [
        ("order:1#owner@user:a", ""),
        ("order:1#viewer@group:g#member", ""),
        ("order:1#parent@folder:f", ""),
        ("ordr:1#owner@user:a", "there is no type ordr: did you mean"),
        ("order:1#ownr@user:a", "order has no relation ownr: did you mean"),
        ("order:1#owner@group:g#member", "no group#member can be owner of order, but user"),
        ("order:1#owner@folder:f", "no folder can be owner of order, but user"),
        ("order:1#editor@user:a", "editor of order follows from other relations, and has no tuples of its own"),
        ("order:1#viewer@user:a", "no user can be viewer of order, but group#member"),
    ],
)
def test_a_tuple_must_be_as_declared(text: str, objection: str) -> None:
    said = SHOP.objection(parse_tuple(text))
    assert said.startswith(objection)
    assert bool(said) == bool(objection)


def test_a_path_has_all_ways_to_a_kind_of_subject() -> None:
    assert SHOP.path("order", "viewer", "user").nodes == (
        Node("order", ("order#owner",), (Edge("order#viewer", "group#member", 1), Edge("order#parent", "folder", 2))),
        Node("group", ("group#member",), (Edge("group#member", "group#member", 1),)),
        Node("folder", ("folder#viewer",), (Edge("folder#viewer", "group#member", 1),)),
    )
    assert SHOP.path("order", "owner", "user").nodes == (Node("order", ("order#owner",), ()),)


def test_a_path_leaves_out_what_leads_nowhere() -> None:
    assert SHOP.path("order", "owner", "service").nodes == ()
    assert SHOP.path("order", "robot", "service").nodes == (Node("order", ("order#robot",), ()),)
    assert SHOP.path("order", "viewer", "service").nodes == ()


def test_a_set_has_the_relation_that_makes_it() -> None:
    (member,) = SHOP.path("group", "member", "group#member").nodes
    assert member.reflexive
    assert member.direct == ("group#member",)


def test_paths_are_made_once() -> None:
    assert SHOP.path("order", "viewer", "user") is SHOP.path("order", "viewer", "user")


@rows(
    ("text", "term"),
    [
        ("user", Term("user")),
        ("group#member", Term("group", "member")),
        ("folder#viewer via parent", Term("folder", "viewer", "parent")),
    ],
)
def test_a_term_is_read(text: str, term: Term) -> None:
    assert parse_term(text) == term


@rows("text", ["", "a b", "#x", "a#", "a#b via", "a via b", "a#b  via c", "a#b#c", "a#b via c via d", "user:*", "a\n"])
def test_what_is_no_term_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="members of one elsewhere"):
        parse_term(text)
