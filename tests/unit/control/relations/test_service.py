from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from portcullis.control.relations.orders import (
    Changed,
    CheckOrder,
    ImportGoesOn,
    InvalidTuples,
    PageOrder,
    RelationServiceError,
    RelationStoreFailed,
)
from portcullis.control.relations.service import BATCH, RelationService
from portcullis.engine.relations.checking import MAX_OBJECTS
from portcullis.engine.relations.tuples import parse_tuple
from portcullis.stores.relations.listing import TupleFilter


def all_of(relations: RelationService) -> list[str]:
    return sorted(relations.page(PageOrder(most=5000)).tuples)


def test_tuples_are_added_asked_about_and_removed(relations: RelationService) -> None:
    made = ["order:1#owner@user:alice", "order:1#viewer@group:staff#member", "group:staff#member@user:bob"]
    assert relations.add(made) == Changed(3, added=3)
    assert relations.add(made[:1]) == Changed(1)
    for asked, related in (
        ("order:1#viewer@user:bob", True),
        ("order:1#viewer@user:alice", True),
        ("order:1#owner@user:bob", False),
        ("order:1#viewer@group:staff#member", True),
    ):
        assert relations.check(CheckOrder(asked)).related is related
    assert relations.remove([made[2], "order:9#owner@user:x"]) == Changed(2, removed=1)
    assert not relations.check(CheckOrder("order:1#viewer@user:bob")).related


def test_of_several_tuples_one_that_is_not_as_declared_keeps_all_from_being_added(relations: RelationService) -> None:
    with pytest.raises(
        InvalidTuples, match=r"order:1#ownr@user:a: order has no relation ownr: did you mean \"owner\"\?"
    ):
        relations.add(["order:1#owner@user:a", "order:1#ownr@user:a"])
    with pytest.raises(InvalidTuples, match="a tuple is written"):
        relations.add(["order:1#owner@user:a", "order:1"])
    assert all_of(relations) == []


def test_what_was_declared_once_can_be_removed_still(relations: RelationService) -> None:
    relations.add(["group:g#member@user:a"])
    relations.declare({"user": ["staff"], "order": {"owner": ["user"]}})
    with pytest.raises(InvalidTuples, match="there is no type group"):
        relations.add(["group:g#member@user:b"])
    with pytest.raises(InvalidTuples, match="there is no type group"):
        relations.check(CheckOrder("group:g#member@user:a"))
    assert relations.remove(["group:g#member@user:a"]) == Changed(1, removed=1)


def test_without_relations_in_the_file_nothing_is_added(path: Path) -> None:
    service = RelationService(path)
    service.declare({})
    service.prepare()
    assert not path.exists()
    with pytest.raises(InvalidTuples, match="declares no relations"):
        service.add(["order:1#owner@user:a"])
    with pytest.raises(InvalidTuples, match="declares no relations"), service.importing():
        raise AssertionError
    for ask in (lambda: service.page(PageOrder()), lambda: service.check(CheckOrder("order:1#owner@user:a"))):
        with pytest.raises(RelationServiceError):
            ask()
    service.close()


def test_a_question_that_goes_too_far_has_no_answer(relations: RelationService) -> None:
    relations.add([f"order:1#viewer@group:{n}#member" for n in range(MAX_OBJECTS)])
    with pytest.raises(
        RelationServiceError, match="objects would have to be looked at; whoever asks is refused"
    ) as error:
        relations.check(CheckOrder("order:1#viewer@user:a"))
    assert error.value.code == "relations.too_far"


def test_tuples_are_listed_in_pages(relations: RelationService) -> None:
    relations.add([f"order:{n}#owner@user:a" for n in range(5)])
    first = relations.page(PageOrder(most=3)).tuples
    assert len(first) == 3
    rest = relations.page(PageOrder(TupleFilter(type="order"), after=first[-1], most=3)).tuples
    assert sorted([*first, *rest]) == all_of(relations)
    with pytest.raises(InvalidTuples):
        relations.page(PageOrder(after="x"))


