"""What a GraphQL request asks for, read from the JSON of its body or from its URL (GraphQL over HTTP)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from portcullis.engine import strict_json
from portcullis.engine.graphql.errors import QueryError

_MEMBERS: Final = frozenset({"query", "operationName", "variables", "extensions"})
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_NOTHING: Final[Mapping[str, Any]] = {}


class GraphqlRequest(msgspec.Struct, frozen=True):
    """One request. ``query``: ``None`` where it only names a document by its ``sha256``."""

    query: str | None
    operation: str | None = None
    variables: Mapping[str, Any] = _NOTHING
    sha256: str | None = None


def read_body(value: Any, max_batch: int) -> Sequence[GraphqlRequest]:
    """The requests in the JSON ``value`` of a body. Raises :class:`QueryError`."""
    if not isinstance(value, list):
        return (read_members(value),)
    if not value:
        raise QueryError("request", "A batch has at least one request.")
    if len(value) > max_batch:
        allowed = f"at most {max_batch} in one call" if max_batch > 1 else "one request a call, no batch"
        raise QueryError("limit", "So many requests in one call are not taken.", f"{len(value)} requests", allowed)
    return tuple(map(read_members, value))


def read_query(parameters: Mapping[str, str]) -> GraphqlRequest:
    """The request in the decoded ``parameters`` of a URL. Raises :class:`QueryError`."""
    members: dict[str, Any] = dict(parameters)
    for name in ("variables", "extensions"):
        if name in members:
            try:
                members[name] = strict_json.loads(members[name].encode())
            except strict_json.MalformedJsonError:
                raise QueryError("request", f"The parameter {name} is not JSON.") from None
    return read_members(members)


def read_members(value: Any) -> GraphqlRequest:
    """One request. Raises :class:`QueryError`."""
    if not isinstance(value, dict):
        raise QueryError("request", "A GraphQL request is a JSON object.")
    if not value.keys() <= _MEMBERS:
        raise QueryError("request", f"A GraphQL request has these members: {', '.join(sorted(_MEMBERS))}.")
    query, operation = value.get("query"), value.get("operationName")
    variables, extensions = value.get("variables"), value.get("extensions")
    if not isinstance(query, str | None) or not isinstance(operation, str | None):
        raise QueryError("request", "The members query and operationName are strings.")
    if not isinstance(variables, dict | None) or not isinstance(extensions, dict | None):
        raise QueryError("request", "The members variables and extensions are objects.")
    sha256 = _persisted(extensions or {})
    if not query and sha256 is None:
        raise QueryError("request", "There is no query.")
    return GraphqlRequest(query or None, operation or None, variables or _NOTHING, sha256)


def _persisted(extensions: Mapping[str, Any]) -> str | None:
    """The digest of a persisted query, as Apollo's clients name one."""
    named = extensions.get("persistedQuery")
    if named is None:
        return None
    sha256 = named.get("sha256Hash") if isinstance(named, dict) and named.get("version") == 1 else None
    if not isinstance(sha256, str) or not _HASH.fullmatch(sha256):
        raise QueryError("request", "The extension persistedQuery has a version, 1, and a sha256Hash.")
    return sha256
