"""Where a document says its API is served: the paths of its servers.

Hosts and schemes are the configuration file's to say. The path is the document's, unless the file gives the API another
one; and an operation whose servers have a path of their own is called below that one.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.problems import Problems

_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")


def base_path(root: dict[str, Any], problems: Problems) -> str:
    """The path of the first server, its variables at their defaults; ``""`` if it has none.

    Where the URL can't be read, its variables stand in the path as they are, and no API can be served there unless
    the configuration file gives it another path. Paths of other servers are warned of: they lead nowhere.
    """
    return _common_path(root.get("servers") or [{"url": "/"}], "", problems)


def own_base_path(
    operation: dict[str, Any], pointer: str, item: dict[str, Any], item_pointer: str, problems: Problems
) -> str | None:
    """The path of the first of the servers that an operation has of its own, or its path ``item``; ``None``: of none.

    ``pointer``, ``item_pointer``: where they stand. Paths of other ones among them are warned of.
    """
    for owner, where in ((operation, pointer), (item, item_pointer)):
        servers = owner.get("servers")
        if isinstance(servers, list) and servers and all(map(_is_server, servers)):
            return _common_path(servers, where, problems)
    return None


def _is_server(server: Any) -> bool:
    return isinstance(server, dict) and isinstance(server.get("url"), str)


def _common_path(servers: list[dict[str, Any]], owner: str, problems: Problems) -> str:
    path = _path(servers[0], f"{owner}/servers/0", problems)
    for index, server in enumerate(servers[1:], 1):
        other = _path(server, f"{owner}/servers/{index}", Problems())
        if other != path:
            message = f"only what is below {path or '/'}, the path of the first server, is served: not {other or '/'}"
            problems.warning(f"{owner}/servers/{index}", message)
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
    variables = server.get("variables")
    variables = variables if isinstance(variables, dict) else {}

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
