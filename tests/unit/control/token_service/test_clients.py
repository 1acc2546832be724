from __future__ import annotations

import json

import pytest
from token_services import Service

from portcullis.control.token_service.errors import OAuthError
from portcullis.control.token_service.orders import SecretRotation
from portcullis.engine.token_service.messages import Call
from portcullis.testing.tokens import Signer, key_set_of


def test_a_client_is_known_by_its_secret(service: Service) -> None:
    name, secret = service.add()
    found = service.parts.clients.authenticate(Call("token", {}, name, secret, "client_secret_basic"), 0.0)
    assert found.id == name


@pytest.mark.parametrize(
    "call",
    [
        Call("token", {}, "checkout", "", "none"),
        Call("token", {}, "checkout", "pcs_wrong", "client_secret_basic"),
        Call("token", {}, "nobody", "pcs_wrong", "client_secret_basic"),
        Call("token", {}, "app", "", "none"),
        Call("token", {"grant_type": "client_credentials"}, "app", "", "none"),
        Call("introspect", {}, "app", "", "none"),
        Call("token", {"grant_type": "refresh_token"}, "app", "", "client_secret_basic"),
        Call("token", {"grant_type": "refresh_token"}, "signer", "", "none"),
        Call("revoke", {}, "signer", "", "none"),
        Call("token", {}, "signer", "", "client_secret_basic"),
    ],
)
def test_everybody_else_is_told_the_same(service: Service, call: Call) -> None:
    service.add()
    service.add("app", public=True, grants=("refresh_token",))
    service.add("signer", keys=json.dumps(key_set_of(Signer("ES256"))), grants=("refresh_token",))
    with pytest.raises(OAuthError) as caught:
        service.parts.clients.authenticate(call, 0.0)
    assert (caught.value.error, caught.value.status) == ("invalid_client", 401)
    assert str(caught.value) == "the client could not be authenticated"


def test_a_public_client_may_refresh_and_revoke(service: Service) -> None:
    service.add("app", public=True, grants=("refresh_token",))
    for call in (Call("token", {"grant_type": "refresh_token"}, "app"), Call("revoke", {}, "app")):
        assert service.parts.clients.authenticate(call, 0.0).id == "app"


def test_the_secret_before_works_until_the_overlap_ends(service: Service) -> None:
    name, old = service.add()
    service.run(service.parts.service.rotate_secret(name, SecretRotation(60.0)))
    call = Call("token", {}, name, old, "client_secret_basic")
    now = service.clock.wall_s()
    assert service.parts.clients.authenticate(call, now + 59).id == name
    with pytest.raises(OAuthError):
        service.parts.clients.authenticate(call, now + 60)
