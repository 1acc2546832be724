"""References: which file one means, and how those within the tree of a document are followed to their end."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.problems import Problems

_LOCAL_FILES: Final = "references lead to files below the configuration file's folder, by a path relative to their own"


class UnfollowedError(ValueError):
    """A reference to a file that is not followed. ``hint`` says which are."""

    def __init__(self, message: str, hint: str = _LOCAL_FILES) -> None:
        super().__init__(message)
        self.hint = hint


def follow(root: dict[str, Any], pointer: str, problems: Problems) -> tuple[str, Any]:
    """What is at ``pointer``, with references followed: its pointer and itself.

    Where they lead nowhere, or go in a circle, that is noted, and what was found is an empty object.
    """
    seen: set[str] = set()
    value = pointers.look_up(root, pointer)
    while isinstance(value, dict) and isinstance(value.get("$ref"), str):
        if pointer in seen:
            problems.error(pointer, "this reference leads back to itself")
            return pointer, {}
        seen.add(pointer)
        try:
            target = pointers.of_reference(value["$ref"])
            value = pointers.look_up(root, target)
        except (ValueError, LookupError):
            problems.error(pointer, "this reference leads nowhere")
            return pointer, {}
        pointer = target
    return pointer, value


def normal_path(path: str) -> str:
    """``path`` without empty and ``.`` segments, and without ``..`` but at its beginning, where there is nothing to
    go up from.
    """
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif segment not in ("", "."):
            kept.append(segment)
    return ("/" if path.startswith("/") else "") + "/".join(kept)


def path_of(reference: str, referrer: str, document: str) -> str:
    """The path of the file that ``reference`` (without its fragment) means.

    ``referrer`` is the path of the file it stands in, ``document`` that of the file that everything begins with; paths
    are normal and relative to the configuration file. Raises :class:`UnfollowedError` where it leads out of both the
    configuration file's folder and the document's.
    """
    try:
        parts = urlsplit(reference)
        path = unquote_to_bytes(parts.path).decode()
    except ValueError:
        raise UnfollowedError("this is not a path") from None
    if parts.scheme or parts.netloc:
        raise UnfollowedError("references to URLs are not followed")
    if parts.query or "\0" in path or not path:
        raise UnfollowedError("this is not a path")
    if path.startswith("/"):
        raise UnfollowedError("absolute paths are not followed")
    found = normal_path(f"{_folder(referrer)}{path}")
    if not (_is_below("", found) or _is_below(_folder(document), found)):
        raise UnfollowedError("it leads out of the folder of the configuration file")
    return found


def _folder(path: str) -> str:
    return path[: path.rfind("/") + 1]


def _is_below(folder: str, path: str) -> bool:
    rest = path[len(folder) :]
    return path.startswith(folder) and not rest.startswith("/") and rest.split("/", 1)[0] != ".."
