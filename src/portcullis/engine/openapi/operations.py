"""The operations of a document: what each takes and answers, and from where."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.anatomy import METHODS
from portcullis.engine.openapi.body_reading import SpecBody, read_body
from portcullis.engine.openapi.credentials import NOWHERE, KeyPlaces, key_places
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.parameter_reading import SpecParameter, not_validated, read_parameter, route_of
from portcullis.engine.openapi.problems import Problem, Problems
from portcullis.engine.openapi.references import follow
from portcullis.engine.openapi.response_reading import SpecResponse, read_responses
from portcullis.engine.openapi.security import Security, read_security
from portcullis.engine.openapi.servers import own_base_path
from portcullis.engine.routing import TemplateError, parse_template

VARIABLE: Final = re.compile(r"\{([^{}]*)\}")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}")
MAX_PARAMETERS: Final = 500

_NO_NAMES: Final[frozenset[str]] = frozenset()


class SpecOperation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One operation of a document.

    ``method``: as in requests; ``path``: the template as in the document; ``name``: both together,
    ``"GET /orders/{order_id}"``; ``route``: the template that requests are routed by, which is ``path`` but for the
    names of its variables where another path of the document is the same but for these; ``pointer``: JSON pointer of
    the operation; ``credentials``: query parameters that the document's security schemes put credentials into;
    ``keys``: the header fields and cookies that any of them puts a key into; ``security``: the scopes that the
    document asks for; ``internal``: it says ``x-internal: true`` of the operation or its path;
    ``unsupported``: what of it can't be validated, which is an error wherever validation is on; ``base_path``: the path
    of its own servers, which it is called below rather than that of the document's; ``None``: it has none.
    """

    method: str
    path: str
    pointer: str
    route: str = ""
    operation_id: str = ""
    summary: str = ""
    deprecated: bool = False
    tags: tuple[str, ...] = ()
    parameters: tuple[SpecParameter, ...] = ()
    body: SpecBody | None = None
    responses: tuple[SpecResponse, ...] = ()
    credentials: frozenset[str] = _NO_NAMES
    keys: KeyPlaces = NOWHERE
    security: Security | None = None
    internal: bool = False
    unsupported: tuple[Diagnostic, ...] = ()
    base_path: str | None = None

    @property
    def name(self) -> str:
        """Its name in the configuration file, in records and metrics."""
        return f"{self.method} {self.path}"


class FoundOperation(msgspec.Struct, frozen=True):
    """An operation, and what of it can't be validated (without positions yet)."""

    operation: SpecOperation
    unsupported: tuple[Problem, ...]


class Place(msgspec.Struct, frozen=True):
    """Where a document declares an operation.

    ``path`` leads to the path item ``item`` at ``item_pointer``, and under its key ``key`` stands the operation, for
    requests of ``method``; ``variables``: how the variables of the path are called where it is routed.
    """

    path: str
    item_pointer: str
    item: dict[str, Any]
    pointer: str
    method: str
    variables: dict[str, str]


FlawsOf = Callable[..., list[Problem]]
"""Gives what is wrong with the parts of a document that stand at some pointers, and with what they use."""
MakeReader = Callable[[SchemaGraph, Problems, Place], "OperationReader"]
"""Makes a reader for the operation at a place."""


def read_operations(
    graph: SchemaGraph, problems: Problems, flaws_of: FlawsOf, reader: MakeReader
) -> Iterator[FoundOperation]:
    """Every operation of the document of ``graph``, read by ``reader``; what is wrong is noted in ``problems``.

    What ``flaws_of`` says to be wrong with an operation makes it one that can't be validated.
    """
    ids: dict[str, str] = {}
    keys = key_places(graph.root, Problems())  # what is wrong with them was told before
    for place in _places(graph.root, problems):
        flaws = flaws_of(place.pointer, place.item_pointer, pointers.join("/paths", place.path))
        if flaws:
            found = _flawed(graph.root, place, flaws)
        else:
            found = reader(graph, problems, place).read()
            operation_id = found.operation.operation_id
            if operation_id and ids.setdefault(operation_id, found.operation.name) != found.operation.name:
                message = f"{operation_id[:80]} is the operationId of {ids[operation_id]} already"
                problems.warning(pointers.join(place.pointer, "operationId"), message)
        yield msgspec.structs.replace(
            found,
            operation=msgspec.structs.replace(
                found.operation, keys=keys, base_path=_base_path(graph.root, place, problems)
            ),
        )


