from __future__ import annotations

from typing import Any

import msgspec
import pytest
from token_services import SETTINGS, Service

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
REFRESH = "urn:ietf:params:oauth:token-type:refresh_token"
EXCHANGING = {
    "grants": ("client_credentials", "token_exchange"),
    "serves": ("shop",),
    "audiences": ("payments", "shop"),
}


def token_of(service: Service, client: tuple[str, str], **parameters: str) -> str:
    status, given = service.call("token", client, grant_type="client_credentials", **parameters)
    assert status == 200
    return str(given["access_token"])


def exchange(service: Service, client: tuple[str, str], token: str, **parameters: str) -> tuple[int, dict[str, Any]]:
    usual = {"subject_token": token, "subject_token_type": ACCESS_TOKEN, "audience": "payments"}
    return service.call("token", client, grant_type=EXCHANGE, **{**usual, **parameters})


def test_the_subject_stays_and_the_client_becomes_an_actor(service: Service) -> None:
    web, shop = service.add("web", roles=("clerk",)), service.add("shop", scopes=("orders:read",), **EXCHANGING)
    token = token_of(service, web)
    status, given = exchange(service, shop, token)
    assert (status, given["issued_token_type"], given["scope"]) == (200, ACCESS_TOKEN, "orders:read")
    claims, before = service.parts.tokens.read(given["access_token"]), service.parts.tokens.read(token)
    assert (claims["sub"], claims["client_id"], claims["aud"]) == ("web", "shop", "payments")
    assert (claims["act"], claims["roles"], claims["sid"]) == ({"sub": "shop"}, ["clerk"], before["jti"])


def test_it_ends_with_what_was_exchanged(service: Service) -> None:
    web, shop = service.add("web"), service.add("shop", **EXCHANGING)
    token = token_of(service, web)
    service.clock.advance(200)
    assert exchange(service, shop, token)[1]["expires_in"] == 100
    service.clock.advance(100)
    assert exchange(service, shop, token)[0] == 400


def test_with_what_was_exchanged_all_that_came_from_it_is_revoked(service: Service) -> None:
    web, shop = service.add("web"), service.add("shop", **EXCHANGING)
    token = token_of(service, web)
    second = exchange(service, shop, token, audience="shop")[1]["access_token"]
    third = exchange(service, shop, second)[1]["access_token"]
    service.call("revoke", web, token=token)
    for each in (token, second, third):
        assert service.parts.revoked.covers(service.parts.tokens.read(each))
    assert exchange(service, shop, second)[1]["error"] == "invalid_request"


def test_with_a_token_in_the_middle_what_came_from_it_is_revoked_and_not_what_it_came_from(service: Service) -> None:
    web, shop = service.add("web"), service.add("shop", **EXCHANGING)
    token = token_of(service, web)
    second = exchange(service, shop, token, audience="shop")[1]["access_token"]
    third = exchange(service, shop, second, audience="shop")[1]["access_token"]
    fourth = exchange(service, shop, third)[1]["access_token"]
    service.call("revoke", shop, token=second)
    covered = [service.parts.revoked.covers(service.parts.tokens.read(each)) for each in (token, second, third, fourth)]
    assert covered == [False, True, True, True]


def test_with_a_client_all_that_came_from_its_tokens_is_revoked(service: Service) -> None:
    web, shop = service.add("web"), service.add("shop", **EXCHANGING)
    second = exchange(service, shop, token_of(service, web), audience="shop")[1]["access_token"]
    third = exchange(service, shop, second)[1]["access_token"]
    service.run(service.parts.service.remove_client("web"))
    assert [service.parts.revoked.covers(service.parts.tokens.read(each)) for each in (second, third)] == [True, True]
    assert exchange(service, shop, second)[1]["error"] == "invalid_request"


def test_a_token_for_somebody_else_is_not_exchanged(service: Service) -> None:
    web, shop = service.add("web", audiences=("payments",)), service.add("shop", **EXCHANGING)
    assert exchange(service, shop, token_of(service, web))[1]["error"] == "invalid_request"


def test_the_chain_of_actors_is_bounded(service: Service) -> None:
    service.use(msgspec.structs.replace(SETTINGS, max_actors=2))
    web, shop = service.add("web"), service.add("shop", **EXCHANGING)
    token = token_of(service, web)
    for _ in range(2):
        token = exchange(service, shop, token, audience="shop")[1]["access_token"]
    assert exchange(service, shop, token)[0] == 400


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"subject_token": ""}, "invalid_request"),
        ({"subject_token": "nonsense"}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
        ({"requested_token_type": REFRESH}, "unauthorized_client"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"audience": "ledger"}, "invalid_target"),
        ({"resource": "https://payments"}, "invalid_target"),
        ({"scope": "orders:delete"}, "invalid_scope"),
    ],
)
def test_what_is_not_granted_is_refused(service: Service, parameters: dict[str, str], error: str) -> None:
    web, shop = service.add("web"), service.add("shop", **EXCHANGING)
    status, said = exchange(service, shop, token_of(service, web), **parameters)
    assert (status, said["error"]) == (400, error)


def test_scopes_that_the_first_token_had_not_are_not_given(service: Service) -> None:
    web, shop = service.add("web"), service.add("shop", **EXCHANGING)
    token = token_of(service, web, scope="orders:read")
    assert exchange(service, shop, token)[1]["scope"] == "orders:read"
    assert exchange(service, shop, token, scope="orders:write")[1]["error"] == "invalid_scope"


def test_a_client_that_may_refresh_gets_a_refresh_token_if_it_asks(service: Service) -> None:
    grants = ("token_exchange", "refresh_token")
    web, shop = service.add("web"), service.add("shop", **{**EXCHANGING, "grants": grants})
    status, given = exchange(service, shop, token_of(service, web), requested_token_type=REFRESH)
    assert (status, given["issued_token_type"]) == (200, REFRESH)
    status, again = service.call("token", shop, grant_type="refresh_token", refresh_token=given["refresh_token"])
    assert status == 200
    assert service.parts.tokens.read(again["access_token"])["act"] == {"sub": "shop"}
