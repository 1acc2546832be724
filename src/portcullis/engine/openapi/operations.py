"""The operations of a document: what each takes, and from where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.body_reading import SpecBody, read_body
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.parameter_reading import SpecParameter, read_parameter
from portcullis.engine.openapi.problems import Problem, Problems
from portcullis.engine.openapi.references import follow
from portcullis.engine.openapi.response_reading import SpecResponse, read_responses
from portcullis.engine.routing import TemplateError, parse_template

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_TEMPLATE: Final = re.compile(r"\{([^{}]*)\}")
MAX_PARAMETERS: Final = 500


class SpecOperation(msgspec.Struct, frozen=True):
    """One operation of a document.

    ``method``: upper-case; ``path``: the template as in the document; ``name``: both together,
    ``"GET /orders/{order_id}"``; ``pointer``: JSON pointer of the operation; ``credentials``: query parameters that
    the document's security schemes put credentials into; ``unsupported``: what of it can't be validated, which is an
    error wherever validation is on.
    """

    method: str
    path: str
    pointer: str
    operation_id: str = ""
    summary: str = ""
    deprecated: bool = False
    tags: tuple[str, ...] = ()
    parameters: tuple[SpecParameter, ...] = ()
    body: SpecBody | None = None
    responses: tuple[SpecResponse, ...] = ()
    credentials: frozenset[str] = frozenset()
    unsupported: tuple[Diagnostic, ...] = ()

    @property
    def name(self) -> str:
        """Its name in the configuration file, in records and metrics."""
        return f"{self.method} {self.path}"


class FoundOperation(msgspec.Struct, frozen=True):
    """An operation, and what of it can't be validated (without positions yet)."""

    operation: SpecOperation
    unsupported: tuple[Problem, ...]


def base_path(root: dict[str, Any], problems: Problems) -> str:
    """The path of the first server, its variables at their defaults; ``""`` if it has none."""
    servers = root.get("servers") or [{"url": "/"}]
    variables = servers[0].get("variables", {})

    def default(match: re.Match[str]) -> str:
        variable = variables.get(match[1])
        if variable is None:
            problems.error("/servers/0/url", f"the variable {match[1]} is not declared")
            return ""
        if variable["default"] not in variable.get("enum", [variable["default"]]):
            where = pointers.join("/servers/0/variables", match[1], "default")
            problems.error(where, "the default is not in the enum")
        return str(variable["default"])

    url = _TEMPLATE.sub(default, servers[0]["url"])
    try:
        path = urlsplit(url).path
    except ValueError:
        problems.error("/servers/0/url", "not a URL")
        return ""
    path = "/" + path.strip("/")
    return path if path != "/" else ""


def read_operations(graph: SchemaGraph, problems: Problems) -> Iterator[FoundOperation]:
    """Every operation of the document; what is wrong with one is noted in ``problems``."""
    root = graph.root
    ids: dict[str, str] = {}
    templates: dict[str, str] = {}
    for path in root.get("paths", {}):
        if path.startswith("x-"):
            continue
        item_pointer, item = follow(root, pointers.join("/paths", path), problems)
        same = templates.setdefault(_TEMPLATE.sub("{}", path), path)
        if same != path:
            problems.error(pointers.join("/paths", path), f"this is the same path as {same}: only the names differ")
        for method in METHODS:
            if method in item:
                found = _OperationReader(graph, problems, path=path, method=method, item_pointer=item_pointer).read()
                operation_id = found.operation.operation_id
                if operation_id and ids.setdefault(operation_id, found.operation.name) != found.operation.name:
                    problems.error(
                        pointers.join(found.operation.pointer, "operationId"),
                        f"{operation_id[:80]} is the operationId of {ids[operation_id]} already",
                    )
                yield found


class _OperationReader:
    """Reads one operation: ``method`` of the path item at ``item_pointer``, which ``path`` leads to."""

    def __init__(self, graph: SchemaGraph, problems: Problems, *, path: str, method: str, item_pointer: str) -> None:
        self.graph = graph
        self.root = graph.root
        self.problems = problems
        self.path = path
        self.method = method
        self.item_pointer = item_pointer
        self.item: dict[str, Any] = pointers.look_up(graph.root, item_pointer)
        self.pointer = pointers.join(item_pointer, method)
        self.raw: dict[str, Any] = self.item[method]
        self.unsupported: list[Problem] = []

    def read(self) -> FoundOperation:
        operation = SpecOperation(
            method=self.method.upper(),
            path=self.path,
            pointer=self.pointer,
            operation_id=self.raw.get("operationId", ""),
            summary=self.raw.get("summary", ""),
            deprecated=self.raw.get("deprecated", False),
            tags=tuple(self.raw.get("tags", ())),
            parameters=self._parameters(),
            body=self._body() if "requestBody" in self.raw else None,
            responses=tuple(read_responses(self.root, self.pointer, self.problems)),
            credentials=self._credentials(),
        )
        return FoundOperation(operation, tuple(self.unsupported))

    def _follow(self, pointer: str) -> tuple[str, Any]:
        return follow(self.root, pointer, self.problems)

    def _parameters(self) -> tuple[SpecParameter, ...]:
        found: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        for owner, owner_pointer in ((self.item, self.item_pointer), (self.raw, self.pointer)):
            mine: set[tuple[str, str]] = set()
            for index in range(len(owner.get("parameters", ()))):
                pointer, raw = self._follow(pointers.join(owner_pointer, "parameters", index))
                if not isinstance(raw, dict) or not isinstance(raw.get("name"), str) or "in" not in raw:
                    self.problems.error(pointer, "this is not a parameter")
                    continue
                name = raw["name"].lower() if raw["in"] == "header" else raw["name"]
                key = (raw["in"], name)
                if key in mine:
                    self.problems.error(pointer, f"the {raw['in']} parameter {raw['name']} is declared twice")
                mine.add(key)
                found[key] = (pointer, raw)
        self._check_template([name for location, name in found if location == "path"])
        if len(found) > MAX_PARAMETERS:
            self.problems.error(self.pointer, f"more than {MAX_PARAMETERS} parameters")
            return ()
        parameters = (read_parameter(self.graph, pointer, raw, self.unsupported) for pointer, raw in found.values())
        return tuple(parameter for parameter in parameters if parameter is not None)

    def _check_template(self, declared: list[str]) -> None:
        try:
            parse_template(self.path)
        except TemplateError as error:
            self.problems.error(pointers.join("/paths", self.path), error.reason)
            return
        named = _TEMPLATE.findall(self.path)
        for name in named:
            if name not in declared:
                hint = f"add a parameter: {{name: {name}, in: path, required: true, schema: {{type: string}}}}"
                self.problems.error(self.pointer, f"the path's {{{name}}} is not declared as a parameter", hint)
        for name in set(declared) - set(named):
            self.problems.error(self.pointer, f"the path parameter {name} is not in the path {self.path}")

    def _body(self) -> SpecBody:
        return read_body(self.root, pointers.join(self.pointer, "requestBody"), self.problems, self.unsupported)

    def _credentials(self) -> frozenset[str]:
        schemes = self.root.get("components", {}).get("securitySchemes", {})
        names = set()
        for requirement in self.raw.get("security", self.root.get("security", ())):
            for name in requirement:
                if name in schemes:
                    _, scheme = self._follow(pointers.join("/components/securitySchemes", name))
                    if scheme.get("type") == "apiKey" and scheme.get("in") == "query":
                        names.add(scheme["name"])
        return frozenset(names)
