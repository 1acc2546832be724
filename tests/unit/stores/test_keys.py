from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.engine.ports import KeyDirectory
from portcullis.stores.keys import KeyChange, KeyUpdateError, WorkerKeyDirectory, encode_update


def _change(number: int, revision: int, **values: Any) -> KeyChange:
    defaults: dict[str, Any] = {
        "digest": bytes([number]) * 32,
        "revision": revision,
        "id": f"key{number:05}",
        "consumer": "acme",
        "plan": "gold",
        "roles": ("clerk",),
        "scopes": ("orders:read",),
        "expires": None,
        "not_after": None,
        "revoked": False,
    }
    return KeyChange(**{**defaults, **values})


def _update(revision: int, *changes: KeyChange, snapshot: bool = False) -> bytes:
    return encode_update(revision, changes, snapshot=snapshot)


@pytest.fixture
def directory() -> WorkerKeyDirectory:
    return WorkerKeyDirectory()


def test_a_directory_is_what_the_engine_asks_for(directory: WorkerKeyDirectory) -> None:
    port: KeyDirectory = directory
    assert port.find(b"x" * 32) is None


def test_a_snapshot_makes_keys_known(directory: WorkerKeyDirectory) -> None:
    directory.apply(_update(3, _change(1, 2, expires=50.0), _change(2, 3, revoked=True), snapshot=True))
    grant = directory.find(b"\1" * 32)
    assert grant is not None
    assert (grant.id, grant.consumer.name, grant.consumer.plan) == ("key00001", "acme", "gold")
    assert (grant.consumer.roles, grant.scopes) == ({"clerk"}, {"orders:read"})
    assert (grant.expires, grant.usable_until) == (50.0, 50.0)
    revoked = directory.find(b"\2" * 32)
    assert revoked is not None
    assert (revoked.revoked, revoked.usable_until) == (True, 0.0)
    assert repr(directory) == "WorkerKeyDirectory(keys=2, revision=3, ready=True)"


def test_where_keys_work_is_known_and_shared(directory: WorkerKeyDirectory) -> None:
    places: dict[str, Any] = {"apis": ("shop",), "networks": ("10.0.0.0/8",)}
    changes = (_change(1, 1, **places, environment="live"), _change(2, 1, **places), _change(3, 1))
    directory.apply(_update(1, *changes, snapshot=True))
    first, second, third = (directory.find(bytes([number]) * 32) for number in (1, 2, 3))
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.limits is second.limits is not None
    assert (first.environment, third.environment, third.limits) == ("live", "", None)


def test_before_the_first_snapshot_no_key_is_known(directory: WorkerKeyDirectory) -> None:
    directory.apply(_update(5, _change(1, 5)))
    assert directory.find(b"\1" * 32) is None
    assert not directory.ready


def test_a_change_that_overtook_the_snapshot_is_not_lost(directory: WorkerKeyDirectory) -> None:
    directory.apply(_update(5, _change(1, 5, revoked=True)))
    directory.apply(_update(4, _change(1, 4), snapshot=True))
    grant = directory.find(b"\1" * 32)
    assert grant is not None
    assert grant.revoked
    assert directory.revision == 5


def test_an_older_change_does_not_undo_a_newer_one(directory: WorkerKeyDirectory) -> None:
    directory.apply(_update(2, _change(1, 2, revoked=True), snapshot=True))
    directory.apply(_update(1, _change(1, 1)))
    grant = directory.find(b"\1" * 32)
    assert grant is not None
    assert grant.revoked


def test_a_later_snapshot_forgets_what_is_gone(directory: WorkerKeyDirectory) -> None:
    directory.apply(_update(2, _change(1, 1), _change(2, 2), snapshot=True))
    directory.apply(_update(4, _change(3, 4)))
    directory.apply(_update(3, _change(2, 2), snapshot=True))
    assert directory.find(b"\1" * 32) is None
    assert directory.find(b"\2" * 32) is not None
    assert directory.find(b"\3" * 32) is not None


def test_keys_of_one_consumer_share_what_describes_it(directory: WorkerKeyDirectory) -> None:
    directory.apply(_update(2, _change(1, 1), _change(2, 2), snapshot=True))
    first, second = directory.find(b"\1" * 32), directory.find(b"\2" * 32)
    assert first is not None
    assert second is not None
    assert first.consumer is second.consumer


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"junk",
        _update(1, _change(1, 1))[:-1],
        msgspec.msgpack.encode({"revision": 1}),
        msgspec.msgpack.encode([1, True, [["not", "a", "key"]]]),
        _update(1, _change(1, 1, digest=b"short")),
        _update(1, _change(1, 1, digest=b"")),
    ],
)
def test_a_message_that_cannot_be_read_changes_nothing(directory: WorkerKeyDirectory, message: bytes) -> None:
    directory.apply(_update(1, _change(7, 1), snapshot=True))
    with pytest.raises(KeyUpdateError):
        directory.apply(message)
    assert len(directory) == 1


@given(st.permutations(range(1, 6)), st.integers(0, 5), st.integers(0, 5))
def test_any_order_of_arrival_ends_in_the_same_knowledge(order: list[int], snapshot_at: int, position: int) -> None:
    # Revision r changes key r % 2; a snapshot taken at some revision arrives at some position among the changes.
    changes = {revision: _change(revision % 2, revision, plan=f"plan-{revision}") for revision in range(1, 6)}
    at_snapshot = [
        changes[max(revisions)]
        for _, group in itertools.groupby(sorted(range(1, snapshot_at + 1), key=lambda r: r % 2), key=lambda r: r % 2)
        if (revisions := list(group))
    ]
    messages = [_update(revision, changes[revision]) for revision in order]
    messages.insert(position, _update(snapshot_at, *at_snapshot, snapshot=True))
    directory = WorkerKeyDirectory()
    for message in messages:
        directory.apply(message)
    found = [directory.find(bytes([number]) * 32) for number in (0, 1)]
    assert [grant.consumer.plan for grant in found if grant] == ["plan-4", "plan-5"]
