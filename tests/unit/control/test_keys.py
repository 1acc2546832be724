from __future__ import annotations

import logging
import random
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from rows import rows

from portcullis.control.key_orders import InvalidOrder, KeyConflict, KeyRecord, NewKey, Rotation, UnknownKeyId
from portcullis.control.keys import KeyService
from portcullis.engine.api_key_format import ApiKey
from portcullis.stores.database.connection import Database, open_database
from portcullis.stores.database.keys import KeyStore
from portcullis.stores.keys import WorkerKeyDirectory

HOUR, DAY = 3600.0, 86_400.0


@pytest.fixture
def worker(service: KeyService) -> WorkerKeyDirectory:
    """A worker that is told of every change."""
    directory = WorkerKeyDirectory()
    service.subscribe(directory.apply)
    directory.apply(service.encode_snapshot())
    return directory


def _accepts(worker: WorkerKeyDirectory, key: ApiKey, now: float) -> bool:
    grant = worker.find(key.digest)
    return grant is not None and now < grant.usable_until


def test_a_new_key_is_known_to_workers_with_its_consumer(service: KeyService, worker: WorkerKeyDirectory) -> None:
    issued = service.create(NewKey("acme", "gold", ("clerk",), ("orders:read",), "live"))
    grant = worker.find(issued.key.digest)
    assert grant is not None
    assert (grant.id, grant.scopes) == (issued.key.id, {"orders:read"})
    assert (grant.consumer.name, grant.consumer.plan, grant.consumer.roles) == ("acme", "gold", {"clerk"})


def test_where_a_key_works_is_known_to_workers_and_its_successor_works_there_too(
    service: KeyService, worker: WorkerKeyDirectory
) -> None:
    order = NewKey("acme", apis=("shop",), operations=("GET /orders",), networks=("10.0.0.0/8",), environment="live")
    first = service.create(order)
    second = service.rotate(first.key.id, Rotation(60))
    for issued in (first, second):
        grant = worker.find(issued.key.digest)
        assert grant is not None
        assert grant.environment == "live"
        assert grant.limits is not None
        assert (grant.limits.apis, grant.limits.operations) == ({"shop"}, {"GET /orders"})
        assert grant.limits.networks == "10.0.0.0/8"
    assert second.record.networks == ("10.0.0.0/8",)


def test_keys_for_apis_that_are_not_declared_are_refused(service: KeyService) -> None:
    service.declare([], [], apis=["shop"])
    with pytest.raises(InvalidOrder, match="there is no API 'mail'; the configuration declares: shop"):
        service.create(NewKey("acme", apis=("mail",)))
    service.declare([], [])
    service.create(NewKey("acme", apis=("mail",)))


def test_the_last_use_is_shown_and_ignored_when_it_is_imported(service: KeyService, database: Database) -> None:
    issued = service.create(NewKey("acme"))
    KeyStore(database).note_uses({issued.key.id: 1_800_000_060.0})
    [record] = service.listing()
    assert record.last_used == datetime.fromtimestamp(1_800_000_060.0, UTC)
    assert service.import_records([msgspec.structs.replace(record, last_used=None)]).unchanged == 1
    assert service.listing() == [record]
    assert service.rotate(record.id, Rotation(60)).record.last_used is None


def test_where_keys_work_can_be_imported(service: KeyService, worker: WorkerKeyDirectory) -> None:
    record = service.create(NewKey("acme")).record
    changed = msgspec.structs.replace(record, networks=("10.0.0.0/8",), environment="test")
    assert service.import_records([changed]).changed == 1
    [listed] = service.listing()
    assert (listed.networks, listed.environment) == (("10.0.0.0/8",), "test")


def test_the_key_itself_is_nowhere_in_the_database(service: KeyService, database: Database, tmp_path: Any) -> None:
    secret = service.create(NewKey("acme")).key.reveal()[13:].encode()
    database.close()
    for path in tmp_path.iterdir():
        assert secret not in path.read_bytes()


def test_the_key_is_in_no_listing_and_no_representation(service: KeyService) -> None:
    issued = service.create(NewKey("acme"))
    secret = issued.key.reveal()[13:]
    assert secret not in repr((issued, service.listing()))
    assert secret.encode() not in msgspec.json.encode(service.listing()) + service.encode_snapshot()


