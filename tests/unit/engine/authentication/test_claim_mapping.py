from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.authentication.claim_mapping import MAX_ACTORS, MAX_VALUES, ClaimMapping, claim_at
from portcullis.engine.authentication.jose.errors import INVALID_CLAIMS, TokenError
from portcullis.engine.identity import Identity

CLAIMS = {"iss": "https://id.example.com", "sub": "alice", "exp": 2000}


def identity(mapping: ClaimMapping | None = None, **claims: Any) -> Identity:
    return (mapping or ClaimMapping("staff", "jwt")).reader()({**CLAIMS, **claims}, "credential")


def refused(mapping: ClaimMapping | None = None, **claims: Any) -> str:
    with pytest.raises(TokenError) as caught:
        identity(mapping, **claims)
    assert caught.value.code is INVALID_CLAIMS
    return caught.value.found


def test_a_caller_is_a_consumer_of_its_identity() -> None:
    who = identity(ClaimMapping("staff", "jwt", plan="gold"))
    assert who.consumer is not None
    assert (who.consumer.name, who.consumer.plan, who.roles) == ("staff:alice", "gold", frozenset())
    assert (who.method, who.name, who.subject, who.credential) == ("jwt", "staff", "alice", "credential")
    assert (who.issuer, who.expires, who.actors, who.also) == ("https://id.example.com", 2000, (), ())
    assert who.claims == CLAIMS


@rows("subject", [None, "", 7, [], True, "x" * 256, "a\r\nb", "a\x00"])
def test_who_it_is_must_be_said(subject: object) -> None:
    assert refused(sub=subject).startswith("sub ")


def test_another_claim_may_say_who_it_is() -> None:
    assert identity(ClaimMapping("staff", "jwt", subject="user.name"), user={"name": "bob"}).subject == "bob"
    assert refused(ClaimMapping("staff", "jwt", subject="email")) == "email is missing"


@rows(
    ("claims", "scopes"),
    [
        ({}, set()),
        ({"scope": ""}, set()),
        ({"scope": "a b  c"}, {"a", "b", "c"}),
        ({"scope": ["a", "b"]}, {"a", "b"}),
        ({"scp": ["a"]}, {"a"}),
        ({"scp": "a b"}, {"a", "b"}),
        ({"scope": "a", "scp": "b"}, {"a"}),
        ({"scope": None, "scp": "b"}, {"b"}),
    ],
)
def test_scopes(claims: dict[str, Any], scopes: set[str]) -> None:
    assert identity(**claims).scopes == scopes


@rows("value", [7, True, {}, [1], ["a", None], ["a"] * (MAX_VALUES + 1)])
def test_scopes_that_are_none_grant_nothing(value: object) -> None:
    assert refused(scope=value).startswith("scope ")
    assert refused(ClaimMapping("staff", "jwt", roles="groups"), groups=value).startswith("groups ")


def test_scopes_of_a_claim_of_ones_own() -> None:
    mapping = ClaimMapping("staff", "jwt", scopes="permissions")
    assert identity(mapping, permissions=["orders:read"], scope="admin").scopes == {"orders:read"}


def test_roles_have_the_names_that_the_issuer_gives_them() -> None:
    mapping = ClaimMapping("staff", "jwt", roles="realm_access.roles")
    assert identity(mapping, realm_access={"roles": ["clerk", "two words"]}).roles == {"clerk", "two words"}
    assert identity(mapping, realm_access={"roles": "clerk"}).roles == {"clerk"}
    for nothing in ({}, {"realm_access": {}}, {"realm_access": 7}, {"realm_access": ["roles"]}, {"realm_access": None}):
        assert identity(mapping, **nothing).roles == frozenset()


def test_roles_that_the_file_does_not_name_are_left_out() -> None:
    mapping = ClaimMapping("staff", "jwt", roles="groups", role_map={"shop-clerks": "clerk", "shop-night": "clerk"})
    assert identity(mapping, groups=["shop-clerks", "shop-night", "admin", "clerk"]).roles == {"clerk"}


def test_a_name_with_dots_is_a_name_first() -> None:
    look = claim_at("https://shop.example/roles")
    assert look({"https://shop.example/roles": ["a"]}) == ["a"]
    assert claim_at("a.b")({"a.b": None, "a": {"b": 1}}) is None
    assert claim_at("a.b")({"a": {"b": 1}}) == 1
    assert claim_at("a")({}) is None


def test_those_who_act_for_the_subject_are_a_chain() -> None:
    act = {"sub": "gateway", "act": {"sub": "batch"}}
    assert identity(act=act).actors == ("gateway", "batch")


def chain(length: int) -> dict[str, Any]:
    return {"sub": "a", **({"act": chain(length - 1)} if length > 1 else {})}


@rows("act", [None, 7, [], {}, {"sub": 7}, {"sub": "a", "act": "b"}, chain(MAX_ACTORS + 1)])
def test_a_chain_that_is_broken_or_endless_is_refused(act: object) -> None:
    if act is None:
        assert identity(act=act).actors == ()
    else:
        assert refused(act=act).startswith("act ")
    assert len(identity(act=chain(MAX_ACTORS)).actors) == MAX_ACTORS
