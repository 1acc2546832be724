"""How schemas are compiled."""

from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.openapi.compiling import compile_schema


def test_schemas_are_2020_12_as_values_or_text() -> None:
    for schema in ({"prefixItems": [{"const": 1}], "items": False}, '{"prefixItems": [{"const": 1}], "items": false}'):
        fits = compile_schema(schema).is_valid
        assert fits([1])
        assert not fits([1, 2])


@rows("schema", [{"minLength": "x"}, {"pattern": "(?=a)"}, {"$ref": "https://example.com/x"}])
def test_what_is_no_schema_or_leads_elsewhere_is_an_error(schema: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        compile_schema(schema)


@pytest.mark.slow
def test_a_pattern_has_a_largest_size() -> None:
    assert compile_schema({"pattern": r"[\p{L}\p{Z}\p{N}_.:/=+@-]{0,256}"}).is_valid("a b")
    with pytest.raises(ValueError, match="regex"):
        compile_schema({"pattern": ".{1,65535}"})