def test_a_second_key_joins_the_consumer(service: KeyService) -> None:
    service.create(NewKey("acme", "gold", ("clerk", "auditor")))
    service.create(NewKey("acme"))
    service.create(NewKey("acme", "gold", ("auditor", "clerk", "clerk")))
    assert [(record.plan, record.roles) for record in service.listing("acme")] == 3 * [("gold", ("auditor", "clerk"))]


@pytest.mark.parametrize(
    "order",
    [NewKey("acme", "free"), NewKey("acme", ""), NewKey("acme", None, ("auditor",)), NewKey("acme", "gold", ())],
)
def test_an_order_that_contradicts_the_consumer_is_refused(service: KeyService, order: NewKey) -> None:
    service.create(NewKey("acme", "gold", ("clerk",)))
    with pytest.raises(KeyConflict, match=r"consumer acme exists with (plan gold, not|other roles: clerk)"):
        service.create(order)
    assert len(service.listing()) == 1


def test_plans_and_roles_that_the_configuration_does_not_declare_are_refused(service: KeyService) -> None:
    service.declare(["gold", "free"], ["clerk"])
    with pytest.raises(InvalidOrder, match=r"no plan 'gld'; the configuration declares: free, gold"):
        service.create(NewKey("acme", "gld"))
    with pytest.raises(InvalidOrder, match=r"no role 'boss'"):
        service.create(NewKey("acme", "gold", ("clerk", "boss")))
    service.create(NewKey("acme", "gold", ("clerk",)))


def test_roles_that_exclude_each_other_are_given_to_nobody(service: KeyService) -> None:
    service.declare([], ["payer", "approver", "clerk"], [("approver", "payer")])
    told = "nobody may hold the roles approver and payer together"
    with pytest.raises(InvalidOrder, match=told):
        service.create(NewKey("acme", roles=("payer", "clerk", "approver")))
    made = service.create(NewKey("acme", roles=("payer", "clerk"))).record
    with pytest.raises(InvalidOrder, match=told):
        service.import_records([msgspec.structs.replace(made, roles=("approver", "payer"))])
    assert [record.roles for record in service.listing()] == [("clerk", "payer")]
    service.import_records([msgspec.structs.replace(made, roles=("approver",))])
    service.declare([], ["payer", "approver"], [])
    service.import_records([msgspec.structs.replace(made, roles=("approver", "payer"))])


def test_a_key_expires(service: KeyService, worker: WorkerKeyDirectory, clock: Any) -> None:
    expires = datetime.fromtimestamp(clock.now + DAY, UTC)
    issued = service.create(NewKey("acme", expires=expires))
    assert issued.record.expires == expires
    assert _accepts(worker, issued.key, clock.now + DAY - 1)
    assert not _accepts(worker, issued.key, clock.now + DAY)
    clock.now += DAY
    assert [record.state for record in service.listing()] == ["expired"]


def test_a_key_that_has_expired_already_is_not_made(service: KeyService, clock: Any) -> None:
    with pytest.raises(InvalidOrder, match="past"):
        service.create(NewKey("acme", expires=datetime.fromtimestamp(clock.now, UTC)))


def test_both_keys_work_until_the_overlap_ends(service: KeyService, worker: WorkerKeyDirectory, clock: Any) -> None:
    old = service.create(NewKey("acme", "gold", scopes=("orders:read",), label="live"))
    new = service.rotate(old.key.id, Rotation(HOUR))
    assert (new.record.scopes, new.record.label, new.record.consumer) == (("orders:read",), "live", "acme")
    assert new.record.lineage == old.key.id
    for offset, old_works in ((0.0, True), (HOUR - 1, True), (HOUR, False)):
        assert _accepts(worker, old.key, clock.now + offset) == old_works
        assert _accepts(worker, new.key, clock.now + offset)
    states = {record.id: (record.state, record.replaced_by) for record in service.listing()}
    assert states == {old.key.id: ("rotating", new.key.id), new.key.id: ("live", None)}
    clock.now += HOUR
    assert {record.id: record.state for record in service.listing()}[old.key.id] == "replaced"


def test_without_an_overlap_the_old_key_stops_at_once(
    service: KeyService, worker: WorkerKeyDirectory, clock: Any
) -> None:
    old = service.create(NewKey("acme"))
    service.rotate(old.key.id, Rotation(0))
    assert not _accepts(worker, old.key, clock.now)