def _base_path(root: dict[str, Any], place: Place, problems: Problems) -> str | None:
    operation = pointers.look_up(root, place.pointer)
    if not isinstance(operation, dict):
        return None
    return own_base_path(operation, place.pointer, place.item, place.item_pointer, problems)


def _flawed(root: dict[str, Any], place: Place, flaws: list[Problem]) -> FoundOperation:
    """An operation that can't be validated. Who may call it is read nevertheless: it may be served unvalidated."""
    route = VARIABLE.sub(lambda match: f"{{{place.variables.get(match[1], match[1])}}}", place.path)
    unsupported = (
        msgspec.structs.replace(flaw, hint=flaw.hint or not_validated("", "").hint, whole=False) for flaw in flaws
    )
    raw = pointers.look_up(root, place.pointer)
    said = _callers(root, place, raw if isinstance(raw, dict) else {}, Problems())
    return FoundOperation(SpecOperation(place.method, place.path, place.pointer, route, **said), tuple(unsupported))


def _callers(root: dict[str, Any], place: Place, raw: dict[str, Any], problems: Problems) -> dict[str, Any]:
    """What the document says of who may call the operation ``raw``, and of whom it is for."""
    schemes = "/securityDefinitions" if "swagger" in root else "/components/securitySchemes"
    tags = raw.get("tags")
    return {
        "operation_id": _text(raw.get("operationId")),
        "tags": tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        "security": read_security(root, raw, place.pointer, schemes, problems),
        "internal": any(owner.get("x-internal") is True for owner in (raw, place.item)),
    }


def _places(root: dict[str, Any], problems: Problems) -> Iterator[Place]:
    """Where the operations of a document stand."""
    first_of: dict[str, tuple[str, set[str]]] = {}  # path and methods of the first path of each shape
    for path in root.get("paths", {}):
        if path.startswith("x-"):
            continue
        here = pointers.join("/paths", path)
        try:
            parse_template(path)
        except TemplateError as error:
            problems.error(here, error.reason, whole=True)
            continue
        item_pointer, item = follow(root, here, problems)
        if not isinstance(item, dict):
            continue
        if "$ref" in root["paths"][path] and root["paths"][path].keys() & METHODS:
            problems.warning(here, "what stands beside $ref is ignored", "refer to the path item, or write it here")
        methods = dict(_methods(item_pointer, item, problems))
        first, taken = first_of.setdefault(VARIABLE.sub("{}", path), (path, set()))
        if taken & methods.keys():
            again = min(taken & methods.keys())
            message = f"this is the same path as {first}, only the names differ, and both have {again}"
            problems.error(here, message, "leave one of them out", whole=True)
        elif first != path:
            problems.warning(here, f"this is the same path as {first}, only the names differ: they are served as one")
        taken.update(methods)
        variables = dict(zip(VARIABLE.findall(path), VARIABLE.findall(first), strict=True))
        for method, pointer in methods.items():
            yield Place(path, item_pointer, item, pointer, method, variables)


def _methods(item_pointer: str, item: dict[str, Any], problems: Problems) -> Iterator[tuple[str, str]]:
    """The methods of a path item, each with the pointer of its operation."""
    for key in item:
        if key in METHODS or key == "query":
            yield key.upper(), pointers.join(item_pointer, key)
    more = item.get("additionalOperations", {})
    for method in more if isinstance(more, dict) else ():
        here = pointers.join(item_pointer, "additionalOperations", method)
        if not _TOKEN.fullmatch(method) or method.lower() in (*METHODS, "query"):
            problems.error(here, f"{method[:40]} is no method that could stand here", whole=True)
        else:
            yield method, here


