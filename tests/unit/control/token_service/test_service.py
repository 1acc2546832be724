from __future__ import annotations

from typing import Any

import msgspec
import pytest
from token_services import SETTINGS, Service

from portcullis.control.token_service.orders import (
    InvalidTokenOrder,
    RevocationById,
    SecretRotation,
    TokenConflict,
    TokenText,
    UnknownClient,
)


def test_a_client_is_made_listed_and_removed(service: Service) -> None:
    name, secret = service.add(roles=("clerk",))
    listed = service.run(service.parts.service.list_clients())
    assert [(each.id, each.roles) for each in listed] == [(name, ("clerk",))]
    assert secret not in repr(listed)
    with pytest.raises(TokenConflict):
        service.add()
    service.run(service.parts.service.remove_client(name))
    assert service.run(service.parts.service.list_clients()) == []
    with pytest.raises(UnknownClient):
        service.run(service.parts.service.remove_client(name))


@pytest.mark.parametrize("roles", [("nobody",), ("clerk", "auditor")])
def test_roles_are_those_of_the_file_and_don_t_exclude_each_other(service: Service, roles: tuple[str, ...]) -> None:
    service.use(msgspec.structs.replace(SETTINGS, exclusive=(("auditor", "clerk"),)))
    with pytest.raises(InvalidTokenOrder):
        service.add(roles=roles)


def test_another_secret_replaces_one(service: Service) -> None:
    name, old = service.add()
    new = service.run(service.parts.service.rotate_secret(name, SecretRotation(0.0))).secret
    assert new != old
    assert service.call("token", (name, old), grant_type="client_credentials")[0] == 401
    assert service.call("token", (name, new), grant_type="client_credentials")[0] == 200
    service.add("app", public=True, grants=("refresh_token",))
    with pytest.raises(TokenConflict):
        service.run(service.parts.service.rotate_secret("app", SecretRotation()))
    with pytest.raises(UnknownClient):
        service.run(service.parts.service.rotate_secret("nobody", SecretRotation()))


def test_the_operator_issues_tokens_about_others(service: Service) -> None:
    service.add(roles=("clerk",))
    own, other = service.issue("checkout"), service.issue("checkout", subject="alice", scopes=("orders:read",))
    assert (own.claims["sub"], own.claims["roles"]) == ("checkout", ("clerk",))
    assert (other.claims["sub"], other.claims["scope"], other.claims.get("roles")) == ("alice", "orders:read", None)


@pytest.mark.parametrize(
    "order",
    [
        {"audience": "payments"},
        {"scopes": ("other",)},
        {"roles": ("nobody",)},
        {"subject": ""},
        {"subject": "a\nb"},
        {"refresh": True},
    ],
)
def test_what_a_client_may_not_have_is_not_issued(service: Service, order: dict[str, Any]) -> None:
    service.add()
    with pytest.raises(InvalidTokenOrder):
        service.issue("checkout", **order)


def test_a_token_is_explained(service: Service) -> None:
    service.add()
    issued = service.issue("checkout")
    inspect = service.parts.service.inspect
    assert service.run(inspect(TokenText(issued.access_token))).active
    forged = service.run(inspect(TokenText(issued.access_token[:-8] + "AAAAAAAA")))
    assert not forged.active
    assert forged.claims == {}
    assert "signature" in forged.reason
    service.run(service.parts.service.revoke(TokenText(issued.access_token)))
    revoked = service.run(inspect(TokenText(issued.access_token)))
    assert (revoked.active, revoked.reason) == (False, "It was revoked")
    service.clock.advance(301)
    assert "expired" in service.run(inspect(TokenText(issued.access_token))).reason


def test_tokens_are_revoked_by_their_ids(service: Service) -> None:
    service.add()
    issued = service.issue("checkout")
    assert service.run(service.parts.service.revoke_by_id(RevocationById(issued.claims["jti"]))).revoked
    assert service.parts.revoked.covers(issued.claims)
    for wrong in ("", "a b", "x" * 300):
        with pytest.raises(InvalidTokenOrder):
            service.run(service.parts.service.revoke_by_id(RevocationById(wrong)))


def test_without_a_token_service_nothing_is_done(service: Service) -> None:
    service.parts.service.take_over(msgspec.structs.replace(SETTINGS, issuer=""))
    with pytest.raises(InvalidTokenOrder, match="no token_service"):
        service.add()
