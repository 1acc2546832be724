from __future__ import annotations

import re

from portcullis.engine.inspection.detectors.commands import RARE, TOOLS, WORDS


def test_a_name_is_rare_or_a_word() -> None:
    assert not RARE & WORDS
    assert TOOLS <= RARE


def test_names_are_names() -> None:
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in RARE | WORDS)
    assert {"id", "whoami"} <= RARE
    assert {"cat", "find", "time"} <= WORDS
