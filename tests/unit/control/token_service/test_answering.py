from __future__ import annotations

import msgspec
import pytest
from token_services import SETTINGS, Service

from portcullis.engine.token_service.messages import Call, CallAnswer, encode


def test_a_client_gets_a_token_for_itself(service: Service) -> None:
    client = service.add(roles=("clerk",))
    status, given = service.call("token", client, grant_type="client_credentials")
    assert (status, given["token_type"], given["expires_in"]) == (200, "Bearer", 300)
    assert given["scope"] == "orders:read orders:write"
    assert "refresh_token" not in given
    claims = service.parts.tokens.read(given["access_token"])
    assert (claims["sub"], claims["client_id"], claims["roles"]) == ("checkout", "checkout", ["clerk"])
    assert service.endpoints.answers["token", "ok"] == 1


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "unauthorized_client"),
        ({"grant_type": "client_credentials", "scope": "other"}, "invalid_scope"),
    ],
)
def test_what_is_not_granted_is_refused(service: Service, parameters: dict[str, str], error: str) -> None:
    status, said = service.call("token", service.add(), **parameters)
    assert (status, said["error"]) == (400, error)
    assert service.endpoints.answers["token", error] == 1


def test_who_is_not_proven_gets_nothing(service: Service) -> None:
    name, _ = service.add()
    for endpoint in ("token", "revoke", "introspect"):
        status, said = service.call(endpoint, (name, "pcs_wrong"), token="x", grant_type="client_credentials")
        assert (status, said["error"]) == (401, "invalid_client")


def test_a_client_that_asks_too_often_is_told_so(service: Service) -> None:
    client = service.add()
    service.use(msgspec.structs.replace(SETTINGS, calls_per_client=2))
    answers = [service.call("token", client, grant_type="client_credentials")[0] for _ in range(3)]
    assert answers == [200, 200, 429]


def test_where_it_cannot_be_counted_nothing_is_issued(service: Service) -> None:
    client = service.add()
    service.counters.broken = True
    status, said = service.call("token", client, grant_type="client_credentials")
    assert (status, said["error"]) == (503, "temporarily_unavailable")


def test_only_those_concerned_learn_what_a_token_is(service: Service) -> None:
    client, stranger = service.add(), service.add("stranger", audiences=("payments",))
    means_me = {"grants": ("client_credentials", "token_exchange"), "serves": ("shop",)}
    shop = service.add("shop", **means_me)
    token = service.call("token", client, grant_type="client_credentials")[1]["access_token"]
    for asking in (client, shop):
        status, said = service.call("introspect", asking, token=token)
        assert (status, said["active"], said["sub"], said["token_type"]) == (200, True, "checkout", "Bearer")
    for asking, text in ((stranger, token), (client, "nonsense"), (client, token + "x")):
        assert service.call("introspect", asking, token=text) == (200, {"active": False})


def test_a_token_of_another_client_is_not_revoked(service: Service) -> None:
    client, stranger = service.add(), service.add("stranger")
    token = service.call("token", client, grant_type="client_credentials")[1]["access_token"]
    status, said = service.call("revoke", stranger, token=token)
    assert (status, said["error"]) == (400, "unauthorized_client")
    assert service.call("revoke", client, token="nonsense") == (200, {})
    assert not service.parts.revoked.covers(service.parts.tokens.read(token))


def test_the_record_learns_who_asked_and_why_not(service: Service) -> None:
    name, secret = service.add()
    call = Call("token", {"grant_type": "password"}, name, secret, "client_secret_basic")
    answer = msgspec.msgpack.decode(service.run(service.endpoints.answer(encode(call))), type=CallAnswer)
    assert (answer.client, answer.reason) == (name, "tokens are not issued for this grant_type")
    with pytest.raises(ValueError, match=r"."):
        service.run(service.endpoints.answer(b"\xc1"))
