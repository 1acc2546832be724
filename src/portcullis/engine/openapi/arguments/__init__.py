"""From a request's head to the values of its parameters, wherever they are and however they are written.

What of a request is read here is read as services read it, or as RFC 6570 has it written; and where services are
known to differ, it is refused.
"""

from __future__ import annotations

from portcullis.engine.openapi.arguments.cookies import MAX_COOKIES
from portcullis.engine.openapi.arguments.errors import ArgumentError, Fault
from portcullis.engine.openapi.arguments.query import MAX_QUERY_PARAMETERS, QueryReader, Undeclared
from portcullis.engine.openapi.arguments.reader import ArgumentReader

__all__ = [
    "MAX_COOKIES",
    "MAX_QUERY_PARAMETERS",
    "ArgumentError",
    "ArgumentReader",
    "Fault",
    "QueryReader",
    "Undeclared",
]
