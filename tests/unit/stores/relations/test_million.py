"""What a million tuples cost: figures that the documentation promises, printed with ``pytest -s``.

A machine that others keep busy is slower by half or more, so what must hold is how many bare look-ups in SQLite a check
costs, both measured in the same run.
"""

from __future__ import annotations

import random
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from portcullis.engine.relations.checking import Work
from portcullis.engine.relations.model import RelationModel
from portcullis.engine.relations.tuples import RelationTuple
from portcullis.stores.relations.importing import RelationImport
from portcullis.stores.relations.reading import RelationReader
from portcullis.stores.relations.writing import RelationWriter

COUNT = 1_000_000
DIRECT, THREE_HOPS = 14, 70
"""Bare look-ups that a check may cost: twice what was measured, since neighbours in the caches count double here."""
USERS, ORDERS, GROUPS = 100_000, 700_000, 5_000
MIB = 1024 * 1024


def a_million() -> Iterator[RelationTuple]:
    """Orders of users, shared with groups, each of which is within another: three hops to whoever is in that."""
    made = random.Random(1)
    for order in range(ORDERS):
        yield RelationTuple("order#owner", str(order), "user", f"user-{order % USERS}")
    for order in range(150_000):
        yield RelationTuple("order#viewer", str(order), "group#member", f"group-{order % GROUPS}")
    for group in range(GROUPS):
        yield RelationTuple("group#member", f"group-{group}", "group#member", f"outer-{group}")
    for number in range(COUNT - ORDERS - 150_000 - GROUPS):
        yield RelationTuple(
            "group#member", f"outer-{number % GROUPS}", "user", f"user-{made.randrange(USERS)}-{number}"
        )


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("million") / "relations.db"
    writer = RelationWriter(path)
    begun = time.perf_counter()
    with RelationImport(writer) as running:
        batch: list[RelationTuple] = []
        for each in a_million():
            batch.append(each)
            if len(batch) == 5_000:
                running.take(batch)
                batch = []
        running.take(batch)
        staged = time.perf_counter()
        assert running.merge(replace=True) == (COUNT, 0)
    print(f"\nimported: {staged - begun:.1f} s, and {time.perf_counter() - staged:.1f} s in which nobody else writes")
    writer.close()
    return path


def microseconds(ask: Callable[..., Any], questions: Sequence[Any], expected: bool) -> float:
    """CPU time of one call of ``ask``, the best of several runs."""
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        for question in questions:
            assert ask(*question) is expected
        best = min(best, (time.process_time() - begun) / len(questions))
    return best * 1e6


def bare_lookup() -> float:
    """Microseconds of CPU that one look-up by a primary key takes here and now, in a table that is in memory."""
    database = sqlite3.connect(":memory:")
    database.execute("create table t (a integer, b integer, primary key (a, b)) without rowid")
    database.executemany("insert into t values (?, ?)", ((n, n) for n in range(10_000)))

    def ask(n: int) -> bool:
        return database.execute("select 1 from t where a = ? and b = ?", (n, n)).fetchone() is not None

    return microseconds(ask, [(n,) for n in range(10_000)], True)


def mapped(path: Path) -> tuple[str, int]:
    """How ``path`` is mapped in this process (``s``: shared with all others that map it), and how much of it."""
    text = Path("/proc/self/smaps").read_text()
    (entry,) = [each for each in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", text) if f"{path}\n" in each]
    used = re.search(r"(?m)^Rss:\s+(\d+) kB", entry)
    assert used is not None
    return entry.split()[1], int(used[1]) * 1024


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_million_tuples_are_asked_for_in_time_and_in_shared_memory(million: Path, model: RelationModel) -> None:
    made = random.Random(2)
    reader = RelationReader(million)
    owner, viewer = model.path("order", "owner", "user"), model.path("order", "viewer", "user")
    orders = [made.randrange(ORDERS) for _ in range(20_000)]
    shared = [made.randrange(GROUPS) for _ in range(5_000)]
    figures = {
        "a direct check": (
            microseconds(
                lambda n: reader.check(owner, str(n), f"user-{n % USERS}", Work()), [(n,) for n in orders], True
            ),
            DIRECT,
        ),
        "a direct check that fails": (
            microseconds(lambda n: reader.check(owner, str(n), "nobody", Work()), [(n,) for n in orders], False),
            DIRECT,
        ),
        "a check of three hops that fails": (
            microseconds(lambda n: reader.check(viewer, str(n), "nobody", Work()), [(n,) for n in shared], False),
            THREE_HOPS,
        ),
    }
    members = {}
    for each in a_million():
        if each.relation == "group#member" and each.kind == "user":
            members[int(each.object_id.partition("-")[2])] = each.subject_id
    figures["a check of three hops"] = (
        microseconds(lambda n: reader.check(viewer, str(n), members[n], Work()), [(n,) for n in shared], True),
        THREE_HOPS,
    )
    unit = bare_lookup()
    for what, (spent, most) in figures.items():
        print(f"{what}: {spent:.1f} us, {spent / unit:.1f} bare look-ups of {unit:.1f} us (at most {most})")
    how, used = mapped(million)
    size = million.stat().st_size
    print(f"the file: {size / MIB:.0f} MiB, of which {used / MIB:.0f} MiB are mapped, {how}")
    reader.close()
    assert all(spent <= most * unit for spent, most in figures.values())
    assert size <= 100 * MIB
    assert how == "r--s"
