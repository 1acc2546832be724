"""GraphQL queries, checked against the schema, held within bounds, and kept from fields that are not everybody's.

What
    An API whose document (``spec``) is a GraphQL schema (``.graphql``, ``.graphqls``, ``.gql``) has one path,
    ``/graphql`` below its base path: ``POST`` with a JSON body, and ``GET`` where ``get`` allows it. Each request is
    read as GraphQL over HTTP has it; its query is parsed, and checked by all rules of the specification; variables are
    read as their types. Nothing that the schema does not have reaches the service, and what is wrong is told without a
    word about the schema.

    Bounds are looked at before anything dear is done: bytes, tokens and brackets of the text; then depth, fields,
    aliases and cost of the operation that is asked for, with its fragments. The cost of an object is 1 and of other
    fields 0, unless the schema says it (``@cost(weight: "5")``); what is below a list counts as often as the list may
    have items: what an argument says (``first``, ``last``, ``limit``, ``size`` ..., or those that ``@listSize`` names),
    else ``@listSize(assumedSize: 50)``, else ``list_size``. Both directives are known without being defined.

    Mutations come by ``POST`` only, as JSON only, so that no other site's page can send one (CSRF). Subscriptions and
    uploads are refused.

Why
    API4:2023 Unrestricted Resource Consumption: one short query can ask for millions of objects. API1:2023 and
    API3:2023: one path answers for all objects and all fields, so whoever protects it by its URL protects nothing.
    API9:2023: a schema that tells itself to everybody is a map for attackers.

Config
    ``mode``: ``enforce``, ``monitor`` (record, let pass) or ``off``. ``introspection``: ``refuse``, or ``allow`` for
    developers. ``max_depth``, ``max_cost``, ``max_fields``, ``max_aliases``, ``max_tokens``, ``max_query_bytes`` and
    ``max_batch`` (requests in one call); ``list_size``. ``get``: queries may come by ``GET``. ``documents``: only
    operations of these files may be asked, however they are written; then a client may also name one by its SHA-256
    (``extensions.persistedQuery``), and the gateway puts its text in place. ``fields``: what a caller needs for a
    field, by ``Type.field``: ``roles`` (one of them), ``permissions`` and ``scopes`` (all of them). It holds however
    the field is reached, by an interface or a union too. ``error_extensions``: members of ``extensions`` of errors that
    callers get; messages that show a stack trace are replaced.

When it fails
    400 ``validate.graphql_request`` (no GraphQL request, or no telling which operation), ``validate.graphql_syntax``,
    ``validate.graphql_invalid`` (not of the schema), ``validate.graphql_variables``, ``validate.graphql_limit``; 403
    ``validate.graphql_introspection``, ``validate.graphql_unknown_document``, ``validate.graphql_field``; 405
    ``validate.graphql_method``. The record says which bound, field or rule, and for what passes the operation's name:
    ``mutation refund``.

Example
    .. code-block:: yaml

        apis:
          shop:
            versions: {v1: {spec: shop.graphql}}
            validate:
              graphql:
                max_cost: 2000
                fields:
                  "Mutation.refund": {permissions: ["orders:refund"]}
                  "Customer.email": {roles: [clerk]}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import parse_qsl

import orjson
from pydantic import AfterValidator, Field

from portcullis.engine import strict_json
from portcullis.engine.api_key_format import mask
from portcullis.engine.codes import Code
from portcullis.engine.config.names import Permission, RoleName, check_include
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Meaning, Size
from portcullis.engine.decision import Finding, Modify, Refuse, shorten
from portcullis.engine.facts import Facts, Verdict
from portcullis.engine.graphql.document import GET
from portcullis.engine.graphql.errors import Kind, QueryError
from portcullis.engine.graphql.schema import is_schema
from portcullis.engine.policy import Mode, Policy, Probe, Step
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView

if TYPE_CHECKING:
    from portcullis.engine.graphql.queries import Queries
    from portcullis.engine.operation import OperationContext

REQUEST: Final = Code("validate.graphql_request", 400, "This is no GraphQL request")
SYNTAX: Final = Code("validate.graphql_syntax", 400, "The query is not GraphQL")
INVALID: Final = Code("validate.graphql_invalid", 400, "The query does not fit the schema")
VARIABLES: Final = Code("validate.graphql_variables", 400, "The variables do not fit the query")
LIMIT: Final = Code("validate.graphql_limit", 400, "The query asks for too much")
INTROSPECTION: Final = Code("validate.graphql_introspection", 403, "The schema is not told")
UNKNOWN_DOCUMENT: Final = Code(
    "validate.graphql_unknown_document", 403, "This query is not one of those that are taken"
)
METHOD: Final = Code("validate.graphql_method", 405, "This kind of operation is not taken here")
FIELD: Final = Code("validate.graphql_field", 403, "The caller may not ask for one of the fields")

_CODES: Final[Mapping[Kind, Code]] = {
    "request": REQUEST,
    "syntax": SYNTAX,
    "invalid": INVALID,
    "variables": VARIABLES,
    "limit": LIMIT,
    "introspection": INTROSPECTION,
    "unknown": UNKNOWN_DOCUMENT,
    "method": METHOD,
    "field": FIELD,
}
_ALLOW_POST: Final = ((b"allow", b"POST"),)
_PLACE: Final = ("validate", "graphql")

Documents = Annotated[str, AfterValidator(check_include), Meaning("a glob", "queries/*.graphql", relative=True)]


class FieldNeeds(Section):
    """What a caller needs to ask for a field."""

    roles: list[RoleName] = Field([], max_length=64)
    """Roles, one of which the caller must hold, also by inheriting."""
    permissions: list[Permission] = Field([], max_length=64)
    """Permissions, all of which the caller's roles must give."""
    scopes: list[str] = Field([], max_length=64)
    """Scopes, all of which the caller's credential must have."""


