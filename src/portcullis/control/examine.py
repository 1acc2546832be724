"""Everything that a gateway would do before it serves, without serving: the work behind ``portcullis check``.

The configuration is compiled with all its documents, and the certificates and keys it names are loaded. Nothing is
started, written or asked over a network.
"""

from __future__ import annotations

import time
from collections import Counter

import msgspec

from portcullis.control.certificates.inventory import configured_certificates
from portcullis.control.certificates.looking import certificate_warnings
from portcullis.control.tls_contexts import load_contexts
from portcullis.engine.codes import PHASES
from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.listeners import ListenerConfig
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.config.merge import effective
from portcullis.engine.config.model import ApiConfig
from portcullis.engine.config.references import ADMIN
from portcullis.engine.endpoints.endpoint import API as GATEWAY
from portcullis.engine.operation import Operation
from portcullis.engine.ports import KeyGrant, Ports
from portcullis.engine.snapshot import Snapshot
from portcullis.stores.clock import SystemClock
from portcullis.stores.files import ConfigurationFiles
from portcullis.stores.local_counters import LocalCounters


class ServedListener(msgspec.Struct, frozen=True):
    """An address that would be listened on, as a URL, and what it is for."""

    name: str
    url: str
    purpose: str


class ServedVersion(msgspec.Struct, frozen=True):
    """One version of an API that would be served.

    ``policies``: how many of its ``operations`` each policy guards; ``monitored``: in how many it only watches.
    """

    api: str
    version: str
    hosts: list[str]
    spec: str
    upstream: list[str]
    operations: int
    public: int
    policies: dict[str, int]
    monitored: dict[str, int]


class Served(msgspec.Struct, frozen=True):
    """What a gateway with this configuration would serve."""

    listeners: list[ServedListener]
    versions: list[ServedVersion]


class Examined(msgspec.Struct, frozen=True):
    """What would be served, and what the authors of the documents should know."""

    served: Served
    warnings: tuple[Diagnostic, ...]


class _NoKeys:
    """A key directory without keys: nobody calls while a configuration is examined."""

    def find(self, digest: bytes) -> KeyGrant | None:
        del digest
        return None


def examine(loaded: LoadedConfiguration, files: ConfigurationFiles) -> Examined:
    """Compile everything; raises :class:`ConfigurationError` with every error of every file."""
    errors = load_contexts(loaded, files).errors
    try:
        snapshot = compile_snapshot(loaded, files, Ports(SystemClock(), LocalCounters(), _NoKeys(), files=files))
    except ConfigurationError as error:
        raise ConfigurationError([*errors, *error.diagnostics]) from error
    if errors:
        raise ConfigurationError(errors)
    configured = configured_certificates(loaded.configuration)
    warned = certificate_warnings(loaded, configured, files, time.time()) if configured else ()
    return Examined(_served(snapshot), (*snapshot.warnings, *warned))


def _served(snapshot: Snapshot) -> Served:
    apis = snapshot.configuration.apis
    operations: dict[tuple[str, str], list[Operation]] = {(api, v): [] for api in apis for v in apis[api].versions}
    for operation in snapshot.operations:
        if operation.api != GATEWAY:  # what the gateway serves itself is no API
            operations[operation.api, operation.version].append(operation)
    listeners = snapshot.configuration.listeners
    return Served(
        [ServedListener(name, _url(listener), _purpose(name, listener)) for name, listener in listeners.items()],
        [_served_version(api, apis[api], version, found) for (api, version), found in operations.items()],
    )


def _served_version(name: str, api: ApiConfig, version: str, operations: list[Operation]) -> ServedVersion:
    config = api.versions[version]
    policies: Counter[str] = Counter()
    monitored: Counter[str] = Counter()
    for operation in operations:
        modes = {step.policy: step.monitor for step in operation.steps}
        policies.update(modes.keys())
        monitored.update(policy for policy, monitor in modes.items() if monitor)
    policies.pop("authenticate.public", None)  # takes credentials away, and guards nothing
    return ServedVersion(
        api=name,
        version=version,
        hosts=api.hosts,
        spec=config.spec,
        upstream=api.upstream.targets,
        operations=len(operations),
        public=sum(effective(api, config, operation.name).public is True for operation in operations),
        policies=dict(sorted(policies.items(), key=lambda item: PHASES.index(item[0].partition(".")[0]))),
        monitored=dict(monitored),
    )


def _url(listener: ListenerConfig) -> str:
    address, port = listener.bind
    host = f"[{address}]" if ":" in address else address
    return f"{'http' if listener.tls is None else 'https'}://{host}:{port}"


def _purpose(name: str, listener: ListenerConfig) -> str:
    if name == ADMIN:
        return "health and metrics"
    return "redirects to https" if listener.redirect else "APIs"
