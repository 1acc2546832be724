"""The schema of a GraphQL API, read from its file in the schema definition language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphql import GraphQLError, GraphQLSchema

SUFFIXES: Final = (".graphql", ".graphqls", ".gql")
"""How the names of files with such schemas end."""
MAX_TOKENS: Final = 1_000_000
MAX_DEPTH: Final = 100
"""Brackets in one another."""

_COST: Final = """
directive @cost(weight: String!) on
  ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR
"""
_LIST_SIZE: Final = """
directive @listSize(
  assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true
) on FIELD_DEFINITION
"""


def is_schema(source: str) -> bool:
    """Whether the document of this name is a GraphQL schema."""
    return source.lower().endswith(SUFFIXES)


def read_schema(source: str, content: bytes) -> GraphQLSchema:
    """The schema in ``content``, which the configuration calls ``source``.

    The directives ``@cost`` and ``@listSize`` need not be defined there. Raises :class:`ConfigurationError`.
    """
    # Most gateways have no such API, and only the process that compiles needs all of this.
    from graphql import GraphQLError, Source, build_ast_schema, parse, validate_schema  # noqa: PLC0415

    from portcullis.engine.graphql.bounds import depth_of  # noqa: PLC0415

    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise _wrong(source, 0, 0, "it is not UTF-8") from None
    if depth_of(text) > MAX_DEPTH:
        raise _wrong(source, 1, 1, f"it has brackets in more than {MAX_DEPTH} others")
    try:
        node = parse(Source(text + _missing(text), source), max_tokens=MAX_TOKENS)
        schema = build_ast_schema(node)
        errors: Iterable[GraphQLError] = validate_schema(schema)
    except GraphQLError as error:
        errors = [error]
    except TypeError as error:  # all errors of the definitions, in one text
        raise _wrong(source, 1, 1, str(error).partition("\n\n")[0]) from None
    found = [_diagnostic(source, error) for error in errors]
    if found:
        raise ConfigurationError(found)
    return schema


def _missing(text: str) -> str:
    return "".join(
        definition
        for name, definition in (("cost", _COST), ("listSize", _LIST_SIZE))
        if f"@{name}" in text and f"directive @{name}" not in text
    )


def _diagnostic(source: str, error: GraphQLError) -> Diagnostic:
    locations = error.locations or []
    line, column = (locations[0].line, locations[0].column) if locations else (1, 1)
    return Diagnostic(source, line, column, "", error.message, "it has to be a valid GraphQL schema")


def _wrong(source: str, line: int, column: int, message: str) -> ConfigurationError:
    return ConfigurationError(
        [Diagnostic(source, line, column, "", message, "a schema in GraphQL's schema definition language")]
    )
