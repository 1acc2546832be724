from __future__ import annotations

import stat
from pathlib import Path

from portcullis.control.revocation_lists.kept import FOLDER, KeptLists

URL = "http://pki.example.com/root.crl"


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    kept = KeptLists(tmp_path)
    assert kept.load(URL) is None
    for data in (b"one", b"another"):
        kept.save(URL, data)
        assert kept.load(URL) == data
    assert kept.load("http://pki.example.com/other.crl") is None
    [file] = (tmp_path / FOLDER).iterdir()
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
