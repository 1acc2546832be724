"""The operations of a document: what each takes, and from where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec

from portcullis.engine import media_type
from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.parameters import Shape, UnsupportedError, shape_of
from portcullis.engine.openapi.problems import Problem, Problems
from portcullis.engine.routing import TemplateError, parse_template

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_TEMPLATE: Final = re.compile(r"\{([^{}]*)\}")
_STYLES: Final = {"path": "simple", "query": "form", "header": "simple"}
_IGNORED_HEADERS: Final = frozenset(("accept", "content-type", "authorization"))
MAX_PARAMETERS: Final = 500

Location = Literal["path", "query", "header"]


class SpecParameter(msgspec.Struct, frozen=True):
    """A parameter of an operation.

    ``name``: as in the document; ``schema``: the JSON pointer of its schema; ``shape``: what its values may be;
    ``explode``: each item of a list stands on its own (``a=1&a=2``) instead of all in one value (``a=1,2``);
    ``allow_empty``: an empty query parameter passes unchecked.
    """

    name: str
    location: Location
    pointer: str
    schema: str
    shape: Shape
    required: bool
    explode: bool
    allow_empty: bool = False


class SpecContent(msgspec.Struct, frozen=True):
    """One media type (or range) of a request body, and the JSON pointer of its schema, if it has one."""

    media_range: media_type.MediaType
    pointer: str
    schema: str | None

    @property
    def holds_json(self) -> bool:
        """Whether some of what the range holds is JSON."""
        return self.media_range.is_json or (
            self.media_range.type in ("application", "*") and self.media_range.subtype == "*"
        )


class SpecBody(msgspec.Struct, frozen=True):
    """The request body of an operation."""

    pointer: str
    required: bool
    content: tuple[SpecContent, ...]


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
        item_pointer, item = _follow(root, pointers.join("/paths", path), problems)
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


def _follow(root: dict[str, Any], pointer: str, problems: Problems) -> tuple[str, Any]:
    """What is at ``pointer``, with references followed: its pointer and itself, or nothing if they go in a circle."""
    seen: set[str] = set()
    value = pointers.look_up(root, pointer)
    while isinstance(value, dict) and isinstance(value.get("$ref"), str):
        if pointer in seen:
            problems.error(pointer, "this reference leads back to itself")
            return pointer, {}
        seen.add(pointer)
        pointer = pointers.of_reference(value["$ref"])
        value = pointers.look_up(root, pointer)
    return pointer, value


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
            credentials=self._credentials(),
        )
        return FoundOperation(operation, tuple(self.unsupported))

    def _follow(self, pointer: str) -> tuple[str, Any]:
        return _follow(self.root, pointer, self.problems)

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
        parameters = (self._parameter(pointer, raw) for pointer, raw in found.values())
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

    def _parameter(self, pointer: str, raw: dict[str, Any]) -> SpecParameter | None:
        location: Any = raw["in"]
        name = raw["name"]
        if location == "header" and name.lower() in _IGNORED_HEADERS:
            return None  # OpenAPI: such definitions shall be ignored; media types and security say it
        schema = pointers.join(pointer, "schema")
        try:
            shape = self._shape(location, raw, schema)
        except UnsupportedError as error:
            self._not_yet(pointer, f"the {location} parameter {name} can't be validated: {error}")
            return None
        return SpecParameter(
            name=name,
            location=location,
            pointer=pointer,
            schema=schema,
            shape=shape,
            required=raw.get("required", False),
            explode=raw.get("explode", location == "query"),
            allow_empty=location == "query" and raw.get("allowEmptyValue", False),
        )

    def _shape(self, location: str, raw: dict[str, Any], schema: str) -> Shape:
        if location not in _STYLES:
            raise UnsupportedError(f"{location} parameters are not supported yet: path, query and header are")
        if "schema" not in raw:
            raise UnsupportedError("content is not supported yet: schema is")
        style = raw.get("style", _STYLES[location])
        if style != _STYLES[location]:
            raise UnsupportedError(f"style {style} is not supported yet: {_STYLES[location]} is")
        return shape_of(self.graph, schema)

    def _not_yet(self, pointer: str, message: str) -> None:
        self.unsupported.append(Problem(pointer, message, "to let it pass unchecked, set validate.request.mode: off"))

    def _body(self) -> SpecBody:
        pointer, raw = self._follow(pointers.join(self.pointer, "requestBody"))
        content: list[SpecContent] = []
        if not isinstance(raw, dict) or not isinstance(raw.get("content"), dict):
            self.problems.error(pointer, "this is not a request body")
            return SpecBody(pointer, required=False, content=())
        for name, declared in raw["content"].items():
            here = pointers.join(pointer, "content", name)
            try:
                media_range = media_type.parse(name)
            except ValueError:
                self.problems.error(here, f"{name[:80]} is not a media type or range")
                continue
            schema = pointers.join(here, "schema") if "schema" in declared else None
            content.append(SpecContent(media_range, here, schema))
        if content and not any(each.holds_json for each in content):
            names = ", ".join(str(each.media_range) for each in content)
            message = f"a body of {names} can't be validated: only JSON is supported yet"
            self._not_yet(pointers.join(pointer, "content"), message)
        for each in content:
            if not each.holds_json and any(other.holds_json for other in content):
                self.problems.warning(
                    each.pointer, f"bodies of {each.media_range} are refused: only JSON is supported yet"
                )
        return SpecBody(pointer, raw.get("required", False), tuple(content))

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
