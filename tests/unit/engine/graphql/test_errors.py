"""Why a request is not taken."""

from __future__ import annotations

from portcullis.engine.graphql.errors import QueryError


def test_callers_are_told_less_than_the_record() -> None:
    error = QueryError("invalid", "The query does not fit the schema.", "Cannot query field 'x'", "fields of it")
    assert str(error) == "The query does not fit the schema."
    assert (error.kind, error.found, error.allowed) == ("invalid", "Cannot query field 'x'", "fields of it")
