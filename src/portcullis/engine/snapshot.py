"""The immutable result of compiling a configuration: from a request to its operation without looking anything else up.

Routing answers four questions in turn: is the host served, is the path known, does the version exist, is
the method offered. Each has its own refusal; what the file does not declare does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from portcullis.engine.clear_text import WITHOUT_KEYS, ClearText
from portcullis.engine.codes import (
    MALFORMED_TARGET,
    METHOD_NOT_ALLOWED,
    UNKNOWN_HOST,
    UNKNOWN_PATH,
    UNKNOWN_VERSION,
)
from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.model import Configuration
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.operation import UNROUTED, Operation
from portcullis.engine.redaction import redact_target
from portcullis.engine.request import RequestView
from portcullis.engine.routing import RouteIndex
from portcullis.engine.target import ENCODED_SLASH
from portcullis.engine.unrouted import NOBODY, StandIns

Methods = Mapping[str, Operation]


class HeaderVersions(msgspec.Struct, frozen=True, eq=False):
    """The versions of an API that a header field chooses between, below one base path."""

    prefix: str
    header: bytes
    default: str | None
    versions: Mapping[str, RouteIndex[Methods]]

    def owns(self, path: str) -> bool:
        """Whether ``path`` lies below the API's base path."""
        prefix = self.prefix
        return path.startswith(prefix) and (len(path) == len(prefix) or path[len(prefix)] == "/" or not prefix)

    def is_doubtful(self, request: RequestView) -> bool:
        """Whether a service behind CGI or WSGI may read another version: to it ``_`` is ``-`` (RFC 3875 4.1.18)."""
        read = self.header.replace(b"_", b"-")
        return any(name != self.header and name.replace(b"_", b"-") == read for name in request.headers)


class HostRoutes(msgspec.Struct, frozen=True, eq=False):
    """Everything one host serves."""

    index: RouteIndex[Methods]
    by_header: tuple[HeaderVersions, ...] = ()
    stand_ins: StandIns = NOBODY


class Snapshot(msgspec.Struct, frozen=True, eq=False):
    """A compiled configuration.

    ``hosts``: by exact name; ``suffixes``: by ``.domain`` for hosts declared as ``*.domain``;
    ``any_host``: for ``*``, or ``None``; ``operations``: all of them, for listings and ``explain``; ``warnings``: what
    the authors of the documents should know; ``stand_in``: for the operation of a request that is for no host;
    ``clear_text``: what looks for credentials that were sent in clear.
    """

    configuration: Configuration
    hosts: Mapping[str, HostRoutes]
    suffixes: Mapping[str, HostRoutes]
    any_host: HostRoutes | None
    operations: tuple[Operation, ...]
    warnings: tuple[Diagnostic, ...] = ()
    stand_in: Operation = UNROUTED
    clear_text: ClearText = WITHOUT_KEYS

    def route(self, request: RequestView) -> Refuse | None:
        """Find the operation of ``request`` (its ``host`` and normalised ``path`` are set) and note it there."""
        routes = self._routes(request.host)
        if routes is None:
            return Refuse(
                UNKNOWN_HOST,
                finding=Finding("/header/host", shorten(request.host), "a host of one of the APIs"),
            )
        index = routes.index
        for api in routes.by_header:
            if api.owns(request.path):
                chosen = None if api.is_doubtful(request) else request.header(api.header) or api.default
                versioned = api.versions.get(chosen) if chosen is not None else None
                if versioned is None:
                    return _unknown_version(api, chosen)
                index = versioned
                break
        match = index.match(request.path)
        if match is None:
            path = shorten(redact_target(request.path))
            return Refuse(UNKNOWN_PATH, finding=Finding("/path", path, "a path of the API's document"))
        methods = match.payload
        operation = methods.get(request.method)
        if operation is None:
            allow = ", ".join(sorted(methods))
            return Refuse(
                METHOD_NOT_ALLOWED,
                finding=Finding("/method", shorten(request.method), allow),
                fields=((b"allow", allow.encode()),),
            )
        if match.values and "%2F" in request.path and not operation.encoded_slash:
            return Refuse(MALFORMED_TARGET, ENCODED_SLASH, Finding("/target", "", "no encoded slash"))
        request.operation = operation
        request.path_values = match.values
        return None

    def standing_in(self, request: RequestView) -> Operation:
        """What stands in for the operation of ``request``, which was refused before it was led to one."""
        # A request that could not be read is for nobody in particular, not even for an API of any host.
        routes = self._routes(request.host) if request.host else None
        return self.stand_in if routes is None else routes.stand_ins.find(request.path)

    def _routes(self, host: str) -> HostRoutes | None:
        return self.hosts.get(host) or self._routes_of_wildcard(host)

    def _routes_of_wildcard(self, host: str) -> HostRoutes | None:
        if not self.suffixes:
            return self.any_host
        dot = host.find(".")
        while dot != -1:
            if routes := self.suffixes.get(host[dot:]):
                return routes
            dot = host.find(".", dot + 1)
        return self.any_host


def _unknown_version(api: HeaderVersions, chosen: str | None) -> Refuse:
    header = api.header.decode()
    return Refuse(
        UNKNOWN_VERSION,
        f"Say which version you mean in the header field {header}.",
        Finding(f"/header/{header}", shorten(chosen or ""), ", ".join(sorted(api.versions))),
    )
