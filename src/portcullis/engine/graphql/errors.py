"""Why a GraphQL request is not taken."""

from __future__ import annotations

from typing import Literal

Kind = Literal["request", "syntax", "invalid", "variables", "limit", "introspection", "unknown", "method", "field"]


class QueryError(ValueError):
    """A request is not taken. The message is a sentence for the caller, and quotes nothing of the schema.

    ``kind``: what is wrong: ``request`` (no GraphQL request), ``syntax``, ``invalid`` (not of this schema),
    ``variables``, ``limit``, ``introspection``, ``unknown`` (a document that is not on the list), ``method`` (a
    mutation by GET, a subscription), ``field`` (one that the caller may not ask for). ``found`` and ``allowed`` are for
    the record.
    """

    def __init__(self, kind: Kind, message: str, found: str = "", allowed: str = "") -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.found = found
        self.allowed = allowed
