from __future__ import annotations

from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.patterns.php import CLASS, PATTERNS

Ids = Callable[..., set[str]]
MINE = {pattern.id for pattern in PATTERNS}


@rows(
    "text",
    [
        "<?php eval($_POST[1]);",
        "<?= 7*7 ?>",
        ";phpinfo();",
        "';system('id');//",
        "${@phpinfo()}",
        'O:10:"Some\\Class":1:{s:1:"a";i:1;}',
        "assert($_GET['x'])",
        "(system)('id')",
    ],
)
def test_php_in_a_value_is_found(text: str, ids: Ids) -> None:
    assert ids(text) & MINE


@rows(
    "text",
    [
        "PHP is a language",
        "the system (and its parts)",
        "include (a) or not",
        "evaluate(x)",
        "an exec (executive)",
        "O:5 is no object",
        "<?xml version='1.0'?>",
    ],
)
def test_what_people_write_about_php_passes(text: str, ids: Ids) -> None:
    assert not ids(text) & MINE


def test_the_class_is_known_by_its_number() -> None:
    assert CLASS.cwe == 94
