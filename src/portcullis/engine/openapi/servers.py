"""Where a document says its API is served: the paths of its servers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.anatomy import METHODS
from portcullis.engine.openapi.problems import Problems

_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")


def base_path(root: dict[str, Any], problems: Problems) -> str:
    """The path of the first server, its variables at their defaults; ``""`` if it has none.

    Where the URL can't be read, its variables stand in the path as they are, and no API can be served there unless
    the configuration file gives it another path. Paths of other servers are warned of: they lead nowhere.
    """
    servers = root.get("servers") or [{"url": "/"}]
    path = _path(servers[0], "/servers/0", problems)
    for pointer, server in _others(root, servers):
        other = _path(server, pointer, Problems())
        if other != path:
            message = f"only what is below {path or '/'}, the path of the first server, is served: not {other or '/'}"
            problems.warning(pointer, message)
    return path


def base_path_20(root: dict[str, Any], problems: Problems) -> str:
    """The ``basePath`` of a document of Swagger 2.0."""
    path = root.get("basePath", "")
    if not path.startswith("/") and path:
        problems.warning("/basePath", "a base path starts with a slash")
    return _trimmed(path)


def _trimmed(path: str) -> str:
    path = path.strip("/")
    return f"/{path}" if path else ""


def _path(server: dict[str, Any], pointer: str, problems: Problems) -> str:
    variables = server.get("variables", {})

    def default(match: re.Match[str]) -> str:
        variable = variables.get(match[1])
        if variable is None:
            problems.warning(f"{pointer}/url", f"the variable {match[1][:80]} is not declared")
            return match[0]
        if variable["default"] not in variable.get("enum", [variable["default"]]):
            problems.warning(pointers.join(pointer, "variables", match[1], "default"), "the default is not in the enum")
        return str(variable["default"])

    url = _VARIABLE.sub(default, server["url"])
    try:
        return _trimmed(urlsplit(url).path)
    except ValueError:
        problems.warning(f"{pointer}/url", "not a URL")
        return "/{url}"


def _others(root: dict[str, Any], servers: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The servers that requests are not served for: all but the first, and those of single paths and operations."""
    yield from ((f"/servers/{index}", server) for index, server in enumerate(servers) if index)
    for path, item in root.get("paths", {}).items():
        if isinstance(item, dict) and not path.startswith("x-"):
            yield from _servers(pointers.join("/paths", path), item)
            for method in METHODS:
                if isinstance(item.get(method), dict):
                    yield from _servers(pointers.join("/paths", path, method), item[method])


def _servers(pointer: str, owner: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    servers = owner.get("servers")
    for index, server in enumerate(servers if isinstance(servers, list) else ()):
        if isinstance(server, dict) and isinstance(server.get("url"), str):
            yield f"{pointer}/servers/{index}", server
