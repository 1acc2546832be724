from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.asyncapi.anatomy import ANATOMIES, version_of


@rows(
    ("root", "version"),
    [
        ({"asyncapi": "2.0.0"}, "2"),
        ({"asyncapi": "2.6.0"}, "2"),
        ({"asyncapi": "3.0.1"}, "3"),
        ({"asyncapi": "2.7.0"}, ""),
        ({"asyncapi": "3.1.0"}, ""),
        ({"asyncapi": "2.6.0\n"}, ""),
        ({"asyncapi": 2.6}, ""),
        ({}, ""),
        ([], ""),
    ],
)
def test_versions_that_are_supported(root: Any, version: str) -> None:
    found, fault = version_of(root)
    assert found == version
    assert bool(fault) is not bool(version)
    assert not version or version in ANATOMIES
