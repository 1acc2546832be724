"""JSON bodies, and JSON in parts of others."""

from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.openapi.bodies.errors import BodyError
from portcullis.engine.openapi.bodies.json_body import JsonBody, read_json
from portcullis.engine.strict_json import Limits


def test_a_body_is_its_value() -> None:
    body = JsonBody("k", Limits())
    assert body.read(b'{"a": [1]}') == ({"a": [1]}, None)
    assert body.write(b'{"a": 1, "b": 2}', {"a": 1}) == b'{"a":1}'
    assert body.is_held


@rows(
    ("text", "fault", "detail"),
    [
        (b"{", "malformed_json", "The body can't be read: not valid JSON at byte 1."),
        (b'{"a":1,"a":2}', "duplicate", "The key a is given twice in one object."),
        (b"[[[]]]", "limit", "The body is not taken: more than 2 levels of arrays and objects."),
        (rb'"\u0000"', "limit", "The body is not taken: a string holds NUL."),
        (b"18446744073709551616", "malformed_json", "The body can't be read: an integer does not fit 64 bits."),
    ],
)
def test_what_can_not_be_read_is_explained(text: bytes, fault: str, detail: str) -> None:
    with pytest.raises(BodyError) as caught:
        JsonBody("k", Limits(depth=2)).read(text)
    assert (caught.value.fault, caught.value.detail, caught.value.path) == (fault, detail, ())


def test_json_in_a_part_is_called_by_its_name() -> None:
    with pytest.raises(BodyError) as caught:
        read_json(b"nope", Limits(), ("meta",))
    assert caught.value.detail.startswith("The part meta can't be read")
    assert caught.value.path == ("meta",)
