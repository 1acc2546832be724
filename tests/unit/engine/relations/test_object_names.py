from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.relations.object_names import as_part, check_object_name, parse_object_name


def test_a_name_has_a_type_and_parts() -> None:
    name = parse_object_name("order:{response.tenant}/{response.id}")
    assert name.type == "order"
    assert [str(part) for part in name.parts] == ["response.tenant", "/", "response.id"]
    assert [str(path) for path in name.paths] == ["response.tenant", "response.id"]


@rows(
    ("text", "message"),
    [
        ("order", "a type and where the id is"),
        ("order:", "a type and where the id is"),
        ("{response.id}", "a type and where the id is"),
        ("order:{}", "a type and where the id is"),
        ("order:{a{b}}", "a type and where the id is"),
        ("order:17", "stands in braces"),
        ("order:{response.tenant}{response.id}", "something must stand between"),
        ("order:{respons.id}", "there is no respons"),
        ("order:{response.id == 1}", "is no path"),
        ("order:{response.id}" + "x" * 500, "a type and where the id is"),
    ],
)
def test_what_is_no_name_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_object_name(text)


def test_a_good_name_is_given_back() -> None:
    assert check_object_name("order:{response.id}") == "order:{response.id}"


@rows(("value", "part"), [(17, "17"), ("a", "a"), ("", None), (True, None), (None, None), (1.5, None), ([1], None)])
def test_text_and_integers_make_an_id(value: Any, part: str | None) -> None:
    assert as_part(value) == part
