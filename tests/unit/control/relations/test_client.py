from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.api import create_control_api
from portcullis.control.keys import KeyService
from portcullis.control.relations.client import Relations, RemoteRelations
from portcullis.control.relations.orders import Changed, CheckOrder, InvalidTuples, PageOrder, RelationServiceError
from portcullis.control.relations.routes import relation_routes
from portcullis.control.relations.service import RelationService

Serve = Callable[[Any], Path]


@pytest.fixture
def remote(relations: RelationService, service: KeyService, serve: Serve) -> Iterator[RemoteRelations]:
    remote = RemoteRelations(serve(create_control_api(service, relation_routes(relations))))
    yield remote
    remote.close()


def test_the_client_does_what_the_service_does(remote: RemoteRelations, relations: RelationService) -> None:
    asked: Relations = remote
    assert asked.add(["order:1#owner@user:a", "order:2#owner@user:a"]) == Changed(2, added=2)
    assert asked.remove(["order:2#owner@user:a"]) == Changed(1, removed=1)
    assert asked.check(CheckOrder("order:1#viewer@user:a")).related
    assert asked.page(PageOrder()) == relations.page(PageOrder())
    with pytest.raises(InvalidTuples, match="order has no relation x"):
        asked.add(["order:1#x@user:a"])


def test_tuples_are_sent_as_they_are_read(remote: RemoteRelations, relations: RelationService) -> None:
    told: list[int] = []
    lines = (f"order:{n}#owner@user:a" for n in range(12_345))
    assert remote.import_tuples(lines, replace=False, told=told.append) == Changed(12_345, added=12_345)
    assert told[-1] == 12_345
    assert remote.import_tuples(["order:1#owner@user:b"], replace=True, told=told.append) == Changed(1, 1, 12_345)


@pytest.mark.slow
def test_a_wrong_line_ends_an_import_that_is_still_being_sent(
    remote: RemoteRelations, relations: RelationService
) -> None:
    lines = (f"order:{n}#owner@user:a" if n != 7 else "order:7" for n in range(200_000))
    with pytest.raises(InvalidTuples, match="line 8: 'order:7'"):
        remote.import_tuples(lines, replace=False, told=lambda _count: None)
    assert relations.page(PageOrder()).tuples == []
    assert remote.add(["order:1#owner@user:a"]).added == 1


@pytest.mark.slow
def test_a_source_that_fails_leaves_nothing(remote: RemoteRelations, relations: RelationService) -> None:
    def lines() -> Iterator[str]:
        for number in range(20_000):
            yield f"order:{number}#owner@user:a"
        raise KeyError

    with pytest.raises(KeyError):
        remote.import_tuples(lines(), replace=False, told=lambda _count: None)
    assert relations.page(PageOrder()).tuples == []
    added = 0
    while not added:
        with suppress(RelationServiceError):  # that the sender is gone shows a little later
            added = remote.import_tuples(["order:1#owner@user:a"], replace=False, told=lambda _count: None).added
    assert added == 1
