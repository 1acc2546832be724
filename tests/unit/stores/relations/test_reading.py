from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portcullis.engine.ports import RelationStoreError
from portcullis.engine.relations.checking import Work
from portcullis.engine.relations.model import RelationModel
from portcullis.engine.relations.tuples import parse_tuple
from portcullis.stores.relations.reading import RelationReader
from portcullis.stores.relations.writing import RelationWriter
from portcullis.testing.fakes import FakeRelations

SHARED = [
    "order:1#owner@user:alice",
    "order:1#viewer@group:staff#member",
    "group:staff#member@group:sales#member",
    "group:sales#member@user:bob",
    "order:1#parent@folder:f",
    "folder:f#viewer@user:carol",
]


def fill(writer: RelationWriter, texts: list[str]) -> None:
    writer.add(list(map(parse_tuple, texts)))


def test_relations_are_found_by_all_ways(path: Path, writer: RelationWriter, model: RelationModel) -> None:
    fill(writer, SHARED)
    reader = RelationReader(path)
    viewer, owner = model.path("order", "viewer", "user"), model.path("order", "owner", "user")
    assert [reader.check(viewer, "1", who, Work()) for who in ("alice", "bob", "carol", "eve")] == [
        True,
        True,
        True,
        False,
    ]
    assert [reader.check(owner, "1", who, Work()) for who in ("alice", "bob")] == [True, False]
    assert not reader.check(viewer, "2", "alice", Work())
    assert repr(reader) == f"<RelationReader {path} open>"
    reader.close()
    assert reader.check(owner, "1", "alice", Work())
    reader.close()


def test_a_change_is_seen_by_the_next_check(path: Path, writer: RelationWriter, model: RelationModel) -> None:
    reader = RelationReader(path)
    owner = model.path("order", "owner", "user")
    assert not reader.check(owner, "1", "alice", Work())  # no name has a number yet
    fill(writer, ["order:1#owner@user:alice"])
    assert reader.check(owner, "1", "alice", Work())
    writer.remove([parse_tuple("order:1#owner@user:alice")])
    assert not reader.check(owner, "1", "alice", Work())
    reader.close()


def test_without_its_file_nothing_is_said_and_later_it_is(path: Path, model: RelationModel) -> None:
    reader = RelationReader(path)
    owner = model.path("order", "owner", "user")
    with pytest.raises(RelationStoreError, match="unable to open"):
        reader.check(owner, "1", "alice", Work())
    writer = RelationWriter(path)
    fill(writer, ["order:1#owner@user:alice"])
    assert reader.check(owner, "1", "alice", Work())
    writer.close()
    reader.close()


def test_a_broken_file_is_an_error_and_never_a_no(path: Path, model: RelationModel) -> None:
    writer = RelationWriter(path)
    fill(writer, [f"order:{n}#owner@user:alice" for n in range(2000)])
    writer.checkpoint()
    writer.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    reader = RelationReader(path)
    with pytest.raises(RelationStoreError):
        reader.check(model.path("order", "owner", "user"), "1", "alice", Work())
    assert repr(reader).endswith("closed>")


def test_a_check_sees_one_state_whatever_is_written_meanwhile(
    path: Path, writer: RelationWriter, model: RelationModel
) -> None:
    """A user is moved from one group to the other before each of them is looked at: he is always in one of them."""
    writer.name(model.names)
    fill(writer, ["order:1#viewer@group:a#member", "order:1#viewer@group:b#member", "group:a#member@user:bob"])
    groups = [parse_tuple("group:a#member@user:bob"), parse_tuple("group:b#member@user:bob")]
    reader = RelationReader(path)
    viewer = model.path("order", "viewer", "user")
    assert reader.check(viewer, "1", "bob", Work())
    moves: list[str] = []

    def move(statement: str) -> None:
        if statement.startswith("SELECT"):
            moves.append(statement)
            if len(moves) > 1:
                writer.remove(groups[:1])
                writer.add(groups[1:])
                groups.reverse()

    assert reader._connection is not None
    reader._connection.set_trace_callback(move)
    assert reader.check(viewer, "1", "bob", Work())
    assert len(moves) == 2
    reader.close()


def test_processes_that_read_share_nothing_but_the_file(
    path: Path, writer: RelationWriter, model: RelationModel
) -> None:
    fill(writer, SHARED)
    viewer = model.path("order", "viewer", "user")
    inherited = RelationReader(path)  # made before the fork, opened after it
    process = os.fork()
    if process == 0:
        right = inherited.check(viewer, "1", "bob", Work()) and not inherited.check(viewer, "1", "eve", Work())
        os._exit(0 if right else 1)
    assert inherited.check(viewer, "1", "bob", Work())
    assert os.waitpid(process, 0)[1] == 0
    inherited.close()


NAMES = st.sampled_from("abc")
TUPLES = st.lists(
    st.one_of(
        st.builds(lambda g, u: f"group:{g}#member@user:{u}", NAMES, NAMES),
        st.builds(lambda g, h: f"group:{g}#member@group:{h}#member", NAMES, NAMES),
        st.builds(lambda f, u: f"folder:{f}#viewer@user:{u}", NAMES, NAMES),
        st.builds(lambda o, f: f"order:{o}#parent@folder:{f}", NAMES, NAMES),
        st.builds(lambda o, u: f"order:{o}#owner@user:{u}", NAMES, NAMES),
        st.builds(lambda o, g: f"order:{o}#viewer@group:{g}#member", NAMES, NAMES),
    ),
    max_size=10,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TUPLES)
def test_the_file_answers_as_tuples_in_memory_do(
    path: Path, writer: RelationWriter, model: RelationModel, texts: list[str]
) -> None:
    with writer.transaction() as connection:
        connection.execute("DELETE FROM tuples")
    fill(writer, texts)
    memory, reader = FakeRelations(texts), RelationReader(path)
    for type_, relation in (("group", "member"), ("order", "owner"), ("order", "viewer")):
        asked = model.path(type_, relation, "user")
        for object_id in "abc":
            for user in "abc":
                assert reader.check(asked, object_id, user, Work()) is memory.check(asked, object_id, user, Work())
    reader.close()
