"""A GraphQL API as an OpenAPI document."""

from __future__ import annotations

from portcullis.engine.graphql.document import GET, POST, as_openapi
from portcullis.engine.openapi.document import load_document


def test_it_is_a_document_that_can_be_enforced() -> None:
    document = load_document("shop.graphql", as_openapi("shop.graphql", b"type Query { a: Int }"))
    assert {operation.name for operation in document.operations} == {POST, GET}
    assert not any(operation.unsupported for operation in document.operations)
    assert document.checks() is not None


def test_another_schema_is_another_document() -> None:
    assert as_openapi("a.graphql", b"type Query { a: Int }") != as_openapi("a.graphql", b"type Query { b: Int }")
