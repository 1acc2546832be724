"""Answers that pass unchecked although ``validate.response`` is on: their document says nothing of their bodies.

An operation whose document declares no answers at all, or a success of it (``2XX``, ``default``) without a body's
schema, can't be checked there. Told once a document, with an example, since documents without schemas mostly have many;
never of schemas of GraphQL, which say nothing of answers' bodies.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.graphql.schema import is_schema
from portcullis.engine.inert.estate import Estate, Routed
from portcullis.engine.openapi.operations import SpecOperation
from portcullis.engine.openapi.response_reading import SpecResponse

_POLICY: Final = "validate.response"
_MAX_DOCUMENTS: Final = 20
"""Documents that are told of: to find the line in one takes as long as to read it."""
_WITHOUT_BODY: Final = ("204", "205")
_HINT: Final = "declare content with a schema, or validate.response.mode: off where that is meant"


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield a warning for each document that has some."""
    unchecked: dict[str, list[tuple[Routed, str]]] = {}
    for routed in estate.routed:
        pointer = _unchecked(routed.declared)
        if pointer is not None and routed.declared.method != "HEAD" and _is_validated(routed):
            unchecked.setdefault(routed.document.source, []).append((routed, pointer))
    for found in islice(unchecked.values(), _MAX_DOCUMENTS):
        routed, pointer = found[0]
        document = routed.document
        place = document.locate(pointer)
        others = f" (and {len(found) - 1} more of this document)" if len(found) > 1 else ""
        message = f"nothing is said of the body of this answer of {routed.declared.name}{others}: whatever comes passes"
        yield Diagnostic(place.file, place.line, place.column, f"#{place.pointer}", message, _HINT, "warning")


def _is_validated(routed: Routed) -> bool:
    """Whether answers of the operation are validated; of one without answers it can't be seen in its steps."""
    if is_schema(routed.document.source):
        return False
    steps = routed.operation.response_head_steps
    return not routed.declared.responses or any(step.policy == _POLICY for step in steps)


def _unchecked(operation: SpecOperation) -> str | None:
    """The pointer of an answer of which nothing is said, if there is one."""
    if not operation.responses:
        return operation.pointer
    for response in operation.responses:
        if response.status.startswith(("2", "default")) and _says_nothing(response):
            return response.pointer
    return None


def _says_nothing(response: SpecResponse) -> bool:
    if response.status in _WITHOUT_BODY:
        return False
    return all(content.schema is None and content.holds_json for content in response.content)
