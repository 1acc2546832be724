"""Compiled documents on the disk."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from portcullis.stores import document_cache
from portcullis.stores.document_cache import KEPT_SECONDS, DocumentFiles

KEY = "ab" * 32


def test_what_was_put_is_there(tmp_path: Path) -> None:
    cache = DocumentFiles(tmp_path / "documents")
    assert cache.get(KEY) is None
    cache.put(KEY, b"content")
    assert cache.get(KEY) == b"content"
    assert cache.get("cd" * 32) is None


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    cache = DocumentFiles(tmp_path / "documents")
    cache.put(KEY, b"content")
    assert cache.directory.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in cache.directory.iterdir())


def test_what_another_version_of_the_program_has_put_there_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = DocumentFiles(tmp_path)
    cache.put(KEY, b"content")
    monkeypatch.setattr(document_cache, "_program", lambda: "another")
    assert cache.get(KEY) is None


def test_what_is_too_large_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_cache, "MAX_BYTES", 5)
    cache = DocumentFiles(tmp_path)
    cache.put(KEY, b"123456")
    assert cache.get(KEY) is None
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_can_not_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = DocumentFiles(tmp_path / "file" / "documents")
    cache.put(KEY, b"content")
    assert cache.get(KEY) is None
    cache.prune()


def test_a_key_is_never_a_path(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="digest"):
        DocumentFiles(tmp_path).put("../etc/passwd", b"")


def test_what_nobody_asks_for_is_deleted_after_a_while(tmp_path: Path) -> None:
    cache = DocumentFiles(tmp_path)
    cache.put(KEY, b"old")
    cache.put("cd" * 32, b"used")
    (tmp_path / "notes.txt").write_text("")
    long_ago = time.time() - KEPT_SECONDS - 10
    for path in tmp_path.iterdir():
        os.utime(path, (long_ago, long_ago))
    assert cache.get("cd" * 32) == b"used"
    cache.prune()
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".document", ".txt"]
    assert cache.get(KEY) is None