def test_a_rotated_key_lives_as_long_as_the_old_one_did(service: KeyService, clock: Any) -> None:
    old = service.create(NewKey("acme", expires=datetime.fromtimestamp(clock.now + 30 * DAY, UTC)))
    clock.now += 20 * DAY
    new = service.rotate(old.key.id, Rotation())
    assert new.record.expires == datetime.fromtimestamp(clock.now + 30 * DAY, UTC)


def test_at_most_two_keys_of_a_lineage_work(service: KeyService, clock: Any) -> None:
    first = service.create(NewKey("acme"))
    second = service.rotate(first.key.id, Rotation(DAY))
    with pytest.raises(KeyConflict, match=f"already replaced by {second.key.id}"):
        service.rotate(first.key.id, Rotation())
    with pytest.raises(KeyConflict, match=f"{first.key.id}, which {second.key.id} replaces, still works"):
        service.rotate(second.key.id, Rotation())
    clock.now += DAY
    service.rotate(second.key.id, Rotation())


def test_revoking_the_old_key_makes_room_for_the_next_rotation(service: KeyService) -> None:
    first = service.create(NewKey("acme"))
    second = service.rotate(first.key.id, Rotation(DAY))
    service.revoke(first.key.id)
    service.rotate(second.key.id, Rotation())


@rows("overlap", [-1.0, 91 * DAY, float("nan"), float("inf")])
def test_an_impossible_overlap_is_refused(service: KeyService, overlap: float) -> None:
    issued = service.create(NewKey("acme"))
    with pytest.raises(InvalidOrder, match="overlap"):
        service.rotate(issued.key.id, Rotation(overlap))


def test_a_revoked_key_is_refused_by_workers_at_once_and_for_good(
    service: KeyService, worker: WorkerKeyDirectory, clock: Any
) -> None:
    issued = service.create(NewKey("acme"))
    record = service.revoke(issued.key.id)
    assert not _accepts(worker, issued.key, clock.now)
    clock.now += 5
    assert service.revoke(issued.key.id).revoked == record.revoked
    with pytest.raises(KeyConflict, match="revoked"):
        service.rotate(issued.key.id, Rotation())


@rows("key_id", ["zzzzzzzz", "", "../../etc", "x" * 10_000, "ABCDEFGH"])
def test_an_unknown_id_is_an_error_that_repeats_nothing(service: KeyService, key_id: str) -> None:
    for attempt in (lambda: service.revoke(key_id), lambda: service.rotate(key_id, Rotation())):
        with pytest.raises(UnknownKeyId) as caught:
            attempt()
        assert not key_id or key_id not in caught.value.detail


def test_an_id_that_is_taken_is_not_given_again(database: Database, clock: Any) -> None:
    numbers = iter([5, 1, 5, 2, 6, 3])
    service = KeyService(KeyStore(database), clock, lambda _n: next(numbers))
    first, second = service.create(NewKey("acme")), service.create(NewKey("acme"))
    assert first.key.id != second.key.id


def test_a_source_of_ids_that_is_stuck_is_an_error(database: Database, clock: Any) -> None:
    service = KeyService(KeyStore(database), clock, lambda _n: 0)
    service.create(NewKey("acme"))
    with pytest.raises(KeyConflict, match="no free key id"):
        service.create(NewKey("acme"))


def test_changes_of_another_process_reach_workers_when_polled(
    service: KeyService, worker: WorkerKeyDirectory, database: Database
) -> None:
    with_database = open_database(database.url)
    other = KeyService(KeyStore(with_database))
    issued = other.create(NewKey("acme"))
    assert worker.find(issued.key.digest) is None
    assert service.poll()
    assert worker.find(issued.key.digest) is not None
    assert not service.poll()
    with_database.close()


def test_a_worker_that_starts_later_is_told_everything(service: KeyService) -> None:
    keys = [service.create(NewKey("acme")).key for _ in range(3)]
    service.revoke(keys[1].id)
    late = WorkerKeyDirectory()
    late.apply(service.encode_snapshot())
    found = [late.find(key.digest) for key in keys]
    assert [grant.revoked for grant in found if grant] == [False, True, False]
    assert late.revision == service.revision == 4


