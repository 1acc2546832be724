"""The routes of one host, put together from all APIs that are served there; where they overlap is an error.

A request must have one meaning: two operations that could both claim a path are refused when the file is compiled,
not decided by whichever came first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from portcullis.engine.routing import RouteConflict, RouteIndex
from portcullis.engine.snapshot import HeaderVersions, HostRoutes, Methods
from portcullis.engine.unrouted import AnswerSettings, stand_ins

Paths = dict[str, Methods]
"""The methods of each path template of one version, without the prefix."""

Owner = tuple[str, str]
"""API and version that a route belongs to; or :data:`GATEWAY`, and the section of the file that asks for it."""

GATEWAY: Final = "the gateway's"
"""Owns what the gateway itself serves."""

Report = Callable[[tuple[str | int, ...], str, str], None]
"""Takes an error: path of keys in the configuration file, message, hint."""

_HINT: Final = "give one of them another host or base_path"


class HostRoutesBuilder:
    """Collects what one host serves."""

    def __init__(self) -> None:
        self._routes: list[tuple[Owner, str, Methods]] = []
        self._by_header: list[tuple[str, str, bytes, str | None, dict[str, Paths]]] = []
        self._answers: dict[str, list[AnswerSettings]] = {}

    def add(self, owner: Owner, prefix: str, paths: Paths) -> None:
        """Serve a version below ``prefix``."""
        self._routes.extend((owner, prefix + path, methods) for path, methods in paths.items())

    def answer_below(self, prefix: str, settings: AnswerSettings) -> None:
        """Answer as ``settings`` say, also where what is asked for below ``prefix`` is not served."""
        self._answers.setdefault(prefix, []).append(settings)

    def add_by_header(
        self, api: str, header: bytes, default: str | None, versions: dict[str, dict[str, Paths]]
    ) -> None:
        """Serve versions that the header field ``header`` (lower-case) chooses between, each below its prefixes."""
        by_prefix: dict[str, dict[str, Paths]] = {}
        for version, below in versions.items():
            for prefix, paths in below.items():
                by_prefix.setdefault(prefix, {})[version] = paths
        self._by_header += [(api, prefix, header, default, below) for prefix, below in by_prefix.items()]

    def build(self, report: Report) -> HostRoutes:
        """The routes; every overlap is reported at the API that comes later in the file."""
        by_header = []
        for position, (api, prefix, header, default, versions) in enumerate(self._by_header):
            indexes = {
                version: _index([((api, version), prefix + path, methods) for path, methods in paths.items()], report)
                for version, paths in versions.items()
            }
            chooser = HeaderVersions(prefix, header, default, indexes)
            by_header.append(chooser)
            inside = [owner[0] for owner, template, _ in self._routes if chooser.owns(template)]
            inside += [other[0] for other in self._by_header[:position] if other[1] == prefix]
            for other in dict.fromkeys(inside):
                message = (
                    f"everything below {prefix or '/'} belongs to it, and {other} has paths there on the same host"
                )
                report(("apis", api), message, _HINT)
        # The longest prefix first: it is the narrowest that owns a path.
        by_header.sort(key=lambda each: -len(each.prefix))
        return HostRoutes(_index(self._routes, report), tuple(by_header), stand_ins(self._answers))


def wildcards(host: str) -> Iterator[str]:
    """The hosts with ``*`` that ``host`` is one of, the narrowest first."""
    _, dot, domain = host.partition(".")
    while dot:
        yield f"*.{domain}"
        _, dot, domain = domain.partition(".")
    yield "*"


def _index(routes: Sequence[tuple[Owner, str, Methods]], report: Report) -> RouteIndex[Methods]:
    try:
        return RouteIndex((template, methods) for _, template, methods in routes)
    except RouteConflict as conflict:
        owners = [owner for owner, template, _ in routes if template in (conflict.first, conflict.second)]
        first, second = owners[0], owners[-1]
        message = (
            f"its paths {conflict.first} and {conflict.second} match the same requests"
            if first == second
            else f"{conflict.second} overlaps {conflict.first} of {first[0]} {first[1]} on the same host"
        )
        report(_place(second), message, _HINT if first != second else "leave one of them out")
        return RouteIndex(())


def _place(owner: Owner) -> tuple[str, ...]:
    return (owner[1],) if owner[0] is GATEWAY else ("apis", owner[0], "versions", owner[1])
