from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from portcullis.engine.identity import Consumer, Identity
from portcullis.engine.ports import Ports
from portcullis.engine.token_service import identity_tokens
from portcullis.engine.token_service.identity_tokens import IdentityTokens
from portcullis.engine.token_service.messages import IDENTITY_KEY, IdentityKey, encode
from portcullis.engine.token_service.signing import TokenSigner, make_private_key
from portcullis.testing import FakeClock, FakeCounters, FakeKeys

PRIVATE = make_private_key("ES256")
ALICE = Identity(
    "jwt",
    "alice",
    "t1",
    frozenset({"b", "a"}),
    Consumer("staff:alice", "", frozenset({"clerk"})),
    "staff",
    "https://id.example.com",
    actors=("shop", "web"),
)


class Site:
    """Identity tokens for ``shop`` that hold for a minute."""

    def __init__(self) -> None:
        self.clock = FakeClock(wall_s=1000.5)
        self.tokens = IdentityTokens("shop", 60.0, Ports(self.clock, FakeCounters(), FakeKeys(), topics=self))

    def subscribe(self, topic: str, apply: Callable[[bytes], None]) -> None:
        assert topic == IDENTITY_KEY
        self.apply = apply

    def tell(self, private: bytes = PRIVATE, issuer: str = "https://i") -> None:
        self.apply(encode(IdentityKey(issuer, "k", "ES256", private)))

    def of(self, identity: Identity = ALICE) -> bytes:
        made = self.tokens.of(identity)
        assert made is not None
        return made[1]


def said(token: bytes, part: int = 1) -> dict[str, Any]:
    text = token.decode().split(".")[part]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=="))
    return found


def test_it_says_what_is_known_of_the_caller() -> None:
    site = Site()
    site.tell()
    token = site.of()
    claims = said(token)
    assert len(claims.pop("jti")) == 22
    assert claims == {
        "iss": "https://i",
        "sub": "alice",
        "aud": "shop",
        "iat": 1000,
        "exp": 1060,
        "idp": "staff",
        "idp_iss": "https://id.example.com",
        "credential": "t1",
        "scope": "a b",
        "roles": ["clerk"],
        "act": {"sub": "shop", "act": {"sub": "web"}},
    }
    kid = TokenSigner("ES256", PRIVATE, "x").kid
    assert said(token, 0) == {"typ": "identity+jwt", "alg": "ES256", "kid": kid}
    assert said(site.of(Identity("api_key", "acme"))).keys() == {"iss", "sub", "aud", "iat", "exp", "jti", "idp"}


def test_it_is_signed_anew_when_half_of_its_life_is_over() -> None:
    site = Site()
    site.tell()
    first = site.of()
    site.clock.advance(29.0)
    assert site.of(Identity(**{name: getattr(ALICE, name) for name in ALICE.__struct_fields__})) is first
    site.clock.advance(2.0)
    assert site.of() is not first
    assert said(site.of())["exp"] == 1091


def test_another_caller_has_another_token() -> None:
    site = Site()
    site.tell()
    assert said(site.of(Identity("jwt", "bob")))["sub"] == "bob"
    assert said(site.of())["sub"] == "alice"


def test_there_is_none_without_a_key_and_nonsense_is_not_one() -> None:
    site = Site()
    assert site.tokens.of(ALICE) is None
    with pytest.raises(ValueError, match=r"."):
        site.apply(b"\xc1")
    assert site.tokens.of(ALICE) is None


def test_the_next_key_signs_what_is_signed_from_then_on() -> None:
    site = Site()
    site.tell()
    first = site.of()
    site.tell(make_private_key("ES256"))
    assert site.of() is first
    assert said(site.of(Identity("jwt", "bob")), 0)["kid"] != said(first, 0)["kid"]
    site.tell(issuer="https://new")
    assert said(site.of())["iss"] == "https://new"


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_tokens, "MAX_REMEMBERED", 3)
    site = Site()
    site.tell()
    first = site.of()
    for number in range(4):
        site.of(Identity("jwt", str(number)))
    assert repr(site.tokens) == "IdentityTokens(shop, 3 remembered)"
    assert site.of() != first
