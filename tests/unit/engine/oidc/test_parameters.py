from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.oidc.parameters import MAX_PARAMETERS, MAX_VALUE, ParameterError, read_parameters

WANTED = ("code", "state")


@rows(
    ("query", "found"),
    [
        ("", {}),
        ("code=a&state=b", {"code": "a", "state": "b"}),
        ("c%6Fde=a%20b+c", {"code": "a b c"}),
        ("code=&state", {}),
        ("Code=x&scope=a&scope=b&code=c", {"code": "c"}),
        ("other=%ff&code=a", {"code": "a"}),
    ],
)
def test_what_is_wanted_is_read_and_all_else_ignored(query: str, found: dict[str, str]) -> None:
    assert read_parameters(query, WANTED) == found


@rows(
    "query",
    [
        "code=a&code=a",
        "code=a&c%6fde=b",
        "code=&code=a",
        "code=%ff",
        "code=%00",
        "code=%0d%0a",
        "code=" + "a" * (MAX_VALUE + 1),
        "code=" + "%41" * (MAX_VALUE + 1),
        "&" * MAX_PARAMETERS,
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(query: str) -> None:
    with pytest.raises(ParameterError):
        read_parameters(query, WANTED)
