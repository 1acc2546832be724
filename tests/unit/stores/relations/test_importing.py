from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from portcullis.engine.relations.checking import Work
from portcullis.engine.relations.model import RelationModel
from portcullis.engine.relations.tuples import parse_tuple
from portcullis.stores.relations.importing import SUFFIX, RelationImport, discard_leftovers
from portcullis.stores.relations.listing import TupleFilter, page_of
from portcullis.stores.relations.reading import RelationReader
from portcullis.stores.relations.schema import RelationFileError
from portcullis.stores.relations.writing import RelationWriter

OLD = ["order:1#owner@user:alice", "order:2#owner@user:bob"]
NEW = ["order:2#owner@user:bob", "order:3#owner@user:carol", "group:g#member@user:dave"]


def take(texts: list[str], running: RelationImport) -> None:
    running.take(list(map(parse_tuple, texts)))


def all_in(path: Path) -> list[str]:
    return sorted(str(each) for each in page_of(path, TupleFilter(), None, 5000))


def test_what_was_taken_is_added_when_it_is_merged(path: Path, writer: RelationWriter) -> None:
    writer.add(list(map(parse_tuple, OLD)))
    with RelationImport(writer) as running:
        take(NEW[:2], running)
        take([*NEW[2:], NEW[0]], running)
        assert all_in(path) == OLD
        assert running.merge(replace=False) == (2, 0)
    assert all_in(path) == sorted({*OLD, *NEW})
    assert not path.with_name(path.name + SUFFIX).exists()


def test_with_replace_nothing_else_is_left(path: Path, writer: RelationWriter) -> None:
    writer.add(list(map(parse_tuple, OLD)))
    with RelationImport(writer) as running:
        take(NEW, running)
        assert running.merge(replace=True) == (2, 1)
    assert all_in(path) == sorted(NEW)
    with RelationImport(writer) as running:
        assert running.merge(replace=True) == (0, 3)
    assert all_in(path) == []


def test_an_import_that_is_left_changes_nothing(path: Path, writer: RelationWriter) -> None:
    writer.add(list(map(parse_tuple, OLD)))

    def begin(running: RelationImport) -> None:
        take(NEW, running)
        raise KeyError

    with pytest.raises(KeyError), RelationImport(writer) as running:
        begin(running)
    assert all_in(path) == OLD
    assert not path.with_name(path.name + SUFFIX).exists()
    with pytest.raises(RelationFileError, match="is over"):
        take(NEW, running)


def test_leftovers_of_another_import_are_not_taken(path: Path, writer: RelationWriter) -> None:
    path.with_name(path.name + SUFFIX).write_bytes(b"half an import")
    with RelationImport(writer) as running:
        take(NEW, running)
        assert running.merge(replace=False) == (3, 0)
    path.with_name(path.name + SUFFIX).write_bytes(b"half an import")
    discard_leftovers(path)
    assert not path.with_name(path.name + SUFFIX).exists()
    discard_leftovers(path)


def test_an_import_that_goes_on_is_left_alone_whoever_makes_it(path: Path, writer: RelationWriter) -> None:
    """A command that found no control process imports by itself, and one begins meanwhile and tidies up."""
    with RelationImport(writer) as running:
        take(NEW, running)
        discard_leftovers(path)
        with pytest.raises(RelationFileError, match="another import is under way"), RelationImport(writer):
            pass
        assert running.merge(replace=True) == (3, 0)
    assert all_in(path) == sorted(NEW)
    with RelationImport(writer) as running:
        assert running.merge(replace=True) == (0, 3)


def test_on_a_full_disk_the_old_state_stays(path: Path, writer: RelationWriter) -> None:
    writer.add(list(map(parse_tuple, OLD)))
    writer._connection.execute("PRAGMA max_page_count=20")
    with RelationImport(writer) as running:
        take([f"order:{n}#owner@user:{'x' * 200}" for n in range(5000)], running)
        with pytest.raises(RelationFileError, match="the disk is full; nothing was changed"):
            running.merge(replace=True)
    assert all_in(path) == OLD
    writer._connection.execute("PRAGMA max_page_count=1000000")
    assert writer.add(list(map(parse_tuple, NEW))) == 2


def test_where_no_import_can_be_made_that_is_told(path: Path, writer: RelationWriter) -> None:
    path.with_name(path.name + SUFFIX).mkdir()
    with pytest.raises((RelationFileError, OSError)), RelationImport(writer):
        raise AssertionError


def test_who_reads_meanwhile_sees_the_old_state_or_the_new_one(
    path: Path, writer: RelationWriter, model: RelationModel
) -> None:
    owner = model.path("order", "owner", "user")
    reader = RelationReader(path)
    with RelationImport(writer) as running:
        take([f"order:{n}#owner@user:alice" for n in range(2000)], running)
        assert not reader.check(owner, "1999", "alice", Work())
        running.merge(replace=False)
    assert reader.check(owner, "1999", "alice", Work())
    reader.close()


def killed_while(path: Path, work: Callable[[RelationWriter], None], after: float) -> None:
    """Let a process do ``work`` with the file, and kill it on the way."""
    process = os.fork()
    if process == 0:
        work(RelationWriter(path))
        os._exit(0)
    time.sleep(after)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.05, 0.15, 0.3, 0.5, 0.8, 1.2])
def test_whoever_is_killed_leaves_the_old_state_or_the_new_one(
    path: Path, writer: RelationWriter, model: RelationModel, after: float
) -> None:
    writer.add([parse_tuple("order:old#owner@user:alice")])
    writer.close()
    reader = RelationReader(path)
    owner = model.path("order", "owner", "user")
    assert reader.check(owner, "old", "alice", Work())
    count = 60_000

    def work(writer: RelationWriter) -> None:
        with RelationImport(writer) as running:
            for first in range(0, count, 5000):
                take([f"order:{n}#owner@user:u{n * 7919 % count}" for n in range(first, first + 5000)], running)
            running.merge(replace=True)

    killed_while(path, work, after)
    again = RelationWriter(path)
    discard_leftovers(path)
    with again.transaction() as connection:
        (found,) = connection.execute("SELECT count(*) FROM tuples").fetchone()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert found in (1, count)
    assert reader.check(owner, "old", "alice", Work()) is (found == 1)
    assert reader.check(owner, "1", "u7919", Work()) is (found == count)
    assert again.add([parse_tuple("order:new#owner@user:alice")]) == 1
    assert reader.check(owner, "new", "alice", Work())
    reader.close()
    again.close()
