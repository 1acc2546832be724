"""What the tests of inspection share: which patterns are found in a text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portcullis.engine.inspection.inspector import the_inspector

Ids = Callable[..., set[str]]


@pytest.fixture(scope="session")
def ids() -> Ids:
    """``ids(text)``: the ids of all patterns that are found in ``text``, each while those found before are allowed."""

    def find(text: str, place: str = "query") -> set[str]:
        found: set[str] = set()
        while (hit := the_inspector().find(text, place, found)) is not None:
            found.add(hit.pattern.id)
        return found

    return find
