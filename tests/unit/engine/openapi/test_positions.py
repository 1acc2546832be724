"""Where something stands in its source."""

from __future__ import annotations

import json
from typing import Any

from rows import rows

from portcullis.engine.openapi.positions import locate

YAML = b"""openapi: 3.1.0
paths:
  /orders/{id}:
    get:
      parameters:
        - name: id
          in: path
        - {name: q, in: query}
  "/a~b": &item {get: {}}
  /c: *item
"""
JSON = b"""{
  "openapi": "3.1.0",
  "paths": {
    "/orders": {"get": {"tags": ["a",
      "b"], "x": {}}},
    "/a~b" : [ ]
  }
}
"""


@rows(
    ("pointer", "position"),
    [
        ("", (1, 1)),
        ("/openapi", (1, 1)),
        ("/paths/~1orders~1{id}", (3, 3)),
        ("/paths/~1orders~1{id}/get/parameters/0", (6, 11)),
        ("/paths/~1orders~1{id}/get/parameters/1/in", (8, 21)),
        ("/paths/~1a~0b/get", (9, 18)),
        ("/paths/~1orders~1{id}/get/parameters/7/name", (5, 7)),
        ("/paths/~1c/get", (10, 3)),
        ("/nowhere/at/all", (1, 1)),
    ],
)
def test_in_yaml(pointer: str, position: tuple[int, int]) -> None:
    assert locate(YAML, [pointer]) == {pointer: position}


@rows(
    ("pointer", "position"),
    [
        ("", (1, 1)),
        ("/openapi", (2, 3)),
        ("/paths/~1orders/get/tags/1", (5, 7)),
        ("/paths/~1orders/get/x", (5, 13)),
        ("/paths/~1orders/get/missing", (4, 17)),
        ("/paths/~1a~0b", (6, 5)),
        ("/paths/~1a~0b/0/x", (6, 5)),
    ],
)
def test_in_json(pointer: str, position: tuple[int, int]) -> None:
    assert locate(JSON, [pointer]) == {pointer: position}


def test_in_yaml_that_begins_with_a_brace() -> None:
    assert locate(b"{a: 1,\n b: {c: 2}}", ["/b/c"]) == {"/b/c": (2, 6)}


def test_of_what_can_not_be_read_the_beginning_is_known() -> None:
    assert locate(b"a: [1\nb: ]", ["/x"]) == {"/x": (1, 1)}


def test_json_and_yaml_agree_on_every_place() -> None:
    value = {"a": [1, {"b": None, "c/d": [[], {}]}], "e~f": {"g": "h:,{}[]", "": 1}}
    text = json.dumps(value, indent=2).encode()
    every = list(_pointers(value, ""))
    assert len(every) > 10
    as_yaml = locate(b"# Not JSON.\n" + text, every)
    assert {pointer: (line + 1, column) for pointer, (line, column) in locate(text, every).items()} == as_yaml


def _pointers(value: Any, pointer: str) -> Any:
    yield pointer
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _pointers(item, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")
