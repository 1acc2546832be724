from __future__ import annotations

from collections.abc import Callable

from token_services import Service

from portcullis.control.token_service.revoking import RevocationList, of_all_of, of_family, of_token
from portcullis.engine.token_service.messages import Revoked, decode_revocations
from portcullis.stores.database.connection import Database
from portcullis.stores.database.token_revocations import RevocationStore, revoke
from portcullis.testing import FakeClock


def test_what_another_process_revoked_is_found_and_told_once(database: Database) -> None:
    clock = FakeClock(wall_s=1000.0)
    known = RevocationList(RevocationStore(database), clock.wall_s)
    with database.writing() as connection:
        revoke(connection, [Revoked("t1", 2000.0), Revoked("old", 999.0)])
    message = known.take_over(*known.read_news())
    assert message is not None
    assert decode_revocations(message).revoked == [Revoked("t1", 2000.0)]
    assert known.covers({"jti": "t1"})
    assert known.take_over(*known.read_news()) is None
    with database.writing() as connection:
        revoke(connection, [Revoked("t2", 2000.0)])
    message = known.take_over(*known.read_news())
    assert message is not None
    assert [each.id for each in decode_revocations(message).revoked] == ["t2"]
    whole = decode_revocations(known.whole())
    assert whole.whole
    assert sorted(each.id for each in whole.revoked) == ["t1", "t2"]


def test_what_has_ended_is_told_no_more(database: Database) -> None:
    clock = FakeClock(wall_s=1000.0)
    known = RevocationList(RevocationStore(database), clock.wall_s)
    known.take_over(1, [Revoked("t1", 1100.0)])
    clock.advance(101)
    assert decode_revocations(known.whole()).revoked == []
    assert len(known) == 0


def test_it_lasts_as_long_as_any_token_that_it_is_about() -> None:
    assert of_token({"jti": "a", "exp": 2000}).until > 2000
    assert of_family("f", 1000.0).until > 1000 + 3600
    assert of_all_of("c", 1000.9) == Revoked("client c", of_family("f", 1000.9).until, 1000.0)


def test_it_outlives_a_restart(service: Service, another: Callable[[], Service]) -> None:
    client = service.add()
    token = service.call("token", client, grant_type="client_credentials")[1]["access_token"]
    assert service.call("revoke", client, token=token) == (200, {})
    again = another()
    revoked = again.parts.revoked
    revoked.take_over(*revoked.read_news())
    assert again.call("introspect", client, token=token) == (200, {"active": False})
