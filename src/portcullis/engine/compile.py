"""Configuration and documents -> :class:`~portcullis.engine.snapshot.Snapshot`. Everything is found out here, once.

No dictionary of settings is read, no pattern compiled and no ``$ref`` resolved on a request's path: an operation's
pipeline is a tuple of functions that have closed over what they need. All errors of all files are collected and
raised together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final, TypeAlias

import msgspec

from portcullis.engine import policies
from portcullis.engine.authorization import exposure
from portcullis.engine.clear_text import ClearText
from portcullis.engine.codes import PHASES
from portcullis.engine.compression.choosing import Compression
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.layers import layers_of, written_at
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.config.merge import effective
from portcullis.engine.config.model import ApiConfig, VersionConfig
from portcullis.engine.declared_fields import declared_fields
from portcullis.engine.documents import Documents
from portcullis.engine.endpoints import find_endpoints
from portcullis.engine.endpoints.endpoint import EndpointContext
from portcullis.engine.grpc.building import method_of, shape_of
from portcullis.engine.host_routes import GATEWAY, HostRoutesBuilder, Paths, wildcards
from portcullis.engine.inert import find_inert
from portcullis.engine.inert.estate import Estate, Routed
from portcullis.engine.inert.usage import SettingsUsage
from portcullis.engine.openapi.document import SpecDocument, SpecOperation
from portcullis.engine.openapi.pointer import join
from portcullis.engine.operation import DEFAULT_MAX_RESPONSE, Operation, OperationContext
from portcullis.engine.operation_names import OperationNames
from portcullis.engine.pipeline import pipeline
from portcullis.engine.policies.guard.cors import no_preflight, preflight_steps
from portcullis.engine.policies.validate.request import largest_body
from portcullis.engine.policy import Step
from portcullis.engine.ports import DocumentCache, Ports, SourceFiles
from portcullis.engine.served_paths import ServedPaths
from portcullis.engine.snapshot import Snapshot
from portcullis.engine.unrouted import AnswerSettings, stand_in
from portcullis.engine.websocket.compiling import compile_stream, compile_websocket

DEFAULT_MAX_BODY: Final = 1024 * 1024
Progress = Callable[[str], None]
Place: TypeAlias = tuple[str | int, ...]
"""A path of keys in the configuration file."""


def compile_snapshot(
    loaded: LoadedConfiguration,
    files: SourceFiles,
    ports: Ports,
    progress: Progress | None = None,
    cache: DocumentCache | None = None,
) -> Snapshot:
    """Compile everything; raises :class:`ConfigurationError` with every error of every file.

    ``progress`` is told the name of each document before it is read. What is in ``cache`` is not loaded again, and
    what is not is put there.
    """
    documents = Documents(files, cache)
    return _Compiler(loaded, documents, ports, progress or (lambda _name: None)).compile().snapshot


def compile_estate(loaded: LoadedConfiguration, files: SourceFiles, ports: Ports) -> Estate:
    """As :func:`compile_snapshot`, with what the snapshot was made from: for those who look at all of it."""
    return _Compiler(loaded, Documents(files, None), ports, lambda _name: None).compile()


class _Compiler:
    def __init__(self, loaded: LoadedConfiguration, source: Documents, ports: Ports, progress: Progress) -> None:
        self.loaded = loaded
        self.configuration = loaded.configuration
        self.source = source
        self.ports = ports
        self.progress = progress
        self.errors: set[Diagnostic] = set()
        self.documents: dict[str, SpecDocument | None] = {}
        self.hosts: dict[str, HostRoutesBuilder] = {}
        self.operations: list[Operation] = []
        self.usage = SettingsUsage(self.configuration)
        self.routed: list[Routed] = []
        self.prefixes: dict[tuple[str, str], tuple[str, ...]] = {}
        self.overridden: list[Diagnostic] = []
        self.answers: dict[tuple[str, str], AnswerSettings] = {}
        self.phases = _phases()
        self.shared: dict[tuple[str, ...], Any] = {}
        # Of each document: for how many versions it is still to be compiled.
        self.pending = Counter(
            version.spec for api in self.configuration.apis.values() for version in api.versions.values()
        )

    def compile(self) -> Estate:
        for name, api in self.configuration.apis.items():
            self._compile_api(name, api)
        self._serve_endpoints()
        hosts = {host: builder.build(self.error) for host, builder in self.hosts.items()}
        if self.errors:
            raise ConfigurationError(self.errors)
        any_host = hosts.pop("*", None)
        snapshot = Snapshot(
            configuration=self.configuration,
            hosts={host: routes for host, routes in hosts.items() if not host.startswith("*.")},
            suffixes={host[1:]: routes for host, routes in hosts.items() if host.startswith("*.")},
            any_host=any_host,
            operations=tuple(self.operations),
            stand_in=stand_in(self.answers.values()),
            clear_text=ClearText(self.ports.keys),
        )
        self.usage.finish()
        estate = Estate(self.loaded, snapshot, self.usage, self.routed, self.prefixes)
        warned = msgspec.structs.replace(snapshot, warnings=tuple(sorted(self._warnings(estate))))
        return msgspec.structs.replace(estate, snapshot=warned)

    def _warnings(self, estate: Estate) -> Iterator[Diagnostic]:
        """What the authors of the files should know.

        Raises :class:`ConfigurationError` for controls that are inert, and for administrative functions without any.
        """
        for document in self.documents.values():
            if document is not None:
                yield from document.warnings
        yield from self.overridden
        found = {*find_inert(estate), *exposure.find(estate)}
        if errors := [finding for finding in found if finding.severity == "error"]:
            raise ConfigurationError(errors)
        yield from found

    def error(self, path: Place, message: str, hint: str = "") -> None:
        """Note an error at ``path`` of the configuration file."""
        self.errors.add(self.loaded.diagnostic(path, message, hint))

    def _compile_api(self, name: str, api: ApiConfig) -> None:
        known: dict[str, None] = {}
        unreadable = False
        compiled: dict[str, dict[str, Paths]] = {}
        for version, version_config in api.versions.items():
            place = ("apis", name, "versions", version)
            document = self._document(version_config.spec, (*place, "spec"))
            if document is None:
                unreadable = True
                continue
            names = dict.fromkeys(operation.name for operation in document.operations)
            known |= names
            self._unknown_operations(place, version_config, names, f"no such operation in {version_config.spec}")
            served = ServedPaths(api, version, document)
            self.prefixes[name, version] = served.prefixes
            self.overridden.extend(served.overridden())
            if self._is_sound(served, place):
                self.answers[name, version] = AnswerSettings.of(api, version)
                compiled[version] = self._compile_version(name, api, version, document, served)
            self.pending[version_config.spec] -= 1
            if not self.pending[version_config.spec]:
                self.source.release(document)
        if not unreadable:
            self._unknown_operations(("apis", name), api, known, "none of the API's documents has this operation")
        for host in api.hosts:
            self._serve(host, name, api, compiled)

    def _serve(self, host: str, name: str, api: ApiConfig, versions: dict[str, dict[str, Paths]]) -> None:
        builder = self.hosts.setdefault(host, HostRoutesBuilder())
        if api.version is not None and api.version.by == "header":
            builder.add_by_header(name, api.version.name.lower().encode(), api.version.default, versions)
        else:
            for version, below in versions.items():
                for prefix, paths in below.items():
                    builder.add((name, version), prefix, paths)
        for version, below in versions.items():
            for prefix in below:
                builder.answer_below(prefix, self.answers[name, version])

    def _serve_endpoints(self) -> None:
        """Serve what the gateway itself offers beside the APIs."""
        context = EndpointContext(self.configuration, self.ports, self.shared)
        by_place: dict[tuple[str, str], dict[str, dict[str, Operation]]] = {}
        try:
            for endpoint in find_endpoints(context):
                paths = by_place.setdefault((endpoint.host, str(endpoint.place[0])), {})
                paths.setdefault(endpoint.path, {})[endpoint.method] = endpoint.operation
                self.operations.append(endpoint.operation)
        except ConfigurationError as error:
            self.errors.update(map(self.loaded.placed, error.diagnostics))
        for (host, section), paths in by_place.items():
            # Beside what the APIs serve there: a host of its own would hide those of a wildcard.
            served_as = (
                host if host in self.hosts else next((each for each in wildcards(host) if each in self.hosts), host)
            )
            self.hosts.setdefault(served_as, HostRoutesBuilder()).add((GATEWAY, section), "", dict(paths))

    def _is_sound(self, served: ServedPaths, place: Place) -> bool:
        """Whether every path of a document can be routed where it is served; errors are noted where they stand."""
        before = len(self.errors)
        if fault := served.fault():
            self.error((*place, "spec"), fault, "give the API a base_path")
            return False
        self.errors.update(served.faults())
        return len(self.errors) == before

    def _unknown_operations(
        self, place: Place, settings: ApiConfig | VersionConfig, known: Collection[str], message: str
    ) -> None:
        if unknown := [name for name in settings.operations if name not in known]:
            names = OperationNames(known)
        for name in unknown:
            meant = names.nearest(name)
            hint = f'did you mean "{meant}"?' if meant else "write it as in the document, without the base path"
            self.error((*place, "operations", name), message, hint)

    def _document(self, source: str, where: Place) -> SpecDocument | None:
        if source not in self.documents:
            self.documents[source] = self._load(source, where)
        return self.documents[source]

    def _load(self, source: str, where: Place) -> SpecDocument | None:
        self.progress(source)
        try:
            return self.source.load(source)
        except OSError as error:
            self.error(where, f"{source} can't be read: {error.strerror or error}", "paths are relative to this file")
        except ConfigurationError as error:
            self.errors.update(error.diagnostics)
        return None

    def _compile_version(
        self, name: str, api: ApiConfig, version: str, document: SpecDocument, served: ServedPaths
    ) -> dict[str, Paths]:
        """The operations of a version by prefix, route and method."""
        below: dict[str, dict[str, dict[str, Operation]]] = {served.prefix: {}}
        contexts: dict[tuple[str, str], dict[str, OperationContext]] = {}
        version_config = api.versions[version]
        of_all = effective(api, version_config, "")
        own = api.operations.keys() | version_config.operations.keys()
        for spec_operation in document.operations:
            name_of_it = spec_operation.name
            settings = effective(api, version_config, name_of_it) if name_of_it in own else of_all
            context = OperationContext(
                configuration=self.configuration,
                api_name=name,
                api=api,
                version=version,
                settings=settings,
                document=document,
                operation=spec_operation,
                ports=self.ports,
                where=_where(name, api, version, spec_operation),
                shared=self.shared,
            )
            operation = self._compile_operation(context, served.upstream_path(spec_operation))
            prefix, route = place = served.place_of(spec_operation)
            methods = below.setdefault(prefix, {}).setdefault(route, {})
            if (other := methods.setdefault(spec_operation.method, operation)) is not operation:
                self._served_twice(document, spec_operation, prefix + route, other)
            contexts.setdefault(place, {})[spec_operation.method] = context
            self.operations.append(operation)
            self.usage.add(context, operation)
            self.routed.append(Routed(operation, prefix + route, document, spec_operation))
        for (prefix, route), of_path in contexts.items():
            _answer_preflights(route, below[prefix][route], of_path, self.answers[name, version])
        return {prefix: dict(paths) for prefix, paths in below.items()}

    def _served_twice(self, document: SpecDocument, operation: SpecOperation, path: str, other: Operation) -> None:
        at = document.locate(operation.pointer)
        message = f"by its servers this is {operation.method} {path}, and so is {other.name}"
        hint = "leave one of them out, or correct its servers"
        self.errors.add(Diagnostic(at.file, at.line, at.column, f"#{at.pointer}", message, hint))

    def _compile_operation(self, context: OperationContext, upstream_path: Callable[[str], str]) -> Operation:
        steps: list[Step] = []
        for compile_phase in self.phases:
            try:
                steps.extend(compile_phase(context))
            except ConfigurationError as error:
                self.errors.update(map(self.loaded.placed, error.diagnostics))
        websocket, stream, call = None, None, None
        try:
            if (method := method_of(context)) is not None:
                call = shape_of(method, context)
            if context.settings.websocket is not None:
                websocket, handshake = compile_websocket(context.settings.websocket, context)
                steps.insert(0, handshake)
            if context.settings.stream is not None:
                stream = compile_stream(context.settings.stream, context)
        except ConfigurationError as error:
            self.errors.update(map(self.loaded.placed, error.diagnostics))
        arranged = pipeline(steps)
        max_body, max_body_source = _max_body(context)
        max_response = context.settings.max_response or DEFAULT_MAX_RESPONSE
        if call is not None:
            max_body, max_response, stream = call.max_body, call.max_response, call.stream
        return Operation(
            api=context.api_name,
            version=context.version,
            name=context.operation.name,
            head_steps=arranged["head"],
            body_steps=arranged["body"],
            stream_steps=arranged["stream"],
            wire_steps=arranged["wire"],
            response_head_steps=arranged["response_head"],
            response_body_steps=arranged["response_body"],
            answer_steps=arranged["answer"],
            before_steps=arranged["before"],
            max_response=max_response,
            compression=None if context.settings.compress is None else Compression.of(context.settings.compress),
            websocket=websocket,
            stream=stream,
            trailers=call is not None,
            duplex=call is not None and stream is not None,
            max_body=max_body,
            max_body_source=max_body_source,
            upstream=context.api_name,
            upstream_path=upstream_path,
            encoded_slash=context.api.allow_encoded_slash,
            declared_fields=declared_fields(context),
        )


def _answer_preflights(
    path: str, methods: dict[str, Operation], contexts: dict[str, OperationContext], answers: AnswerSettings
) -> None:
    """Let the gateway answer the preflights (CORS) for a path, whatever its document says of OPTIONS."""
    steps = preflight_steps(contexts)
    if not steps:
        return
    declared = methods.get("OPTIONS")
    if declared is not None:
        methods["OPTIONS"] = msgspec.structs.replace(declared, head_steps=(*steps, *declared.head_steps))
        return
    refuse = Step(steps[0].policy, "head", no_preflight(", ".join(sorted(methods))))
    any_of_them = next(iter(methods.values()))
    methods["OPTIONS"] = Operation(
        api=any_of_them.api,
        version=any_of_them.version,
        name=f"OPTIONS {path}",
        head_steps=(*steps, refuse),
        body_steps=(),
        max_body=0,
        upstream=any_of_them.upstream,
        upstream_path=any_of_them.upstream_path,
        answer_steps=stand_in([answers]).answer_steps,
    )


def _phases() -> list[Callable[[OperationContext], tuple[Step, ...]]]:
    """The ``compile_phase`` functions of the phases that exist, in their order."""
    present = {module.name for module in iter_modules(policies.__path__)}
    return [import_module(f"{policies.__name__}.{phase}").compile_phase for phase in PHASES if phase in present]


def _where(name: str, api: ApiConfig, version: str, operation: SpecOperation) -> Place:
    """The narrowest place of the file that speaks of this operation."""
    if operation.name in api.versions[version].operations:
        return ("apis", name, "versions", version, "operations", operation.name)
    if operation.name in api.operations:
        return ("apis", name, "operations", operation.name)
    return ("apis", name, "versions", version)


def _max_body(context: OperationContext) -> tuple[int, str]:
    """What the file allows, or less where no body of that size could pass validation; and where that is said."""
    configured = context.settings.max_body
    most = DEFAULT_MAX_BODY if configured is None else configured
    derived, body = largest_body(context), context.operation.body
    if derived is not None and body is not None and derived < most:
        return derived, context.document.reference(body.pointer)
    if configured is None:
        return most, ""
    layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
    return most, "#" + join("", *written_at(layers, "max_body"))
