"""Settings of ``validate.grpc`` and ``validate.graphql`` that another bound or refusal always comes before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from portcullis.engine.config.values import format_duration
from portcullis.engine.graphql.document import GET
from portcullis.engine.grpc.building import method_of
from portcullis.engine.inert.governed import Governed, Keys, Look

if TYPE_CHECKING:
    from portcullis.engine.policies.validate.graphql import GraphqlConfig
    from portcullis.engine.policies.validate.grpc import GrpcConfig

_REFLECTION: Final = re.compile(r"POST /grpc\.reflection\.")
_LONGEST: Final = 3600.0
"""Of calls with many messages where ``stream`` says nothing."""


# gRPC.


def _reflection(governed: Governed) -> str:
    operation = governed.operation
    if operation is None or _REFLECTION.match(operation.name):
        return ""
    return "it is no method of grpc.reflection, and where the document has none there is nothing to call"


def _max_message(governed: Governed) -> str:
    return "calls of reflection are refused" if _is_refused_reflection(governed) else ""


def _max_deadline(governed: Governed) -> str:
    """A longer deadline than that of the exchange is told to the service, and is never reached."""
    config, context = _grpc(governed), governed.context
    if config is None or context is None or config.max_deadline is None:
        return ""
    if _is_refused_reflection(governed):
        return "calls of reflection are refused"
    method = method_of(context)
    if method is None:
        return ""
    stream = governed.settings.stream
    if method.is_unary:
        name, most = "upstream.timeouts.whole", context.api.upstream.timeouts.whole
    else:
        name, most = "stream.lifetime", _LONGEST if stream is None else stream.lifetime
    return f"{name} ends a call after {format_duration(most)}" if config.max_deadline > most else ""


def _is_refused_reflection(governed: Governed) -> bool:
    config, operation = _grpc(governed), governed.operation
    if config is None or operation is None or config.reflection == "allow":
        return False
    return _REFLECTION.match(operation.name) is not None


def _grpc(governed: Governed) -> GrpcConfig | None:
    config: GrpcConfig | None = getattr(governed.settings.validate_, "grpc", None)
    return config


# GraphQL.


def _by_url(governed: Governed) -> str:
    """Of what is said of queries, nothing is looked at where they are refused for how they come."""
    config, operation = _graphql(governed), governed.operation
    if config is None or operation is None or operation.name != GET or config.get:
        return ""
    return "queries by GET are refused"


def _get(governed: Governed) -> str:
    operation = governed.operation
    return "" if operation is None or operation.name == GET else "it is about GET"


def _max_batch(governed: Governed) -> str:
    operation = governed.operation
    return "a URL has one request" if operation is not None and operation.name == GET else ""


def _max_depth(governed: Governed) -> str:
    config = _graphql(governed)
    if config is None or config.max_depth < config.max_fields:
        return _by_url(governed)
    return f"a query so deep has more than {config.max_fields} fields (max_fields)"


def _max_tokens(governed: Governed) -> str:
    config = _graphql(governed)
    if config is None or config.max_tokens < config.max_query_bytes:
        return _by_url(governed)
    return f"so many have more than {config.max_query_bytes} characters (max_query_bytes)"


def _graphql(governed: Governed) -> GraphqlConfig | None:
    config: GraphqlConfig | None = getattr(governed.settings.validate_, "graphql", None)
    return config


_BY_URL: Final = (
    "introspection",
    "max_cost",
    "max_fields",
    "max_aliases",
    "max_query_bytes",
    "list_size",
    "documents",
    "fields",
    "error_extensions",
)
LOOKS: Final[Mapping[Keys, Look]] = {
    ("validate", "grpc", "reflection"): _reflection,
    ("validate", "grpc", "max_message"): _max_message,
    ("validate", "grpc", "max_deadline"): _max_deadline,
    **{("validate", "graphql", key): _by_url for key in _BY_URL},
    ("validate", "graphql", "get"): _get,
    ("validate", "graphql", "max_batch"): _max_batch,
    ("validate", "graphql", "max_depth"): _max_depth,
    ("validate", "graphql", "max_tokens"): _max_tokens,
}
"""By the setting: what looks whether it can act."""
