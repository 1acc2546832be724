from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from portcullis.stores.private_files import write_private


def test_only_its_owner_can_read_it_and_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "a"
    for content in (b"before", b"after"):
        write_private(path, content)
        assert path.read_bytes() == content
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    assert list(path.parent.iterdir()) == [path]


def test_what_somebody_else_has_put_there_before_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portcullis.stores.private_files.token_hex", lambda _count: "0")
    path, theirs = tmp_path / "a", tmp_path / "theirs"
    theirs.write_bytes(b"")
    (tmp_path / ".a.0").symlink_to(theirs)
    with pytest.raises(FileExistsError):
        write_private(path, b"secret")
    assert theirs.read_bytes() == b""


def test_what_can_not_be_written_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "full")

    path = tmp_path / "a"
    write_private(path, b"before")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        write_private(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
