from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import msgspec
import pytest
from token_services import SETTINGS, Service

from portcullis.control.token_service.errors import OAuthError
from portcullis.control.token_service.refreshing import Refreshed, Reused


@pytest.fixture
def app(service: Service) -> str:
    """A public client."""
    return service.add("app", public=True, grants=("refresh_token",))[0]


def refresh(service: Service, token: str, **parameters: str) -> tuple[int, dict[str, Any]]:
    return service.call("token", "app", grant_type="refresh_token", refresh_token=token, **parameters)


def begin(service: Service) -> str:
    return service.issue("app", subject="alice", refresh=True).refresh_token


def test_each_use_gives_the_next_one(service: Service, app: str) -> None:
    del app
    token = begin(service)
    seen = {token}
    for _ in range(5):
        status, given = refresh(service, token)
        assert status == 200
        token = given["refresh_token"]
        seen.add(token)
    assert len(seen) == 6


def test_a_second_use_ends_the_family_and_workers_are_told(service: Service, app: str) -> None:
    del app
    first = begin(service)
    second = refresh(service, first)[1]
    claims = service.parts.tokens.read(second["access_token"])
    assert refresh(service, first)[1]["error"] == "invalid_grant"
    assert [each.id for each in service.told[-1].revoked] == [claims["sid"]]
    assert service.parts.revoked.covers(claims)
    assert refresh(service, second["refresh_token"])[0] == 400
    assert service.parts.refresh_tokens.reused == 1


def test_another_family_goes_on(service: Service, app: str) -> None:
    del app
    first, other = begin(service), begin(service)
    refresh(service, first)
    refresh(service, first)
    assert refresh(service, other)[0] == 200


def test_of_many_at_the_same_time_one_wins(service: Service, app: str) -> None:
    token = begin(service)
    client = service.parts.clients.find(app)
    assert client is not None

    async def all_at_once() -> list[Any]:
        parameters = {"refresh_token": token}
        uses = (service.parts.refresh_tokens.refresh(parameters, client) for _ in range(20))
        return await asyncio.gather(*uses, return_exceptions=True)

    outcomes = Counter(type(each) for each in asyncio.run(all_at_once()))
    assert outcomes == {Refreshed: 1, Reused: 1, OAuthError: 18}


def test_scopes_can_only_shrink(service: Service, app: str) -> None:
    del app
    token = begin(service)
    status, given = refresh(service, token, scope="orders:read")
    assert (status, given["scope"]) == (200, "orders:read")
    status, wrong = refresh(service, given["refresh_token"], scope="orders:delete")
    assert (status, wrong["error"]) == (400, "invalid_scope")
    # The refusal has used nothing up.
    assert refresh(service, given["refresh_token"])[1]["scope"] == "orders:read orders:write"


def test_it_ends_when_it_is_idle_or_old(service: Service, app: str) -> None:
    del app
    service.use(msgspec.structs.replace(SETTINGS, refresh_idle=100.0, refresh_lifetime=150.0))
    idle, token = begin(service), begin(service)
    service.clock.advance(90)
    token = refresh(service, token)[1]["refresh_token"]
    service.clock.advance(20)
    assert refresh(service, idle)[0] == 400
    given = refresh(service, token)[1]
    assert given["expires_in"] == 40
    service.clock.advance(45)
    assert refresh(service, given["refresh_token"])[0] == 400


def test_within_the_grace_a_lost_answer_is_given_again_and_what_was_lost_is_worth_nothing(
    service: Service, app: str
) -> None:
    del app
    service.use(msgspec.structs.replace(SETTINGS, refresh_grace=10.0))
    token = begin(service)
    lost = refresh(service, token)[1]["refresh_token"]
    service.clock.advance(5)
    again = refresh(service, token)
    assert again[0] == 200
    assert refresh(service, again[1]["refresh_token"])[0] == 200
    assert refresh(service, lost)[0] == 400
    assert service.parts.refresh_tokens.reused == 1


def test_the_grace_ends(service: Service, app: str) -> None:
    del app
    service.use(msgspec.structs.replace(SETTINGS, refresh_grace=10.0))
    token = begin(service)
    refresh(service, token)
    service.clock.advance(11)
    assert refresh(service, token)[0] == 400


def test_once_the_next_one_was_used_there_is_no_grace(service: Service, app: str) -> None:
    del app
    service.use(msgspec.structs.replace(SETTINGS, refresh_grace=10.0))
    token = begin(service)
    refresh(service, refresh(service, token)[1]["refresh_token"])
    assert refresh(service, token)[0] == 400
    assert service.parts.refresh_tokens.reused == 1


@pytest.mark.parametrize("token", ["", "pcr_unknown", "x" * 10000])
def test_what_is_none_is_refused(service: Service, app: str, token: str) -> None:
    del app
    assert refresh(service, token)[0] == 400
