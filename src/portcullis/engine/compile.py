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
from typing import Final, TypeAlias

import msgspec

from portcullis.engine import policies
from portcullis.engine.codes import PHASES
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.config.merge import effective
from portcullis.engine.config.model import ApiConfig, VersionConfig
from portcullis.engine.config.names import check_base_path
from portcullis.engine.decision import shorten
from portcullis.engine.declared_fields import declared_fields
from portcullis.engine.documents import Documents
from portcullis.engine.facts import allowed
from portcullis.engine.host_routes import HostRoutesBuilder, Paths
from portcullis.engine.inert import find_inert
from portcullis.engine.inert.estate import Estate, Routed
from portcullis.engine.inert.usage import SettingsUsage
from portcullis.engine.openapi.document import SpecDocument, SpecOperation
from portcullis.engine.openapi.pointer import join
from portcullis.engine.operation import DEFAULT_MAX_RESPONSE, Operation, OperationContext
from portcullis.engine.operation_names import OperationNames
from portcullis.engine.policies.guard.cors import no_preflight, preflight_step
from portcullis.engine.policies.validate.request import largest_body
from portcullis.engine.policy import Needs, Step
from portcullis.engine.ports import DocumentCache, Ports, SourceFiles
from portcullis.engine.routing import TemplateError, parse_template
from portcullis.engine.snapshot import Snapshot

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
    return _Compiler(loaded, documents, ports, progress or (lambda _name: None)).compile()


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
        self.prefixes: dict[tuple[str, str], str] = {}
        self.phases = _phases()
        # Of each document: for how many versions it is still to be compiled.
        self.pending = Counter(
            version.spec for api in self.configuration.apis.values() for version in api.versions.values()
        )

    def compile(self) -> Snapshot:
        for name, api in self.configuration.apis.items():
            self._compile_api(name, api)
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
        )
        return msgspec.structs.replace(snapshot, warnings=tuple(sorted(self._warnings(snapshot))))

    def _warnings(self, snapshot: Snapshot) -> Iterator[Diagnostic]:
        """What the authors of the files should know. Raises :class:`ConfigurationError` for controls that are inert."""
        for document in self.documents.values():
            if document is not None:
                yield from document.warnings
        self.usage.finish()
        found = set(find_inert(Estate(self.loaded, snapshot, self.usage, self.routed, self.prefixes)))
        if errors := [finding for finding in found if finding.severity == "error"]:
            raise ConfigurationError(errors)
        yield from found

    def error(self, path: Place, message: str, hint: str = "") -> None:
        """Note an error at ``path`` of the configuration file."""
        self.errors.add(self.loaded.diagnostic(path, message, hint))

    def _compile_api(self, name: str, api: ApiConfig) -> None:
        known: dict[str, None] = {}
        unreadable = False
        compiled: dict[str, tuple[str, Paths]] = {}
        for version, version_config in api.versions.items():
            place = ("apis", name, "versions", version)
            document = self._document(version_config.spec, (*place, "spec"))
            if document is None:
                unreadable = True
                continue
            names = dict.fromkeys(operation.name for operation in document.operations)
            known |= names
            self._unknown_operations(place, version_config, names, f"no such operation in {version_config.spec}")
            prefix = self.prefixes[name, version] = _prefix(api, version, document)
            if self._is_sound(prefix, document, api, version, place):
                compiled[version] = (prefix, self._compile_version(name, api, version, document, prefix))
            self.pending[version_config.spec] -= 1
            if not self.pending[version_config.spec]:
                self.source.release(document)
        if not unreadable:
            self._unknown_operations(("apis", name), api, known, "none of the API's documents has this operation")
        for host in api.hosts:
            self._serve(host, name, api, compiled)

    def _serve(self, host: str, name: str, api: ApiConfig, versions: dict[str, tuple[str, Paths]]) -> None:
        builder = self.hosts.setdefault(host, HostRoutesBuilder())
        if api.version is not None and api.version.by == "header":
            builder.add_by_header(name, api.version.name.lower().encode(), api.version.default, versions)
        else:
            for version, (prefix, operations) in versions.items():
                builder.add((name, version), prefix, operations)

    def _is_sound(self, prefix: str, document: SpecDocument, api: ApiConfig, version: str, place: Place) -> bool:
        """Whether every path of ``document`` can be routed below ``prefix``; errors are noted where they stand."""
        before = len(self.errors)
        if fault := _fault_of_prefix(prefix, api, version):
            message = f"the path of the document's first server, {shorten(prefix) or '/'}, {fault}"
            self.error((*place, "spec"), message, "give the API a base_path")
            return False
        for path in dict.fromkeys(operation.path for operation in document.operations):
            try:
                parse_template(prefix + path)
            except TemplateError as error:
                at = document.locate(join("/paths", path))
                self.errors.add(Diagnostic(at.file, at.line, at.column, f"#{at.pointer}", error.reason))
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

    def _compile_version(self, name: str, api: ApiConfig, version: str, document: SpecDocument, prefix: str) -> Paths:
        paths: dict[str, dict[str, Operation]] = {}
        contexts: dict[str, dict[str, OperationContext]] = {}
        upstream_path = _upstream_path(api, prefix)
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
            )
            operation = self._compile_operation(context, upstream_path)
            paths.setdefault(spec_operation.route, {})[spec_operation.method] = operation
            contexts.setdefault(spec_operation.route, {})[spec_operation.method] = context
            self.operations.append(operation)
            self.usage.add(context, operation)
            self.routed.append(Routed(operation, prefix + spec_operation.route, document, spec_operation.pointer))
        for path, of_path in contexts.items():
            _answer_preflights(path, paths[path], of_path)
        return dict(paths)

    def _compile_operation(self, context: OperationContext, upstream_path: Callable[[str], str]) -> Operation:
        steps: list[Step] = []
        for compile_phase in self.phases:
            try:
                steps.extend(compile_phase(context))
            except ConfigurationError as error:
                self.errors.update(map(self.loaded.placed, error.diagnostics))
        steps = _with_verdicts(steps)
        return Operation(
            api=context.api_name,
            version=context.version,
            name=context.operation.name,
            head_steps=_needing(steps, "head"),
            body_steps=_needing(steps, "body"),
            stream_steps=_needing(steps, "stream"),
            response_head_steps=_needing(steps, "response_head"),
            response_body_steps=_needing(steps, "response_body"),
            answer_steps=_needing(steps, "answer"),
            max_response=DEFAULT_MAX_RESPONSE
            if context.settings.max_response is None
            else context.settings.max_response,
            max_body=_max_body(context),
            upstream=context.api_name,
            upstream_path=upstream_path,
            encoded_slash=context.api.allow_encoded_slash,
            declared_fields=declared_fields(context),
        )


