"""Roles: what they give, what they inherit, which of them exclude each other, and what can be wrong with them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.engine.authorization.roles import Roles, conflict_in, mistakes
from portcullis.engine.config.callers import RoleConfig

NAMES = "abcdef"
ASKED = ("orders:read", "orders:write", "users:read", "users:admin:delete")
PATTERNS = (*ASKED, "orders:*", "*:read", "users:*", "*")


def declared(**roles: Any) -> dict[str, RoleConfig]:
    return {name: RoleConfig.model_validate(role) for name, role in roles.items()}


@st.composite
def any_roles(draw: st.DrawFn) -> dict[str, RoleConfig]:
    """Roles that inherit and exclude as they like: circles, roles that are not there, roles that give nothing."""
    some = st.lists(st.sampled_from(NAMES), max_size=3)
    return {
        name: RoleConfig(
            permissions=draw(st.lists(st.sampled_from(PATTERNS), max_size=2)),
            inherits=draw(some),
            exclusive_with=draw(st.lists(st.sampled_from(NAMES), max_size=1)),
        )
        for name in draw(st.sets(st.sampled_from(NAMES), min_size=1))
    }


HELD = st.sets(st.sampled_from(NAMES))


def test_a_role_gives_what_it_says_and_what_it_inherits_at_any_depth() -> None:
    roles = Roles(
        declared(
            clerk=["orders:read"],
            manager={"permissions": ["orders:write"], "inherits": ["clerk"]},
            boss={"inherits": ["manager"]},
        )
    )
    assert roles.included("boss") == {"boss", "manager", "clerk"}
    assert roles.granting("orders:read") == {"clerk", "manager", "boss"}
    assert roles.granting("orders:write") == {"manager", "boss"}
    assert roles.granting("orders:delete") == frozenset()
    assert roles.patterns("boss") == {"orders:read", "orders:write"}
    assert roles.sources("boss", "orders:read") == ["clerk"]
    assert roles.granting("orders:read") is roles.granting("orders:read")
    assert list(roles) == ["clerk", "manager", "boss"]
    assert "boss" in roles
    assert "auditor" not in roles


def test_a_role_that_is_not_declared_gives_nothing() -> None:
    roles = Roles(declared(clerk=["orders:read"]))
    assert roles.included("auditor") == roles.patterns("auditor") == frozenset()
    assert roles.given(["auditor"], ASKED) == frozenset()


@given(any_roles())
def test_inheritance_is_a_closure(config: dict[str, RoleConfig]) -> None:
    roles = Roles(config)
    for name, role in config.items():
        included = roles.included(name)
        assert name in included
        assert included == {name}.union(*(roles.included(heir) for heir in role.inherits))
        assert included == frozenset().union(*(roles.included(each) for each in included))


@given(any_roles(), HELD)
def test_what_a_role_grants_and_what_is_given_to_its_holders_is_the_same(
    config: dict[str, RoleConfig], held: set[str]
) -> None:
    roles = Roles(config)
    for permission in ASKED:
        by_role = not held.isdisjoint(roles.granting(permission))
        assert by_role == (permission in roles.given(held, ASKED))
        for name in config:
            assert (name in roles.granting(permission)) == bool(roles.sources(name, permission))


@given(any_roles(), HELD, st.sampled_from(NAMES))
def test_one_more_role_never_takes_a_permission_away(config: dict[str, RoleConfig], held: set[str], more: str) -> None:
    roles = Roles(config)
    assert roles.given(held, ASKED) <= roles.given({*held, more}, ASKED)


@given(any_roles(), st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_one_more_inherited_role_never_takes_a_permission_away(
    config: dict[str, RoleConfig], heir: str, inherited: str
) -> None:
    before = config.get(heir, RoleConfig())
    more = {**config, heir: before.model_copy(update={"inherits": [*before.inherits, inherited]})}
    for name in config:
        assert Roles(config).given([name], ASKED) <= Roles(more).given([name], ASKED)


@given(any_roles(), HELD, st.sampled_from(NAMES))
def test_roles_that_exclude_each_other_do_so_whatever_else_is_held(
    config: dict[str, RoleConfig], held: set[str], more: str
) -> None:
    roles = Roles(config)
    assert roles.conflict(held) == conflict_in(held, roles.exclusive)
    if roles.conflict(held) is not None:
        assert roles.conflict({*held, more}) is not None
    for pair in roles.exclusive:
        assert roles.conflict(set(pair)) == pair
        name, index = roles.declared_exclusive(pair)
        assert any(config[name].exclusive_with[index] in roles.included(each) for each in pair)


def test_who_inherits_a_role_is_excluded_by_what_excludes_it() -> None:
    roles = Roles(
        declared(
            payer=["payments:make"],
            approver={"permissions": ["payments:approve"], "exclusive_with": ["payer"]},
            head={"inherits": ["approver"]},
            clerk={"inherits": ["payer"]},
            guest=["orders:read"],
        )
    )
    assert roles.exclusive == {("approver", "payer"), ("approver", "clerk"), ("head", "payer"), ("clerk", "head")}
    assert roles.conflict({"guest", "head", "clerk"}) == ("clerk", "head")
    assert roles.conflict({"guest", "head"}) is None
    assert roles.declared_exclusive(("clerk", "head")) == ("approver", 0)


def test_where_a_pair_comes_from_is_known_of_real_pairs_only() -> None:
    with pytest.raises(LookupError):
        Roles(declared(a=["x"], b=["y"])).declared_exclusive(("a", "b"))


def test_the_conflict_is_looked_for_in_pairs() -> None:
    assert conflict_in({"a"}, {("a", "b")}) is None
    assert conflict_in({"b", "a"}, {("a", "b")}) == ("a", "b")
    assert conflict_in({"b", "a"}, ()) is None


def told(**roles: Any) -> list[tuple[tuple[str | int, ...], str]]:
    return [(mistake.path, mistake.message) for mistake in mistakes(declared(**roles))]


def test_a_role_that_gives_nothing_is_a_mistake() -> None:
    assert told(a=[], b=["x"], c={"inherits": ["b"]}) == [(("a",), "the role gives nothing")]


def test_a_circle_is_told_at_each_entry_that_closes_it() -> None:
    assert told(
        a={"permissions": ["x"], "inherits": ["b"]}, b={"inherits": ["d", "c"]}, c={"inherits": ["a"]}, d=["y"]
    ) == [
        (("a", "inherits", 0), "the role inherits itself: a > b > c > a"),
        (("b", "inherits", 1), "the role inherits itself: b > c > a > b"),
        (("c", "inherits", 0), "the role inherits itself: c > a > b > c"),
    ]
    assert told(a={"permissions": ["x"], "inherits": ["a"]})[0][1] == "the role inherits itself: a > a"


def test_a_role_that_excludes_itself_is_a_mistake() -> None:
    assert told(a={"permissions": ["x"], "exclusive_with": ["b", "a"]}, b=["y"]) == [
        (("a", "exclusive_with", 1), "a role can't exclude itself")
    ]


def test_a_role_that_nobody_could_hold_is_a_mistake() -> None:
    assert told(
        a={"permissions": ["x"], "exclusive_with": ["b"]},
        b=["y"],
        both={"inherits": ["a", "b"]},
        top={"inherits": ["both"]},
    ) == [
        (("both", "inherits"), "nobody could hold the role: it includes a and b, which exclude each other"),
        (("top", "inherits"), "nobody could hold the role: it includes a and b, which exclude each other"),
    ]
    assert told(a={"permissions": ["x"], "exclusive_with": ["b"], "inherits": ["b"]}, b=["y"]) == [
        (("a", "inherits"), "nobody could hold the role: it includes a and b, which exclude each other")
    ]


@given(any_roles())
def test_looking_for_mistakes_ends_whatever_the_file_says(config: dict[str, RoleConfig]) -> None:
    wrong = {mistake.path[0] for mistake in mistakes(config)}
    assert wrong <= config.keys()
    roles = Roles(config)
    for name in config.keys() - wrong:
        assert roles.patterns(name) or config[name].inherits
        assert not any(set(pair) <= roles.included(name) for pair in roles.exclusive if name not in pair)


def test_many_roles_take_no_time_to_speak_of() -> None:
    chain = {f"r{n}": RoleConfig(permissions=[f"p{n}:read"], inherits=[f"r{n - 1}"] if n else []) for n in range(300)}
    roles = Roles(chain)
    assert len(roles.patterns("r299")) == 300
    assert len(roles.granting("p0:read")) == 300


def test_roles_without_number_of_an_issuer_take_no_time_to_speak_of() -> None:
    roles = Roles(declared(a={"permissions": ["x"], "exclusive_with": ["b"]}, b=["y"]))
    held = {f"group-{number}" for number in range(20_000)}
    assert roles.conflict(held) is None
    assert roles.conflict({*held, "a", "b"}) == ("a", "b")
