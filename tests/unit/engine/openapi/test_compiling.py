"""How schemas are compiled."""

from __future__ import annotations

import pytest

from portcullis.engine.openapi.compiling import compile_schema, is_linear


def test_schemas_are_2020_12_as_values_or_text() -> None:
    for schema in ({"prefixItems": [{"const": 1}], "items": False}, '{"prefixItems": [{"const": 1}], "items": false}'):
        fits = compile_schema(schema).is_valid
        assert fits([1])
        assert not fits([1, 2])


@pytest.mark.parametrize("schema", [{"minLength": "x"}, {"pattern": "(?=a)"}, {"$ref": "https://example.com/x"}])
def test_what_is_no_schema_or_leads_elsewhere_is_an_error(schema: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        compile_schema(schema)


@pytest.mark.parametrize("pattern", ["^a+$", r"\d{1,3}", "[a-z]*?x", r"^\p{L}+$"])
def test_patterns_that_are_linear(pattern: str) -> None:
    assert is_linear(pattern)


@pytest.mark.parametrize("pattern", ["(?=a)", "(?<!a)b", r"(a)\1", "(", "a{1000}{1000}{1000}"])
def test_patterns_that_are_not(pattern: str) -> None:
    assert not is_linear(pattern)
