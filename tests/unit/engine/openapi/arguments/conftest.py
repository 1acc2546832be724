"""Operations compiled from what a document says of their parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from portcullis.engine.decision import Modify
from portcullis.engine.openapi.arguments import ArgumentError, ArgumentReader
from portcullis.engine.openapi.document import SpecDocument
from portcullis.engine.request import RequestView
from portcullis.engine.routing import RouteIndex

Fields = Sequence[tuple[str, str]]


class Operation:
    """One operation, and what it reads from requests. Values are given by the names of the parameters."""

    def __init__(self, document: SpecDocument, **options: Any) -> None:
        [self.spec] = document.operations
        checks = document.checks("refuse")
        self.fits = checks.checker.fits
        self._names = {checks.names[each.schema]: each.name for each in self.spec.parameters if each.schema}
        options.setdefault("undeclared", "refuse")
        self._reader = ArgumentReader(self.spec.parameters, checks.names, self.fits, route=self.spec.route, **options)
        self._routes = RouteIndex([(self.spec.route, None)])

    def request(self, query: str = "", path: str | None = None, fields: Fields = ()) -> RequestView:
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in fields]
        headers: dict[bytes, bytes] = {}
        for name, value in pairs:
            headers[name] = headers[name] + b", " + value if name in headers else value
        request = RequestView("GET", "/", pairs, headers)
        request.query = query
        if path is not None:
            request.path = path
            match = self._routes.match(path)
            assert match is not None
            request.path_values = match.values
        return request

    def values(self, **request: Any) -> tuple[dict[str, Any], Modify | None]:
        """The values by the names of their parameters, and what is changed in the request."""
        values, change = self._reader.read(self.request(**request))
        return {self._names[key]: value for key, value in values.items()}, change

    def read(self, **request: Any) -> dict[str, Any]:
        """The values, which fit their schemas, of a request in which nothing is changed."""
        values, change = self._reader.read(self.request(**request))
        assert change is None
        assert self.fits(values)
        return {self._names[key]: value for key, value in values.items()}

    def accepts(self, **request: Any) -> bool:
        """Whether the values of a request, which can be read, fit their schemas."""
        return self.fits(self._reader.read(self.request(**request))[0])

    def fault(self, **request: Any) -> tuple[Any, ...]:
        """Why a request can't be read: fault, location and name, and the place in the value if there is one."""
        with pytest.raises(ArgumentError) as caught:
            self._reader.read(self.request(**request))
        error = caught.value
        return (error.fault, error.location, error.name, *([error.path] if error.path else []))


Operate = Callable[..., Operation]


@pytest.fixture(scope="session")
def operate(load: Callable[..., SpecDocument]) -> Operate:
    """Makes an operation of its raw parameters: ``operate({"name": ..., "in": "query", ...}, path="/a", **options)``.

    ``schemas`` are those that it may refer to as ``#/components/schemas/...``. The same is made once.
    """
    made: dict[str, Operation] = {}

    def make(*parameters: Mapping[str, Any], **options: Any) -> Operation:
        key = repr((parameters, options))
        if key not in made:
            made[key] = compiled(*parameters, **options)
        return made[key]

    def compiled(
        *parameters: Mapping[str, Any],
        path: str = "/a",
        version: str = "3.1.0",
        schemas: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Operation:
        required = [{"required": True, **each} if each["in"] == "path" else dict(each) for each in parameters]
        more = {"components": {"schemas": dict(schemas)}} if schemas else {}
        document = load({path: {"get": {"parameters": required}}}, version, **more)
        assert not document.operations[0].unsupported
        return Operation(document, **options)

    return make
