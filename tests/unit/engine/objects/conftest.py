"""Rules without a gateway: what they find is said by a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from rule_samples import make_given, sources_of

from portcullis.engine.objects.deciding import Decider
from portcullis.engine.objects.declared import Place, place_of
from portcullis.engine.objects.given import Given
from portcullis.engine.objects.parsing import parse
from portcullis.engine.openapi.document import SpecDocument, load_document


@pytest.fixture
def given() -> Callable[..., Given]:
    return make_given


@pytest.fixture
def decider() -> Callable[..., Decider]:
    """Makes the decider of the text of a rule."""

    def make(text: str, functions: Any = None) -> Decider:
        condition = parse(text).condition
        return Decider(condition, sources_of(condition), functions or {})

    return make


def document_of(schema: Any, components: Any = None, **operation: Any) -> SpecDocument:
    """A document with one operation, ``POST /things/{id}``, that takes and answers values of ``schema``."""
    content = {"content": {"application/json": {"schema": schema}}}
    declared = {
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
        "requestBody": content,
        "responses": {"200": {"description": "It.", **content}},
        **operation,
    }
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1"},
        "paths": {"/things/{id}": {"post": declared}},
        "components": {"schemas": components or {}},
    }
    return load_document("things.json", orjson.dumps(document))


@pytest.fixture
def document() -> Callable[..., SpecDocument]:
    return document_of


@pytest.fixture
def place() -> Callable[..., Place]:
    """Makes the place of answers of a schema, among ``components``."""

    def make(schema: Any, **components: Any) -> Place:
        checks = document_of(schema, components).checks("refuse", "response")
        (name,) = checks.names.values()
        return place_of(checks.checker, name)

    return make
