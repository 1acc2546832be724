"""Schemas that stand for too many."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.openapi.anatomy import anatomy_of
from portcullis.engine.openapi.bundle import bundle
from portcullis.engine.openapi.expansion import MAX_EXPANSION, note_expansions
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.sources import Sources


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def told(**schemas: Any) -> list[str]:
    """Pointers of the schemas that are too much."""
    problems = Problems()
    bundled = bundle({"components": {"schemas": schemas}}, Sources("a", b""), anatomy_of("3.1.0"), Problems(), bytes)
    note_expansions(bundled, problems)
    return [problem.pointer.removeprefix("/components/schemas/") for problem in problems]


@rows("keyword", ["allOf", "anyOf", "oneOf"])
def test_schemas_that_double_at_each_level_are_counted(keyword: str) -> None:
    levels = {f"S{n}": {keyword: [ref(f"S{n + 1}"), ref(f"S{n + 1}")]} for n in range(40)}
    assert set(told(**levels, S40={})) == {f"S{n}" for n in range(31)}


def test_a_level_may_hide_behind_other_keywords() -> None:
    levels = {
        f"S{n}": {"if": ref(f"S{n + 1}"), "dependentSchemas": {"a": {"not": ref(f"S{n + 1}")}}} for n in range(40)
    }
    assert "S0" in told(**levels, S40={})


def test_what_is_below_is_another_value() -> None:
    levels = {f"S{n}": {"properties": {"a": ref(f"S{n + 1}"), "b": ref(f"S{n + 1}")}} for n in range(40)}
    assert told(**levels, S40={}) == []


def test_a_property_may_be_called_like_a_keyword() -> None:
    levels = {f"S{n}": {"properties": {"not": ref(f"S{n + 1}"), "if": ref(f"S{n + 1}")}} for n in range(40)}
    assert told(**levels, S40={}) == []


@pytest.mark.slow
def test_schemas_without_a_name_are_counted_as_well() -> None:
    many = {"type": "object", "properties": {"a": {"allOf": [{"anyOf": [ref("A")]} for _ in range(MAX_EXPANSION)]}}}
    assert told(A={}, Many=many) == ["Many/properties/a"]


def test_as_many_as_real_documents_have_are_fine() -> None:
    schemas = {f"S{n}": {} for n in range(500)}
    assert told(**schemas, One={"oneOf": [ref(name) for name in schemas]}) == []


def test_circles_count_once() -> None:
    assert (
        told(A={"allOf": [ref("B"), ref("C")]}, B={"oneOf": [ref("A"), ref("C")]}, C={"anyOf": [ref("A"), ref("B")]})
        == []
    )


@pytest.mark.slow
def test_long_chains_do_not_recurse() -> None:
    assert told(**{f"S{n}": {"allOf": [ref(f"S{n + 1}")]} for n in range(1_500)}, S1500={}) == []