def test_what_workers_saw_created_is_kept_unless_somebody_has_it(relations: RelationService) -> None:
    alice, bob = parse_tuple("order:1#owner@user:alice"), parse_tuple("order:1#owner@user:bob")
    assert relations.keep([alice]) == [True]
    assert relations.keep([bob, alice]) == [False, True]
    assert relations.keep([parse_tuple("other:1#made_by@user:alice")]) == [True]  # by a newer file than this one


@pytest.mark.slow
def test_many_tuples_are_imported_or_none(relations: RelationService) -> None:
    told: list[int] = []
    count = 2 * BATCH + 3
    lines = [f"order:{n}#owner@user:a" for n in range(count)]
    lines.insert(1, "")
    assert relations.import_tuples(iter(lines), replace=False, told=told.append) == Changed(count, added=count)
    assert told[-1] == count
    assert len(told) == 3
    assert relations.import_tuples(["order:x#owner@user:a"], replace=True, told=told.append) == Changed(1, 1, count)
    assert all_of(relations) == ["order:x#owner@user:a"]


def test_lines_that_say_no_tuple_are_told_with_their_numbers(relations: RelationService) -> None:
    lines = ["order:1#owner@user:a"] * BATCH + ["", "order:1", "order:1#owner@user:a", "order:1#x@user:a"]
    with pytest.raises(InvalidTuples) as error:
        relations.import_tuples(lines, replace=True, told=lambda _count: None)
    first, second = error.value.detail.split("\n")
    assert first.startswith(f"line {BATCH + 2}: 'order:1': a tuple is written")
    assert second.startswith(f"line {BATCH + 4}: 'order:1#x@user:a': order has no relation x")
    assert all_of(relations) == []
    with pytest.raises(InvalidTuples) as error:
        relations.import_tuples(["?"] * 100, replace=True, told=lambda _count: None)
    assert len(error.value.detail.split("\n")) == 10


def test_one_import_goes_on_at_a_time_and_others_write_meanwhile(relations: RelationService) -> None:
    def lines() -> Iterator[str]:
        yield "order:1#owner@user:a"
        with pytest.raises(ImportGoesOn):
            relations.import_tuples([], replace=False, told=lambda _count: None)
        relations.tidy()  # what is going on is not tidied away
        assert relations.add(["order:2#owner@user:b"]) == Changed(1, added=1)
        yield "order:3#owner@user:c"

    assert relations.import_tuples(lines(), replace=False, told=lambda _count: None) == Changed(2, added=2)
    assert len(all_of(relations)) == 3


def test_an_import_that_fails_lets_the_next_one_begin(relations: RelationService, path: Path) -> None:
    def lines() -> Iterator[str]:
        yield "order:1#owner@user:a"
        raise KeyError

    with pytest.raises(KeyError):
        relations.import_tuples(lines(), replace=False, told=lambda _count: None)
    assert relations.import_tuples(["order:2#owner@user:a"], replace=False, told=lambda _count: None).added == 1
    leftover = path.with_name("relations.db.import")
    leftover.write_bytes(b"x")
    relations.tidy()
    assert not leftover.exists()


def test_a_file_that_can_not_be_used_is_told_of(tmp_path: Path) -> None:
    service = RelationService(tmp_path / "relations.db")
    (tmp_path / "relations.db").write_bytes(b"no database" * 100)
    service.declare({"user": ["staff"], "order": {"owner": ["user"]}})
    with pytest.raises(RelationStoreFailed, match="not a database"):
        service.prepare()
    with pytest.raises(RelationStoreFailed, match="not a database"):
        service.add(["order:1#owner@user:a"])
    with pytest.raises(RelationStoreFailed, match="not a database"):
        service.page(PageOrder())
    with pytest.raises(RelationStoreFailed, match="not a database"):
        service.check(CheckOrder("order:1#owner@user:a"))


def test_several_threads_can_use_it(relations: RelationService) -> None:
    def work(name: str) -> None:
        for number in range(20):
            relations.add([f"order:{name}{number}#owner@user:a"])
            assert relations.check(CheckOrder(f"order:{name}{number}#owner@user:a")).related

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(all_of(relations)) == 80
