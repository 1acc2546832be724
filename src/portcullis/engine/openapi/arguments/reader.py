"""The values of all parameters of a request, by one reader an operation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from portcullis.engine.decision import Modify
from portcullis.engine.openapi.arguments.cookies import CookieReader
from portcullis.engine.openapi.arguments.errors import ArgumentError
from portcullis.engine.openapi.arguments.fields import FieldReader
from portcullis.engine.openapi.arguments.path import PathReader
from portcullis.engine.openapi.arguments.plans import Fits
from portcullis.engine.openapi.arguments.query import QueryReader, Undeclared
from portcullis.engine.openapi.parameter_reading import SpecParameter
from portcullis.engine.request import RequestView


class ArgumentReader:
    """Reads the parameters of one operation.

    ``names``: the checker's name of the schema at a JSON pointer; ``fits``: the checker; ``undeclared`` and
    ``cookies``: what becomes of query parameters and of cookies that are not declared; ``credentials`` and
    ``credential_cookies``: query parameters and cookies that carry credentials, which no document has to declare;
    ``withheld``: those of the query that are taken out anyway, and so are never put back into a query that something
    else is stripped from; ``route``: the template that requests to the operation are routed by.
    """

    def __init__(
        self,
        parameters: Iterable[SpecParameter],
        names: Mapping[str, str],
        fits: Fits,
        undeclared: Undeclared,
        *,
        cookies: Undeclared = "strip",
        credentials: Collection[str] = (),
        credential_cookies: Collection[str] = (),
        withheld: Collection[str] = (),
        route: str = "",
    ) -> None:
        by_location: dict[str, list[SpecParameter]] = {"path": [], "query": [], "header": [], "cookie": []}
        for parameter in parameters:
            by_location[parameter.location].append(parameter)
        in_fields = by_location["header"]
        path = PathReader(by_location["path"], names, fits, route)
        self._simple_path = path.simple
        self._path = None if path.is_idle else path.read
        query = (
            QueryReader(by_location["query"], names, fits, undeclared, credentials=credentials, withheld=withheld)
            if by_location["query"]
            else _without_query(undeclared, frozenset(credentials), frozenset(withheld))
        )
        self._query = query.read
        self._needs_query = bool(query.required)
        self._fields = FieldReader(in_fields, names, fits).read if in_fields else None
        # Whoever declares the whole field means all cookies in it.
        declared_whole = any(parameter.name.lower() == "cookie" for parameter in in_fields)
        of_cookies: Undeclared = "allow" if declared_whole else cookies
        cookie = (
            CookieReader(by_location["cookie"], names, fits, of_cookies, credential_cookies)
            if by_location["cookie"]
            else _without_cookies(of_cookies, frozenset(credential_cookies))
        )
        self._needs_cookies = cookie.is_needed
        self._cookies = None if cookie.is_idle else cookie.read

    def read(self, request: RequestView) -> tuple[dict[str, Any], Modify | None]:
        """The values by the checker's names, and what is to be changed so that nothing undeclared is sent on.

        Raises :class:`~portcullis.engine.openapi.arguments.errors.ArgumentError`.
        """
        values: dict[str, Any] = {}
        change = None
        for name, key, reading in self._simple_path:
            text = request.path_values[name]
            try:
                values[key] = reading(text)
            except ValueError:
                raise ArgumentError("malformed", "path", name, text) from None
        if self._path is not None:
            self._path(request, values)
        if request.query or self._needs_query:
            query = self._query(request.query, values)
            if query is not None:
                change = Modify(query=query)
        if self._fields is not None:
            self._fields(request, values)
        if self._cookies is not None and (self._needs_cookies or b"cookie" in request.headers):
            without = self._cookies(request, values)
            if without is not None:
                change = without if change is None else msgspec.structs.replace(without, query=change.query)
        return values, change


@lru_cache(maxsize=256)
def _without_query(undeclared: Undeclared, credentials: frozenset[str], withheld: frozenset[str]) -> QueryReader:
    """The reader for all operations without parameters in the query: there is nothing in it that would be theirs."""
    return QueryReader((), {}, _fits_nothing, undeclared, credentials=credentials, withheld=withheld)


@lru_cache(maxsize=256)
def _without_cookies(undeclared: Undeclared, credentials: frozenset[str]) -> CookieReader:
    """The same for cookies."""
    return CookieReader((), {}, _fits_nothing, undeclared, credentials)


def _fits_nothing(_values: Mapping[str, Any]) -> bool:
    return False