class GraphqlConfig(Section):
    """Queries of an API whose document is a GraphQL schema."""

    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""
    introspection: Literal["refuse", "allow"] = "refuse"
    """Queries for the schema itself."""
    max_depth: int = Field(10, ge=1, le=60)
    """Fields in one another."""
    max_cost: int = Field(1_000, ge=1)
    """Cost of one operation."""
    max_fields: int = Field(500, ge=1, le=10_000)
    """Fields that one operation asks for, with those of its fragments."""
    max_aliases: int = Field(15, ge=0, le=1_000)
    """Fields of one operation that are asked for by another name, and how often one name may stand in one place."""
    max_tokens: int = Field(2_000, ge=10, le=50_000)
    """Words and signs of a query."""
    max_query_bytes: Size = Field(16 * 1024, ge=64, le=1024 * 1024)
    """Characters of a query."""
    max_batch: int = Field(1, ge=1, le=100)
    """Requests in one call."""
    list_size: int = Field(10, ge=1, le=10_000)
    """Items that a list counts for of which nothing is said."""
    get: bool = False
    """Queries may come by GET, in the URL, which caches and logs keep."""
    documents: list[Documents] = Field([], min_length=1, max_length=64)
    """Files with the only operations that are taken, below the folder of this file."""
    fields: dict[str, FieldNeeds] = {}
    """What a caller needs for a field, by ``Type.field``."""
    error_extensions: list[str] = Field(["code"], max_length=16)
    """Members of the extensions of errors that callers get to see."""


def compile_graphql(config: GraphqlConfig, context: OperationContext) -> tuple[Step, ...]:
    """The steps that look at queries; none where the document is an OpenAPI document.

    Raises :class:`ConfigurationError` for a schema or a document that can't be used, and for fields that there are not.
    """
    source = context.api.versions[context.version].spec
    if not is_schema(source) or config.mode == "off":
        return ()
    monitor = config.mode == "monitor"
    if context.operation.name == GET and not config.get:
        return (Step(POLICY.name, "head", _refuse_get, monitor),)
    # Only those who have such an API load what reads queries.
    from portcullis.engine.graphql.building import queries_of  # noqa: PLC0415

    queries = queries_of(source, config, context)
    answers = Step(POLICY.name, "response_body", _scrub(config), monitor, wants=_is_json)
    if context.operation.name == GET:
        return (Step(POLICY.name, "head", _in_url(queries), monitor), answers)
    return (Step(POLICY.name, "body", _in_body(queries), monitor), answers)


def _allowed(title: str) -> Verdict:
    # A query may be named like anything, by mistake like a key too.
    return Verdict(POLICY.name, "allow", detail=shorten(mask(title), 100))


def _refused(error: QueryError, source: str) -> Refuse:
    code = _CODES[error.kind]
    fields = _ALLOW_POST if code is METHOD else ()
    finding = Finding("/graphql", shorten(mask(error.found)), error.allowed, source)
    return Refuse(code, str(error), finding, fields=fields)


def _refuse_get(_request: RequestView, _facts: Facts) -> Refuse:
    return Refuse(METHOD, "Queries are sent by POST.", Finding("/method", "GET", "POST"), fields=_ALLOW_POST)


def _in_url(queries: Queries) -> Callable[[RequestView, Facts], Refuse | None]:
    def check(request: RequestView, facts: Facts) -> Refuse | None:
        # Duplicates were refused when the parameters were read as the document declares them.
        parameters = dict(parse_qsl(request.query or "", keep_blank_values=True))
        try:
            title = queries.in_url(parameters, facts.identity)
        except QueryError as error:
            return _refused(error, queries.source)
        facts.verdicts.append(_allowed(title))
        return None

    return check


def _in_body(queries: Queries) -> Callable[[RequestView, Facts], Refuse | Modify | None]:
    def check(request: RequestView, facts: Facts) -> Refuse | Modify | None:
        try:
            value = strict_json.loads(request.body or b"")
        except strict_json.MalformedJsonError as error:
            return Refuse(
                REQUEST, "The body is not JSON.", Finding("/body", str(error), "a GraphQL request", queries.source)
            )
        try:
            title, changed = queries.in_body(value, facts.identity)
        except QueryError as error:
            return _refused(error, queries.source)
        facts.verdicts.append(_allowed(title))
        return Modify(body=orjson.dumps(changed)) if changed is not None else None

    return check


def _is_json(response: ResponseView) -> bool:
    return b"json" in response.headers.get(b"content-type", b"").lower()


def _scrub(config: GraphqlConfig) -> Callable[[ResponseView, Facts], Modify | None]:
    from portcullis.engine.graphql.answers import scrubbed  # noqa: PLC0415

    def scrub(response: ResponseView, _facts: Facts) -> Modify | None:
        try:
            value = strict_json.loads(response.body or b"")
        except strict_json.MalformedJsonError:
            return None  # what is no JSON is the business of validate.response
        return Modify(body=orjson.dumps(value)) if scrubbed(value, config.error_extensions) else None

    return scrub


POLICY = Policy(
    phase="validate",
    key="graphql",
    config=GraphqlConfig,
    codes=(REQUEST, SYNTAX, INVALID, VARIABLES, LIMIT, INTROSPECTION, UNKNOWN_DOCUMENT, METHOD, FIELD),
    probes=(Probe("a query for the schema", "malformed_json", REQUEST),),
    compile=compile_graphql,
)
