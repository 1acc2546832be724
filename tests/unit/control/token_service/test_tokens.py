from __future__ import annotations

import pytest
from token_services import SETTINGS, Service

from portcullis.control.token_service.assembling import assemble
from portcullis.control.token_service.errors import OAuthError
from portcullis.control.token_service.tokens import Grant, actors_of
from portcullis.engine.authentication.jose.errors import TokenError
from portcullis.stores.database.connection import Database

GRANT = Grant("alice", "checkout", "shop", ("a", "b"), ("clerk",), ("checkout", "web"), "f1")


def test_a_token_says_what_was_granted(service: Service) -> None:
    issued = service.parts.tokens.issue(GRANT)
    claims = dict(service.parts.tokens.read(issued.token))
    assert len(claims.pop("jti")) == 22
    assert claims == {
        "iss": "https://i",
        "sub": "alice",
        "aud": "shop",
        "iat": 1_800_000_000,
        "exp": 1_800_000_300,
        "client_id": "checkout",
        "scope": "a b",
        "roles": ["clerk"],
        "sid": "f1",
        "act": {"sub": "checkout", "act": {"sub": "web"}},
    }
    assert issued.expires_in == 300
    assert actors_of(claims) == ("checkout", "web")
    assert actors_of({}) == ()


def test_it_ends_when_it_has_to(service: Service) -> None:
    issued = service.parts.tokens.issue(GRANT, service.clock.wall_s() + 10.7)
    assert issued.expires_in == 10
    service.clock.advance(10)
    with pytest.raises(TokenError):
        service.parts.tokens.read(issued.token)
    assert service.parts.tokens.readable(issued.token) is None
    assert service.parts.tokens.issue(GRANT, service.clock.wall_s() - 1).expires_in == 0


def test_it_is_not_shown(service: Service) -> None:
    issued = service.parts.tokens.issue(GRANT)
    assert issued.token not in repr(issued)


def test_without_a_key_none_is_issued_or_read(database: Database) -> None:
    parts = assemble(database, lambda _message: None, may_make=False)
    parts.take_over(SETTINGS)
    for ask in (lambda: parts.tokens.issue(GRANT), lambda: parts.tokens.read("x")):
        with pytest.raises(OAuthError) as caught:
            ask()
        assert caught.value.status == 503
