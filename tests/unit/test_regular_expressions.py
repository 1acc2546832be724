"""Rules for the regular expressions of the whole project."""

from __future__ import annotations

import re
from pathlib import Path

from rows import rows

SOURCE = Path(__file__).resolve().parents[2] / "src" / "portcullis"
# A group or a counted repeat with a possessive quantifier: ``(...)*+``, ``(...)?+``, ``{2,3}+`` after a group.
POSSESSIVE_GROUP = re.compile(r"\)(?:[*+?]|\{[0-9,]+\})\+(?![,\]])")


@rows("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_group_has_a_possessive_quantifier(path: Path) -> None:
    """Before CPython 3.11.5 such a group can stop in the midst of an iteration, and so match what it must not."""
    lines = path.read_text().splitlines()
    assert [f"{number}: {line}" for number, line in enumerate(lines, 1) if POSSESSIVE_GROUP.search(line)] == []