def test_changes_since_a_revision_are_those_after_it(service: KeyService) -> None:
    first = service.create(NewKey("acme")).key
    revision = service.revision
    second = service.create(NewKey("acme")).key
    assert [change.id for change in service.changes_since(revision)] == [second.id]
    assert {change.id for change in service.changes_since(-1)} == {first.id, second.id}
    directory = WorkerKeyDirectory()
    directory.apply(service.encode_changes(revision))
    assert not directory.ready


def test_a_subscriber_that_has_left_is_not_called(service: KeyService) -> None:
    messages: list[bytes] = []
    leave = service.subscribe(messages.append)
    service.create(NewKey("acme"))
    leave()
    service.create(NewKey("acme"))
    assert len(messages) == 1


def test_a_subscriber_that_fails_does_not_hide_the_change(
    service: KeyService, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_message: bytes) -> None:
        raise RuntimeError("deaf")

    messages: list[bytes] = []
    service.subscribe(fail)
    service.subscribe(messages.append)
    with caplog.at_level(logging.ERROR):
        issued = service.create(NewKey("acme"))
    assert len(messages) == 1
    assert issued.key.reveal()[13:] not in caplog.text


def test_nothing_is_kept_of_an_order_that_fails_half_way(service: KeyService, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_n: int) -> int:
        raise OSError("no entropy")

    monkeypatch.setattr(service, "_random_below", fail)
    with pytest.raises(OSError, match="entropy"):
        service.create(NewKey("acme", "gold"))
    monkeypatch.undo()
    service.create(NewKey("acme", "free"))


def _elsewhere(database: Database, tmp_path: Any, clock: Any) -> tuple[Database, KeyService]:
    from portcullis.stores.database.connection import locate
    from portcullis.stores.database.migrate import bring_up_to_date

    folder = tmp_path / "elsewhere"
    folder.mkdir()
    other = open_database(locate(None, folder, folder))
    bring_up_to_date(other)
    return other, KeyService(KeyStore(other), clock, random.Random(4).randrange)


def test_what_is_listed_can_be_imported_elsewhere(
    service: KeyService, database: Database, tmp_path: Any, clock: Any
) -> None:
    clock.now += 0.123456
    first = service.create(NewKey("acme", "gold", ("clerk",), ("orders:read",), "live"))
    service.rotate(first.key.id, Rotation(HOUR + 0.0005))
    service.revoke(service.create(NewKey("globex")).key.id)
    listing = msgspec.json.decode(msgspec.json.encode(service.listing()), type=list[KeyRecord])
    other_database, other = _elsewhere(database, tmp_path, clock)
    assert other.import_records(listing).added == 3
    assert other.listing() == service.listing()
    again = other.import_records(listing)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 3)
    assert other.revision == 1
    other_database.close()


def _record(service: KeyService, **values: Any) -> KeyRecord:
    return msgspec.structs.replace(service.listing()[0], **values)


def test_an_import_changes_what_is_declared_otherwise(service: KeyService, worker: WorkerKeyDirectory) -> None:
    key = service.create(NewKey("acme", "gold")).key
    imported = service.import_records([_record(service, plan="free", scopes=("a",))])
    assert (imported.added, imported.changed, imported.unchanged) == (0, 1, 0)
    grant = worker.find(key.digest)
    assert grant is not None
    assert (grant.consumer.plan, grant.scopes) == ("free", {"a"})


def test_an_import_does_not_bring_a_revoked_key_back(service: KeyService, worker: WorkerKeyDirectory) -> None:
    key = service.create(NewKey("acme")).key
    before = _record(service)
    service.revoke(key.id)
    service.import_records([before])
    grant = worker.find(key.digest)
    assert grant is not None
    assert grant.revoked


@pytest.mark.parametrize("values", [{"digest": "sha256:" + 64 * "0"}, {"id": "zzzzzzzz"}])
def test_an_import_that_contradicts_what_is_there_changes_nothing(service: KeyService, values: dict[str, Any]) -> None:
    service.create(NewKey("acme"))
    new = KeyRecord("aaaaaaaa", "sha256:" + 64 * "1", "globex")
    with pytest.raises(KeyConflict):
        service.import_records([new, _record(service, **values)])
    assert [record.consumer for record in service.listing()] == ["acme"]
