from __future__ import annotations

from pathlib import Path

import pytest

from portcullis.control.certificates.revocation_findings import FILE, KeptFindings
from portcullis.engine.certificates.revocation import Finding

FOUND = {"ab": Finding("revoked", 7.0, 7.0, "http://a/", 1.0, "superseded"), "cd": Finding("unknown", 8.0, why="away")}


def test_what_is_kept_is_read_by_others_and_again_only_when_it_changes(tmp_path: Path) -> None:
    writer, reader = KeptFindings(tmp_path / "state"), KeptFindings(tmp_path / "state")
    assert reader.latest() == {}
    writer.keep(FOUND)
    assert reader.latest() == FOUND
    assert reader.latest() is reader.latest()
    writer.keep({})
    assert reader.latest() == {}
    assert (tmp_path / "state" / FILE).stat().st_mode & 0o777 == 0o600


def test_what_can_not_be_read_is_as_good_as_not_there(tmp_path: Path) -> None:
    kept = KeptFindings(tmp_path)
    kept.keep(FOUND)
    assert kept.latest() == FOUND
    kept.path.write_text('{"ab": 7}')
    assert kept.latest() == {}
    assert kept.latest() is kept.latest()
    kept.keep(FOUND)
    assert kept.latest() == FOUND
    kept.path.unlink()
    assert kept.latest() == {}
    assert kept.latest() is kept.latest()


def test_that_it_can_not_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        KeptFindings(tmp_path / "state").keep(FOUND)
