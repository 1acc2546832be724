from __future__ import annotations

import json
import re

import pytest
from bench.catalogue import PREFIX, calls, catalogue
from openapi_spec_validator import validate
from rows import rows


@pytest.mark.slow
def test_the_document_is_openapi_and_has_as_many_routes_as_asked() -> None:
    document = catalogue(130)
    validate(document)

    paths = json.loads(json.dumps(document))["paths"]
    assert len(paths) == 130
    assert all(path.startswith(PREFIX) for path in paths)


@pytest.mark.slow
@rows("routes", [10, 20_000])
def test_all_routes_are_asked_for_once(routes: int) -> None:
    asked = {re.sub(r"\d+$", "{item_id}", path) for path in calls(routes, routes)}

    assert asked == set(catalogue(routes)["paths"])  # type: ignore[call-overload]


def test_a_few_of_many_are_asked_for_all_over_the_place() -> None:
    shelves = {path.split("/")[2] for path in calls(20_000, 10)}

    assert len(shelves) == 10
