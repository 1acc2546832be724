"""The checks of a document, in each variant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.openapi.checker import pack
from portcullis.engine.openapi.checks import ChecksOfDocument, Translated, Variant, compile_checks, positions, translate
from portcullis.engine.openapi.document import SpecDocument
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.problems import Problems

ACCOUNT = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "pin": {"type": "string", "writeOnly": True},
        "since": {"type": "string", "format": "date"},
    },
}
JSON = {"application/json": {"schema": {"$ref": "#/components/schemas/Account"}}}


def account_paths() -> dict[str, Any]:
    return {
        "/a": {
            "post": {
                "parameters": [{"name": "q", "in": "query", "schema": {"type": "integer"}}],
                "requestBody": {"content": JSON},
                "responses": {"200": {"description": "Fine.", "content": {**JSON, "text/plain": {"schema": {}}}}},
            }
        }
    }


@pytest.fixture
def document(load: Callable[..., SpecDocument]) -> SpecDocument:
    return load(account_paths(), components={"schemas": {"Account": ACCOUNT}})


REQUEST = "/paths/~1a/post/requestBody/content/application~1json/schema"
RESPONSE = "/paths/~1a/post/responses/200/content/application~1json/schema"


def test_each_direction_has_its_positions(document: SpecDocument) -> None:
    (operation,) = document.operations
    assert list(positions(operation, "request")) == ["/paths/~1a/post/parameters/0/schema", REQUEST]
    assert list(positions(operation, "response")) == [RESPONSE]


@rows(
    ("variant", "name", "fitting", "wrong"),
    [
        (Variant(), REQUEST, [{"pin": "1", "since": "2024-05-31"}], [{"id": 1}, {"x": 1}, {"since": "May"}]),
        (Variant("allow"), REQUEST, [{"id": 1, "x": 1}], [{"id": "one"}, {"since": "May"}]),
        (Variant("refuse", "response"), RESPONSE, [{"id": 1}], [{"pin": "1"}, {"x": 1}, {"since": "May"}]),
        (Variant("allow", "response"), RESPONSE, [{"id": 1, "pin": "1", "x": 1}], [{"pin": 1}]),
        (Variant(formats=False), REQUEST, [{"since": "May"}], [{"since": 5}]),
    ],
)
def test_variants(document: SpecDocument, variant: Variant, name: str, fitting: list[Any], wrong: list[Any]) -> None:
    checks = document.checks(variant.undeclared, variant.direction, formats=variant.formats)
    assert all(checks.checker.fits({checks.names[name]: value}) for value in fitting)
    assert not any(checks.checker.fits({checks.names[name]: value}) for value in wrong)
    assert document.checks(variant.undeclared, variant.direction, formats=variant.formats) is checks


def test_answers_are_stripped(document: SpecDocument) -> None:
    checks = document.checks("refuse", "response")
    value = {"id": 1, "pin": "1", "x": 1}
    assert checks.strip(checks.names[RESPONSE], value)
    assert value == {"id": 1}
    assert not checks.strip(checks.names[RESPONSE], value)


def test_what_is_wrong_only_in_answers_is_an_error_when_they_are_asked_for(load: Callable[..., SpecDocument]) -> None:
    paths = account_paths()
    content = {"application/json": {"schema": {"type": "object", "properties": {"n": {"pattern": "(?=a)"}}}}}
    paths["/a"]["post"]["responses"]["200"]["content"] = content
    document = load(paths, components={"schemas": {"Account": ACCOUNT}})
    document.checks()
    for _ in range(2):  # it is no less wrong the second time
        with pytest.raises(ConfigurationError) as caught:
            document.checks("refuse", "response")
        (diagnostic,) = caught.value.diagnostics
        assert "can't be matched in linear time" in diagnostic.message


def test_a_schema_that_can_not_be_compiled_is_a_problem_with_its_place() -> None:
    definitions = pack({"0": {"properties": {"a/b": {"minLength": -1}}}}, {"0": "/components/schemas/A"})
    problems = Problems()
    assert compile_checks(Translated({}, definitions), problems) is None
    (problem,) = problems
    assert problem.pointer == "/components/schemas/A/properties/a~1b/minLength"
    assert problem.message.startswith("not a JSON Schema: -1 is less than the minimum of 0")


def test_nothing_more_is_made_after_release(document: SpecDocument) -> None:
    checks = document.checks()
    document.release()
    assert document.checks() is checks
    with pytest.raises(RuntimeError):
        document.checks("allow")


def test_what_was_translated_before_needs_no_schemas(document: SpecDocument) -> None:
    graph = SchemaGraph({"root": {"type": "integer"}}, "3.1.0", Problems())
    translated = translate(graph, (), Variant("allow"))

    def never() -> SchemaGraph:
        raise AssertionError

    checks = ChecksOfDocument(never, (), {}, {Variant("allow"): translated})
    assert checks.get(Variant("allow"), Problems()) is not None
    assert [variant for variant, _ in checks.translated] == [Variant("allow")]
    with pytest.raises(AssertionError):
        checks.get(Variant(), Problems())


def test_parameters_of_one_schema_have_names_of_their_own(load: Callable[..., SpecDocument]) -> None:
    """They are checked together, each under its name."""
    schema = {"$ref": "#/components/schemas/Day"}
    parameters = [{"name": name, "in": "query", "schema": schema} for name in ("first", "last")]
    answers = {status: {"description": "x", "content": {"application/json": {"schema": schema}}} for status in "12"}
    paths = {"/a": {"get": {"parameters": parameters, "responses": {f"{n}00": each for n, each in answers.items()}}}}
    document = load(paths, components={"schemas": {"Day": {"type": "string", "format": "date"}}})
    assert len(set(document.checks().names.values())) == 2
    assert len(set(document.checks("refuse", "response").names.values())) == 1
