from __future__ import annotations

from pathlib import Path

import pytest
from rows import rows

from portcullis.engine.relations.tuples import RelationTuple, parse_tuple
from portcullis.stores.relations.listing import MAX_PAGE, TupleFilter, page_of
from portcullis.stores.relations.schema import RelationFileError
from portcullis.stores.relations.writing import RelationWriter

TUPLES = [
    "group:staff#member@user:alice",
    "order:1#owner@user:alice",
    "order:1#viewer@group:staff#member",
    "order:2#owner@user:bob",
    "orderly:1#owner@user:alice",
]


@rows(
    ("wanted", "expected"),
    [
        (TupleFilter(), TUPLES),
        (TupleFilter(type="order"), TUPLES[1:4]),
        (TupleFilter(type="order", object_id="1"), TUPLES[1:3]),
        (TupleFilter(relation="order#owner"), [TUPLES[1], TUPLES[3]]),
        (TupleFilter(kind="user", subject_id="alice"), [TUPLES[0], TUPLES[1], TUPLES[4]]),
        (TupleFilter(kind="group#member", subject_id="staff"), [TUPLES[2]]),
        (TupleFilter(type="ord"), []),
        (TupleFilter(relation="order#nothing"), []),
        (TupleFilter(object_id="' OR 1=1 --"), []),
    ],
)
def test_only_what_is_wanted_is_listed(
    path: Path, writer: RelationWriter, wanted: TupleFilter, expected: list[str]
) -> None:
    writer.add(list(map(parse_tuple, TUPLES)))
    assert sorted(map(str, page_of(path, wanted, None, 100))) == expected


def test_pages_follow_one_another_until_all_was_seen(path: Path, writer: RelationWriter) -> None:
    writer.add(list(map(parse_tuple, TUPLES)))
    seen: list[RelationTuple] = []
    while page := page_of(path, TupleFilter(), seen[-1] if seen else None, 2):
        assert len(page) <= 2
        seen += page
    assert sorted(map(str, seen)) == TUPLES
    assert len(set(seen)) == len(TUPLES)


def test_a_page_has_an_end(path: Path, writer: RelationWriter) -> None:
    writer.add([parse_tuple(f"order:{n}#owner@user:alice") for n in range(MAX_PAGE + 1)])
    assert len(page_of(path, TupleFilter(), None, MAX_PAGE * 2)) == MAX_PAGE


def test_without_a_file_there_is_no_list(path: Path) -> None:
    with pytest.raises(RelationFileError):
        page_of(path, TupleFilter(), None, 1)
