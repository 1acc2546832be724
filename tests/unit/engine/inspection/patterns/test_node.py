from __future__ import annotations

from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.patterns.node import CLASS, PATTERNS

Ids = Callable[..., set[str]]
MINE = {pattern.id for pattern in PATTERNS}


@rows(
    "text",
    [
        "require('child_process').execSync('id')",
        "process.mainModule.require('fs')",
        "__proto__",
        "x[__proto__][isAdmin]",
        "constructor[prototype][a]",
        "_$$ND_FUNC$$_function(){return 1}()",
        "global.process.exit(1)",
    ],
)
def test_javascript_for_a_server_is_found(text: str, ids: Ids) -> None:
    assert ids(text) & MINE


@rows(
    "text",
    [
        "this requires a process",
        "prototype of a car",
        "the constructor of the house",
        "function of time",
        "require a key",
        "processes are running",
    ],
)
def test_what_people_write_about_it_passes(text: str, ids: Ids) -> None:
    assert not ids(text) & MINE


def test_the_class_is_known_by_its_number() -> None:
    assert CLASS.cwe == 94
