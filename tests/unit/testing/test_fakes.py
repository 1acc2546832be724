"""The stand-ins for the ports."""

from __future__ import annotations

import hashlib

import pytest
from rows import rows

from portcullis.engine.identity import Consumer
from portcullis.engine.ports import (
    Clock,
    Counters,
    CounterStoreError,
    KeyDirectory,
    KeyGrant,
    Questions,
    Relations,
    RelationStoreError,
    SourceFiles,
    Unanswered,
)
from portcullis.engine.relations.checking import Work
from portcullis.engine.relations.model import RelationModel
from portcullis.testing import FakeClock, FakeCounters, FakeFiles, FakeKeys, FakeQuestions, FakeRelations

SECOND = 1_000_000_000


def test_a_fake_clock_stands_still_until_it_is_moved() -> None:
    clock: Clock = FakeClock(now_ns=5, wall_s=100.0)
    assert (clock.now_ns(), clock.wall_s()) == (5, 100.0)
    assert (clock.now_ns(), clock.wall_s()) == (5, 100.0)


@rows(("seconds", "ns"), [(0.57, 570_000_000), (0.1, 100_000_000), (1.1, 1_100_000_000), (86400, 86400 * SECOND)])
def test_time_moves_by_exactly_what_was_said(seconds: float, ns: int) -> None:
    clock = FakeClock(now_ns=0, wall_s=0.0)
    clock.advance(seconds)
    assert (clock.now_ns(), clock.wall_s()) == (ns, seconds)


def test_fake_counters_count_exactly() -> None:
    counters: Counters = FakeCounters()
    assert counters.take(b"a", SECOND, 1, 0).allowed
    refused = counters.take(b"a", SECOND, 1, 0)
    assert (refused.allowed, refused.retry_after_ns) == (False, SECOND)
    assert counters.take(b"b", SECOND, 1, 0).allowed


def test_fake_counters_break_and_recover_when_told_to() -> None:
    counters = FakeCounters()
    counters.broken = True
    with pytest.raises(CounterStoreError):
        counters.take(b"a", SECOND, 1, 0)
    counters.broken = False
    assert counters.take(b"a", SECOND, 1, 0).allowed


def test_fake_keys_are_found_by_the_digest_of_the_key() -> None:
    keys = FakeKeys()
    directory: KeyDirectory = keys
    grant = KeyGrant("k1", Consumer("acme"))
    keys.add("the key", grant)
    assert directory.find(hashlib.sha256(b"the key").digest()) is grant
    assert directory.find(hashlib.sha256(b"another").digest()) is None


def test_fake_files_are_read_and_found_by_globs() -> None:
    files = FakeFiles({"a.yaml": "a", "apis/b.yaml": b"b", "apis/deep/c.yaml": "c"}, {"SECRET": "s"})
    port: SourceFiles = files
    assert (port.read("a.yaml"), port.read("apis/b.yaml")) == (b"a", b"b")
    assert files.reads == ["a.yaml", "apis/b.yaml"]
    assert port.matching("apis/*.yaml") == ["apis/b.yaml"]
    assert port.matching("*.yaml") == ["a.yaml"]
    assert port.matching("apis/*.json") == []
    assert (port.environment("SECRET"), port.environment("OTHER")) == ("s", None)


@rows("glob", ["b.yaml", "apsi/*.yaml"])
def test_fake_files_that_are_not_there_are_an_os_error(glob: str) -> None:
    files = FakeFiles({"a.yaml": "a"})
    with pytest.raises(FileNotFoundError):
        files.matching(glob)
    with pytest.raises(FileNotFoundError):
        files.read(glob)


def test_fake_relations_say_what_their_tuples_say() -> None:
    relations = FakeRelations(["order:1#owner@user:alice"])
    port: Relations = relations
    owner = RelationModel({"user": ["staff"], "order": {"owner": ["user"]}}).path("order", "owner", "user")
    assert port.check(owner, "1", "alice", Work())
    assert not port.check(owner, "1", "bob", Work())
    relations.broken = True
    with pytest.raises(RelationStoreError):
        port.check(owner, "1", "alice", Work())


async def test_fake_questions_are_answered_by_whoever_is_there() -> None:
    questions = FakeQuestions({"upper": bytes.upper})
    port: Questions = questions
    assert await port.ask("upper", b"a") == b"A"
    with pytest.raises(Unanswered):
        await port.ask("lower", b"A")
    assert questions.asked == [("upper", b"a"), ("lower", b"A")]