class OperationReader:
    """Reads the operation at ``place``, as OpenAPI 3 writes it."""

    security_schemes = "/components/securitySchemes"

    def __init__(self, graph: SchemaGraph, problems: Problems, place: Place) -> None:
        self.graph = graph
        self.root = graph.root
        self.problems = problems
        self.place = place
        self.raw: dict[str, Any] = pointers.look_up(graph.root, place.pointer)
        self.unsupported: list[Problem] = []

    def read(self) -> FoundOperation:
        """The operation."""
        declared = self._declared()
        parameters = tuple(self.parameters(declared))
        route = VARIABLE.sub(lambda match: f"{{{self.place.variables[match[1]]}}}", self.place.path)
        operation = SpecOperation(
            method=self.place.method,
            path=self.place.path,
            route=route_of(route, parameters),
            pointer=self.place.pointer,
            summary=_text(self.raw.get("summary")),
            deprecated=self.raw.get("deprecated") is True,
            parameters=parameters,
            body=self.body(declared),
            responses=tuple(self.responses()),
            credentials=self._credentials(),
            **_callers(self.root, self.place, self.raw, self.problems),
        )
        return FoundOperation(operation, tuple(self.unsupported))

    def parameters(self, declared: list[tuple[str, dict[str, Any]]]) -> Iterator[SpecParameter]:
        """The parameters among what is ``declared``."""
        for pointer, raw in declared:
            parameter = read_parameter(self.graph, pointer, raw, self.unsupported)
            if parameter is not None:
                yield parameter

    def body(self, declared: list[tuple[str, dict[str, Any]]]) -> SpecBody | None:  # noqa: ARG002 (2.0 needs it)
        """The body that the operation takes, if it takes one."""
        if "requestBody" not in self.raw:
            return None
        where = pointers.join(self.place.pointer, "requestBody")
        body = read_body(self.graph, where, self.problems, self.unsupported)
        for content in body.content:
            if "itemSchema" in pointers.look_up(self.root, content.pointer):  # OpenAPI 3.2
                message = f"the items of {content.media_range} can't be validated one by one: itemSchema"
                self.unsupported.append(not_validated(content.pointer, message))
        return body

    def responses(self) -> Iterator[SpecResponse]:
        """The answers that the operation gives."""
        return read_responses(self.root, self.place.pointer, self.problems)

    def _declared(self) -> list[tuple[str, dict[str, Any]]]:
        """The Parameter Objects that hold for the operation, with their pointers: its own, and those of its path."""
        found: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        for owner, owner_pointer in ((self.place.item, self.place.item_pointer), (self.raw, self.place.pointer)):
            mine: set[tuple[str, str]] = set()
            if len(owner.get("parameters", ())) > MAX_PARAMETERS:
                self.problems.error(self.place.pointer, f"more than {MAX_PARAMETERS} parameters")
                return []
            for index in range(len(owner.get("parameters", ()))):
                pointer, raw = follow(self.root, pointers.join(owner_pointer, "parameters", index), self.problems)
                if not isinstance(raw, dict) or not isinstance(raw.get("name"), str) or "in" not in raw:
                    self.problems.error(self.place.pointer, f"what it refers to at {pointer} is not a parameter")
                    continue
                name = raw["name"].lower() if raw["in"] == "header" else raw["name"]
                key = (raw["in"], name)
                if key in mine:
                    self.problems.error(
                        self.place.pointer, f"the {raw['in']} parameter {raw['name'][:80]} is declared twice"
                    )
                mine.add(key)
                found[key] = (pointer, raw)
        return self._as_routed(found)

    def _as_routed(self, found: dict[tuple[str, str], tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
        """What was ``found``, but for path parameters: only those in the path, by the names that are routed by."""
        variables = self.place.variables
        for name in variables:
            if ("path", name) not in found:
                hint = f"add a parameter: {{name: {name}, in: path, required: true, schema: {{type: string}}}}"
                self.problems.error(self.place.pointer, f"the path's {{{name}}} is not declared as a parameter", hint)
        declared = []
        for (location, name), (pointer, raw) in found.items():
            if location != "path":
                declared.append((pointer, raw))
            elif name in variables:
                # It is there whenever the path is, whatever the document says.
                declared.append((pointer, {**raw, "name": variables[name], "required": True}))
            else:
                message = f"the path parameter {name[:80]} is not in the path {self.place.path}: it is ignored"
                self.problems.warning(pointer, message)
        return declared

    def _credentials(self) -> frozenset[str]:
        try:
            schemes = pointers.look_up(self.root, self.security_schemes)
        except LookupError:
            return _NO_NAMES
        names = set()
        for requirement in self.raw.get("security", self.root.get("security", ())):
            for name in requirement:
                if isinstance(schemes, dict) and name in schemes:
                    _, scheme = follow(self.root, pointers.join(self.security_schemes, name), Problems())
                    if isinstance(scheme, dict) and (scheme.get("type"), scheme.get("in")) == ("apiKey", "query"):
                        names.add(_text(scheme.get("name")))
        return frozenset(names - {""}) or _NO_NAMES


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
