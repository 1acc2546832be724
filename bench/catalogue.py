"""An API with as many routes as one likes, all of one shape: three literal segments, then a variable."""

from __future__ import annotations

from bench.orders import answer_of

PREFIX = "/shelves/"
"""All its paths begin with it."""

_ROWS = 40
_STRIDE = 7_919
"""A prime: paths that are asked for one after the other were not made one after the other."""


def catalogue(routes: int) -> dict[str, object]:
    """Its OpenAPI document."""
    item = {"name": "item_id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
    listing = {"type": "object", "properties": {"items": {"type": "array", "items": {"type": "object"}}}}
    operation = {"parameters": [item], "responses": {"200": answer_of(listing)}}
    paths = {
        f"{_literal(number)}/{{item_id}}": {"get": {"operationId": f"get{number}", **operation}}
        for number in range(routes)
    }
    return {"openapi": "3.1.0", "info": {"title": "Catalogue", "version": "1.0.0"}, "paths": paths}


def calls(routes: int, asked: int) -> tuple[str, ...]:
    """A path for each of ``asked`` routes, spread over all of them, in an order without order."""
    return tuple(f"{_literal(number * _STRIDE % routes)}/{1000 + number}" for number in range(asked))


def _literal(number: int) -> str:
    shelf, row = divmod(number, _ROWS)
    return f"{PREFIX}s{shelf:04}/r{row:02}/items"
