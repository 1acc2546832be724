from __future__ import annotations

from token_services import Service

from portcullis.control.token_service.secrets import new_refresh_token


def test_a_token_is_revoked_once_and_workers_are_told(service: Service) -> None:
    service.add()
    issued = service.issue("checkout")
    assert service.run(service.parts.withdrawals.revoke(issued.access_token))
    assert [each.id for each in service.told[-1].revoked] == [issued.claims["jti"]]
    assert not service.run(service.parts.withdrawals.revoke("nonsense"))
    assert len(service.told) == 1


def test_with_a_refresh_token_goes_its_family(service: Service) -> None:
    service.add("app", public=True, grants=("refresh_token",))
    issued = service.issue("app", subject="alice", refresh=True)
    assert not service.run(service.parts.withdrawals.revoke(new_refresh_token()))
    assert service.call("revoke", "app", token=issued.refresh_token) == (200, {})
    assert service.parts.revoked.covers(issued.claims)
    assert service.call("token", "app", grant_type="refresh_token", refresh_token=issued.refresh_token)[0] == 400
    assert not service.run(service.parts.withdrawals.revoke_family(issued.claims["sid"]))


def test_a_refresh_token_of_another_client_is_left_alone(service: Service) -> None:
    for name in ("app", "other"):
        service.add(name, public=True, grants=("refresh_token",))
    issued = service.issue("app", subject="alice", refresh=True)
    assert service.call("revoke", "other", token=issued.refresh_token)[0] == 400
    assert service.call("token", "app", grant_type="refresh_token", refresh_token=issued.refresh_token)[0] == 200


def test_with_a_client_go_all_its_tokens(service: Service) -> None:
    service.add("app", grants=("client_credentials", "refresh_token"))
    own, family = service.issue("app"), service.issue("app", subject="alice", refresh=True)
    client = service.parts.clients.find("app")
    assert client is not None
    service.run(service.parts.withdrawals.remove(client))
    assert {each.id for each in service.told[-1].revoked} == {"client app", family.claims["sid"]}
    assert service.parts.revoked.covers(own.claims)
    assert service.parts.revoked.covers(family.claims)
