"""From the settings of ``validate.graphql`` to what judges queries."""

from __future__ import annotations

from typing import Final

from graphql import GraphQLSchema

from portcullis.engine.config import wording
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.layers import layers_of, written_at
from portcullis.engine.config.tree import pointer
from portcullis.engine.decision import shorten
from portcullis.engine.graphql.allow_list import AllowList
from portcullis.engine.graphql.field_rules import FieldRule, FieldRules, fields_of, is_field
from portcullis.engine.graphql.judging import Bounds, QueryJudge
from portcullis.engine.graphql.queries import Queries
from portcullis.engine.graphql.schema import read_schema
from portcullis.engine.openapi.pointer import join
from portcullis.engine.operation import OperationContext
from portcullis.engine.policies.authorize.permissions import roles_of
from portcullis.engine.policies.validate.graphql import FieldNeeds, GraphqlConfig

_PLACE: Final = ("validate", "graphql")


def queries_of(source: str, config: GraphqlConfig, context: OperationContext) -> Queries:
    """What judges the queries of the schema ``source``.

    Raises :class:`ConfigurationError` for a schema or a document that can't be used, and for fields that there are not.
    """
    schema = _schema(source, context)
    layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
    where = written_at(layers, *_PLACE)
    rules = FieldRules(schema, _rules(config, schema, context, where))
    bounds = Bounds(
        bytes=config.max_query_bytes,
        tokens=config.max_tokens,
        depth=config.max_depth,
        aliases=config.max_aliases,
        fields=config.max_fields,
        cost=config.max_cost,
    )
    judge = QueryJudge(schema, bounds, rules, list_size=config.list_size, introspection=config.introspection == "allow")
    allowed = _allow_list(config, context, where) if config.documents else None
    return Queries(judge, config.max_batch, allowed, f"#{join('', *where)}")


def _schema(source: str, context: OperationContext) -> GraphQLSchema:
    """The schema of the document, read once for all that use it."""
    key = ("graphql", source)
    if key not in context.shared:
        context.shared[key] = read_schema(source, context.ports.files.read(source))
    schema: GraphQLSchema = context.shared[key]
    return schema


def _rules(
    config: GraphqlConfig, schema: GraphQLSchema, context: OperationContext, where: tuple[str | int, ...]
) -> list[FieldRule]:
    roles = roles_of(context)
    found, mistakes = [], []
    for coordinate, needs in config.fields.items():
        at = (*where, "fields", coordinate)
        if not is_field(schema, coordinate):
            hint = wording.suggest(coordinate, sorted(fields_of(schema)), "in the schema")
            message = f'there is no field "{shorten(coordinate, 80)}" in the schema'
            mistakes.append(Diagnostic("", 0, 0, pointer(at), message, hint))
            continue
        holders = [frozenset(role for role in roles if set(needs.roles) & roles.included(role))] if needs.roles else []
        for permission in needs.permissions:
            if not roles.granting(permission):
                message = f'no role gives the permission "{permission}"'
                mistakes.append(Diagnostic("", 0, 0, pointer(at), message, "add it to a role of roles"))
            holders.append(roles.granting(permission))
        if not (needs.roles or needs.permissions or needs.scopes):
            mistakes.append(Diagnostic("", 0, 0, pointer(at), "it asks for nothing", "name roles, permissions, scopes"))
        found.append(FieldRule(coordinate, _in_words(needs), tuple(holders), frozenset(needs.scopes)))
    if mistakes:
        raise ConfigurationError(mistakes)
    return found


def _in_words(needs: FieldNeeds) -> str:
    said = [f"one of the roles {', '.join(needs.roles)}"] if needs.roles else []
    said += [f"{kind} {', '.join(names)}" for kind, names in (("permissions", needs.permissions),) if names]
    said += [f"scopes {', '.join(needs.scopes)}"] if needs.scopes else []
    return shorten(" and ".join(said))


def _allow_list(config: GraphqlConfig, context: OperationContext, where: tuple[str | int, ...]) -> AllowList:
    files = context.ports.files
    names: dict[str, None] = {}
    for index, glob in enumerate(config.documents):
        at = pointer((*where, "documents", index))
        try:
            matching = files.matching(glob)
        except OSError as error:
            message = f"{error.filename or glob}: {error.strerror or error}"
            raise ConfigurationError([Diagnostic("", 0, 0, at, message, "paths are relative to this file")]) from None
        if not matching:
            raise ConfigurationError([Diagnostic("", 0, 0, at, f"no file matches {glob}", "name files that are there")])
        names.update(dict.fromkeys(matching))
    return AllowList((name, files.read(name)) for name in names)
