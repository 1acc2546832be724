from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from portcullis.control.key_sets.kept import FOLDER, KeptKeySets, KeptTopics
from portcullis.engine.authentication.jose.key_source import KeySetUpdate, KeySource, decode_update
from portcullis.testing.tokens import Signer, key_set_of

SOURCE = KeySource("https://id.example.com", keep=3600.0)
OTHER = KeySource("https://other.example.com")
DOCUMENT = json.dumps(key_set_of(Signer("ES256", "first"))).encode()
UPDATE = KeySetUpdate(DOCUMENT, 1000.0, 4600.0)


@pytest.fixture
def kept(tmp_path: Path) -> KeptKeySets:
    return KeptKeySets(tmp_path)


def test_what_is_kept_comes_back(kept: KeptKeySets, tmp_path: Path) -> None:
    assert kept.load(SOURCE, 2000.0) is None
    for _ in range(2):
        kept.save(SOURCE, UPDATE)
    assert kept.load(SOURCE, 2000.0) == UPDATE
    assert kept.load(OTHER, 2000.0) is None
    [file] = (tmp_path / FOLDER).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_nothing_was_fetched_in_the_future(kept: KeptKeySets) -> None:
    """A clock that was wrong must not make keys last."""
    kept.save(SOURCE, UPDATE)
    assert kept.load(SOURCE, 500.0) == KeySetUpdate(DOCUMENT, 500.0, 4100.0)


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"{}", b'{"place": "x", "fetched": 1.0, "document": "<html>"}', b"\xff" * 100]
)
def test_what_can_not_be_read_is_as_good_as_not_there(kept: KeptKeySets, tmp_path: Path, content: bytes) -> None:
    kept.save(SOURCE, UPDATE)
    [file] = (tmp_path / FOLDER).iterdir()
    file.write_bytes(content)
    assert kept.load(SOURCE, 2000.0) is None


def test_a_file_is_whole_or_not_there(kept: KeptKeySets, tmp_path: Path) -> None:
    kept.save(SOURCE, UPDATE)
    (tmp_path / FOLDER / f"{SOURCE.digest}.new").write_bytes(b"half of")
    assert kept.load(SOURCE, 2000.0) == UPDATE


def test_what_nobody_wants_is_forgotten(kept: KeptKeySets) -> None:
    kept.prune([SOURCE])
    kept.save(SOURCE, UPDATE)
    kept.save(OTHER, UPDATE)
    kept.prune([SOURCE])
    assert kept.load(SOURCE, 2000.0) == UPDATE
    assert kept.load(OTHER, 2000.0) is None


def test_a_disk_that_is_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file in the place of the folder")
    kept = KeptKeySets(tmp_path)
    with pytest.raises(OSError):
        kept.save(SOURCE, UPDATE)
    assert kept.load(SOURCE, 2000.0) is None
    kept.prune([])


def test_those_who_subscribe_are_told_what_was_kept(kept: KeptKeySets, tmp_path: Path) -> None:
    kept.save(SOURCE, UPDATE)
    topics = KeptTopics(tmp_path, [SOURCE, OTHER], 2000.0)
    told: list[bytes] = []
    for topic in (SOURCE.topic, OTHER.topic, "keys"):
        topics.subscribe(topic, told.append)
    assert [decode_update(message) for message in told] == [UPDATE]


def test_one_who_can_not_read_it_goes_without(kept: KeptKeySets, tmp_path: Path) -> None:
    kept.save(SOURCE, UPDATE)

    def refuse(_message: bytes) -> None:
        raise ValueError

    KeptTopics(tmp_path, [SOURCE], 2000.0).subscribe(SOURCE.topic, refuse)
