"""Where the operations of one version of an API are served: the path before each of the document's paths.

The configuration file's ``base_path`` holds for all of them. Without one the document says it: the path of its first
server and, for an operation that has servers of its own (or whose path has), the path of the first of these. Hosts and
schemes of servers never count: they are the file's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.names import check_base_path
from portcullis.engine.decision import shorten
from portcullis.engine.openapi.document import SpecDocument, SpecOperation
from portcullis.engine.openapi.pointer import join
from portcullis.engine.routing import TemplateError, parse_template

if TYPE_CHECKING:
    from portcullis.engine.config.model import ApiConfig


class ServedPaths:
    """The paths of ``version`` of ``api``. ``prefix``: the one before the document's paths."""

    def __init__(self, api: ApiConfig, version: str, document: SpecDocument) -> None:
        self._api = api
        self._version = version
        self._document = document
        self._upstream_paths: dict[str, Callable[[str], str]] = {}
        self.prefix = document.base_path.rstrip("/")
        if api.base_path is not None:
            base = api.base_path.rstrip("/")
            self.prefix = f"{base}/{version}" if api.version is not None and api.version.by == "path" else base

    @property
    def prefixes(self) -> tuple[str, ...]:
        """All paths before paths of the document, its own first."""
        return tuple(dict.fromkeys((self.prefix, *map(self.prefix_of, self._document.operations))))

    def prefix_of(self, operation: SpecOperation) -> str:
        """The path before the one of ``operation``."""
        own = operation.base_path
        return self.prefix if own is None or self._api.base_path is not None else own

    def place_of(self, operation: SpecOperation) -> tuple[str, str]:
        """The prefix that ``operation`` is served below, and the template that it is routed by below that.

        Whatever lies below the version's prefix is taken as one of its paths.
        """
        prefix = self.prefix_of(operation)
        path = prefix + operation.route
        if path.startswith(f"{self.prefix}/"):
            return self.prefix, path[len(self.prefix) :]
        return prefix, operation.route

    def upstream_path(self, operation: SpecOperation) -> Callable[[str], str]:
        """What turns the path of a request to ``operation`` into the one that the service is asked for."""
        prefix = self.prefix_of(operation)
        if self._api.upstream.path == "keep" or not prefix:
            return str
        # The same function for the same prefix: an estate has many operations.
        return self._upstream_paths.setdefault(prefix, lambda path: path[len(prefix) :] or "/")

    def fault(self) -> str:
        """What is wrong with the path of the document's first server, if that counts; ``""``: nothing."""
        fault = "" if self._api.base_path is not None else self._fault_of(self.prefix)
        return fault and f"the path of the document's first server, {shorten(self.prefix) or '/'}, {fault}"

    def faults(self) -> Iterator[Diagnostic]:
        """What is wrong with paths of single operations, where it stands."""
        seen: set[tuple[str, str]] = set()
        for operation in self._document.operations:
            prefix = self.prefix_of(operation)
            if (prefix, operation.path) in seen:
                continue
            seen.add((prefix, operation.path))
            if prefix != self.prefix and (fault := self._fault_of(prefix)):
                message = f"the path of the servers of {operation.name}, {shorten(prefix) or '/'}, {fault}"
                yield self._at(operation.pointer, message, "give the API a base_path")
                continue
            try:
                parse_template(prefix + operation.path)
            except TemplateError as error:
                yield self._at(join("/paths", operation.path), error.reason)

    def overridden(self) -> Iterator[Diagnostic]:
        """A warning of servers of operations that a ``base_path`` of the file takes the effect from: one for all."""
        operations = [each for each in self._document.operations if self._differs(each)]
        if self._api.base_path is None or not operations:
            return
        first = operations[0]
        others = f" (and {len(operations) - 1} more of this document)" if len(operations) > 1 else ""
        message = (
            f"its own servers have the path {shorten(first.base_path or '') or '/'}{others}, "
            f"but base_path says that all is served below {self.prefix or '/'}"
        )
        hint = "without a base_path in the configuration file each is served where its servers say"
        yield self._at(first.pointer, message, hint, "warning")

    def _differs(self, operation: SpecOperation) -> bool:
        return operation.base_path not in (None, self._document.base_path.rstrip("/"))

    def _fault_of(self, prefix: str) -> str:
        try:
            check_base_path(prefix or "/")
        except ValueError:
            return "holds more than plain segments of letters, digits and -._~"
        by_path = self._api.version is not None and self._api.version.by == "path"
        if by_path and not prefix.endswith(f"/{self._version}"):
            return f"does not end with the version {self._version}"
        return ""

    def _at(
        self, pointer: str, message: str, hint: str = "", severity: Literal["error", "warning"] = "error"
    ) -> Diagnostic:
        at = self._document.locate(pointer)
        return Diagnostic(at.file, at.line, at.column, f"#{at.pointer}", message, hint, severity)
