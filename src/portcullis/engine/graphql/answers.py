"""Errors in answers of a GraphQL service (GraphQL 7.1.6), without what only its makers should know."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from portcullis.engine.inspection.stack_traces import stack_trace_in

HIDDEN: Final = "The request could not be answered."
_MEMBERS: Final = ("message", "path", "locations")


def scrubbed(answer: Any, extensions: Collection[str]) -> bool:
    """Clean the errors of the JSON ``answer`` in place; whether something was taken out.

    A message that shows a stack trace or a database's words is replaced. Of an error's extensions only those named in
    ``extensions`` stay, and of the answer's own none.
    """
    changed = False
    for each in answer if isinstance(answer, list) else (answer,):
        if isinstance(each, dict):
            changed |= each.pop("extensions", None) is not None
            errors = each.get("errors")
            if isinstance(errors, list):
                each["errors"] = [_error(error, extensions) for error in errors]
                changed |= each["errors"] != errors
    return changed


def _error(error: Any, extensions: Collection[str]) -> Any:
    if not isinstance(error, dict):
        return {"message": HIDDEN}
    kept = {name: error[name] for name in _MEMBERS if name in error}
    message = error.get("message")
    if not isinstance(message, str) or stack_trace_in(message.encode()) is not None:
        kept["message"] = HIDDEN
    given = error.get("extensions")
    if isinstance(given, dict) and (named := {name: given[name] for name in extensions if name in given}):
        kept["extensions"] = named
    return kept
