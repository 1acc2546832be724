"""Where the security schemes of a document put keys."""

from __future__ import annotations

from portcullis.engine.openapi.credentials import KeyPlaces, key_places
from portcullis.engine.openapi.problems import Problems


def test_keys_of_all_schemes_are_found() -> None:
    schemes = {
        "a": {"type": "apiKey", "in": "header", "name": "Api_Key"},
        "b": {"type": "apiKey", "in": "cookie", "name": "Session"},
        "c": {"type": "apiKey", "in": "query", "name": "key"},
        "d": {"type": "http", "scheme": "bearer"},
        "e": {"$ref": "#/elsewhere"},
    }
    root = {"components": {"securitySchemes": schemes}, "elsewhere": {"type": "apiKey", "in": "cookie", "name": "t"}}
    assert key_places(root, Problems()) == KeyPlaces(frozenset({"api_key"}), frozenset({"Session", "t"}))


def test_schemes_of_swagger_2_0() -> None:
    root = {"securityDefinitions": {"a": {"type": "apiKey", "in": "header", "name": "X-Key"}}}
    assert key_places(root, Problems()) == KeyPlaces(frozenset({"x-key"}))


def test_what_is_no_scheme_says_nothing() -> None:
    assert key_places({}, Problems()) == KeyPlaces()
    broken = {"a": 5, "b": {"$ref": "#/nowhere"}, "c": {"type": "apiKey", "in": "cookie"}, "d": {"type": []}}
    assert key_places({"components": {"securitySchemes": broken}}, Problems()) == KeyPlaces()
    assert key_places({"components": {"securitySchemes": []}}, Problems()) == KeyPlaces()
