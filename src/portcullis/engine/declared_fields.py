"""Header fields of requests that an operation knows: the gateway hands them on though their names look doubtful."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.policies.authenticate import forwarded_fields

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext


def declared_fields(context: OperationContext) -> frozenset[bytes]:
    """The names (lower-case) of fields that the document declares, or that the file hands on to the service.

    Those are parameters, keys of the document's security schemes, the field that chooses the version, and credentials
    with ``forward: true``.
    """
    operation = context.operation
    names = {parameter.name.lower() for parameter in operation.parameters if parameter.location == "header"}
    names |= operation.keys.fields
    version = context.api.version
    if version is not None and version.by == "header":
        names.add(version.name.lower())
    try:
        forwarded = forwarded_fields(context)
    except ConfigurationError:  # which the phase that authenticates tells
        forwarded = frozenset()
    return _shared(frozenset(name.encode() for name in names) | forwarded)


@lru_cache(maxsize=1024)
def _shared(names: frozenset[bytes]) -> frozenset[bytes]:
    """The same object for the same names: most operations of a document declare the same, and mounts remember it."""
    return names