def _answer_preflights(path: str, methods: dict[str, Operation], contexts: dict[str, OperationContext]) -> None:
    """Let the gateway answer the preflights (CORS) for a path, whatever its document says of OPTIONS."""
    step = preflight_step(contexts)
    if step is None:
        return
    declared = methods.get("OPTIONS")
    if declared is not None:
        methods["OPTIONS"] = msgspec.structs.replace(declared, head_steps=(step, *declared.head_steps))
        return
    refuse = Step(step.policy, "head", no_preflight(", ".join(sorted(methods))))
    any_of_them = next(iter(methods.values()))
    methods["OPTIONS"] = Operation(
        api=any_of_them.api,
        version=any_of_them.version,
        name=f"OPTIONS {path}",
        head_steps=(step, refuse),
        body_steps=(),
        max_body=0,
        upstream=any_of_them.upstream,
        upstream_path=any_of_them.upstream_path,
    )


def _phases() -> list[Callable[[OperationContext], tuple[Step, ...]]]:
    """The ``compile_phase`` functions of the phases that exist, in their order."""
    present = {module.name for module in iter_modules(policies.__path__)}
    return [import_module(f"{policies.__name__}.{phase}").compile_phase for phase in PHASES if phase in present]


def _fault_of_prefix(prefix: str, api: ApiConfig, version: str) -> str:
    """What is wrong with a prefix that was taken from the document, if anything is."""
    if api.base_path is not None:
        return ""
    try:
        check_base_path(prefix or "/")
    except ValueError:
        return "holds more than plain segments of letters, digits and -._~"
    by_path = api.version is not None and api.version.by == "path"
    return f"does not end with the version {version}" if by_path and not prefix.endswith(f"/{version}") else ""


def _prefix(api: ApiConfig, version: str, document: SpecDocument) -> str:
    """The path before the document's paths: what the file says, or else the path of the document's first server."""
    if api.base_path is None:
        return document.base_path.rstrip("/")
    base = api.base_path.rstrip("/")
    return f"{base}/{version}" if api.version is not None and api.version.by == "path" else base


def _upstream_path(api: ApiConfig, prefix: str) -> Callable[[str], str]:
    if api.upstream.path == "keep" or not prefix:
        return str
    return lambda path: path[len(prefix) :] or "/"


def _where(name: str, api: ApiConfig, version: str, operation: SpecOperation) -> Place:
    """The narrowest place of the file that speaks of this operation."""
    if operation.name in api.versions[version].operations:
        return ("apis", name, "versions", version, "operations", operation.name)
    if operation.name in api.operations:
        return ("apis", name, "operations", operation.name)
    return ("apis", name, "versions", version)


def _max_body(context: OperationContext) -> int:
    """What the file allows, or less where no body of that size could pass validation."""
    configured = context.settings.max_body
    most = DEFAULT_MAX_BODY if configured is None else configured
    derived = largest_body(context)
    return most if derived is None else min(most, derived)


def _needing(steps: list[Step], needs: Needs) -> tuple[Step, ...]:
    return tuple(step for step in steps if step.needs == needs)


def _with_verdicts(steps: list[Step]) -> list[Step]:
    """Give the steps that have a policy's last word on an exchange the verdict that it allowed it.

    Of a request body either the ``body`` steps or the ``stream`` steps see something, so the last of both have it.
    """
    last: dict[str, dict[str, int]] = {}
    for position, step in enumerate(steps):
        last.setdefault(step.policy, {})[step.needs] = position
    final = {position for of_policy in last.values() for position in _final(of_policy)}
    return [
        msgspec.structs.replace(step, allowed=allowed(step.policy) if position in final else None)
        for position, step in enumerate(steps)
    ]


def _final(positions: dict[str, int]) -> Iterator[int]:
    # A policy for answers that also asks for something in the request has not said anything by that.
    of_answers = not positions.keys().isdisjoint(("response_head", "response_body"))
    for needs in (("body", "stream"), () if of_answers else ("head",)):
        found = [positions[each] for each in needs if each in positions]
        if found:
            yield from found
            break
    for needs in (("response_body",), ("response_head",)):
        if needs[0] in positions:
            yield positions[needs[0]]
            break
