from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from portcullis.engine.relations.tuples import parse_tuple
from portcullis.stores.relations.listing import TupleFilter, page_of
from portcullis.stores.relations.schema import RelationFileError, open_for_reading
from portcullis.stores.relations.writing import RelationWriter

ALICE, BOB = parse_tuple("order:1#owner@user:alice"), parse_tuple("order:1#owner@user:bob")


def all_in(path: Path) -> list[str]:
    return [str(each) for each in page_of(path, TupleFilter(), None, 1000)]


def test_tuples_are_added_and_removed_once(path: Path, writer: RelationWriter) -> None:
    assert writer.add([ALICE, BOB, ALICE]) == 2
    assert writer.add([ALICE]) == 0
    assert all_in(path) == [str(ALICE), str(BOB)]
    assert writer.remove([ALICE, parse_tuple("order:9#owner@user:x")]) == 1
    assert all_in(path) == [str(BOB)]
    assert writer.add([]) == writer.remove([]) == 0
    assert repr(writer) == f"<RelationWriter {path}>"


def test_a_tuple_is_kept_where_nobody_else_has_the_relation(path: Path, writer: RelationWriter) -> None:
    other = parse_tuple("order:2#owner@user:bob")
    assert writer.keep([ALICE]) == [True]
    assert writer.keep([ALICE, BOB, other]) == [True, False, True]
    assert writer.keep([parse_tuple("order:1#owner@group:alice#member")]) == [False]
    assert all_in(path) == [str(ALICE), str(other)]
    writer.add([BOB])
    assert writer.keep([ALICE, BOB]) == [False, False]


def test_names_get_a_number_that_stays(path: Path, writer: RelationWriter) -> None:
    writer.name(["user", "order#owner", "user"])
    with closing(open_for_reading(path)) as connection:
        before = dict(connection.execute("SELECT name, number FROM names"))
    assert set(before) == {"user", "order#owner"}
    again = RelationWriter(path)
    again.name(["order#viewer", "user"])
    again.close()
    with closing(open_for_reading(path)) as connection:
        assert before.items() <= dict(connection.execute("SELECT name, number FROM names")).items()


def test_a_change_that_fails_leaves_nothing_and_the_next_one_works(path: Path, writer: RelationWriter) -> None:
    def begin(connection: sqlite3.Connection) -> None:
        writer.number(connection, "order#owner")
        raise KeyError

    with pytest.raises(KeyError), writer.transaction() as connection:
        begin(connection)
    writer.add([ALICE])
    assert all_in(path) == [str(ALICE)]


def test_on_a_full_disk_nothing_is_changed_and_reading_goes_on(path: Path, writer: RelationWriter) -> None:
    writer.add([ALICE])
    with writer.transaction() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    writer._connection.execute(f"PRAGMA max_page_count={pages + 2}")
    many = [parse_tuple(f"order:{n}#owner@user:{'x' * 200}{n}") for n in range(1000)]
    with pytest.raises(RelationFileError, match="the disk is full; nothing was changed"):
        writer.add(many)
    assert all_in(path) == [str(ALICE)]
    writer._connection.execute("PRAGMA max_page_count=1000000")
    assert writer.add(many) == 1000


def test_writers_wait_for_each_other(path: Path, writer: RelationWriter) -> None:
    other = RelationWriter(path)

    def add(which: RelationWriter, name: str) -> None:
        for number in range(50):
            which.add([parse_tuple(f"order:{name}{number}#owner@user:alice")])

    threads = [
        threading.Thread(target=add, args=(each, name)) for each, name in ((writer, "a"), (other, "b"), (other, "c"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert len(all_in(path)) == 150


def test_the_log_is_given_back(path: Path, writer: RelationWriter) -> None:
    writer.add([parse_tuple(f"order:{n}#owner@user:alice") for n in range(5000)])
    log = path.with_name("relations.db-wal")
    assert log.stat().st_size > 0
    writer.checkpoint()
    assert log.stat().st_size == 0


def test_a_closed_file_is_an_error_of_its_own(path: Path) -> None:
    writer = RelationWriter(path)
    writer.close()
    with pytest.raises(RelationFileError):
        writer.add([ALICE])
    with pytest.raises(RelationFileError):
        writer.checkpoint()
    with pytest.raises(sqlite3.ProgrammingError):
        writer._connection.execute("SELECT 1")
