"""The path by which an object is read, filled with values of a request.

A value must not make another path of it: ``..``, a slash, what a service would decode twice. What is filled in is
encoded, and the whole has to be the normal form of a path, as if a client had asked for it; else nothing is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import quote

from portcullis.engine.objects.given import Given, OfExchange
from portcullis.engine.openapi.operations import VARIABLE
from portcullis.engine.target import TargetError, normalise_path

Target: TypeAlias = Callable[[Given], str | None]
"""The path to ask the service for; ``None`` if the values of the request make none."""


def variables_of(template: str) -> list[str]:
    """The names of the variables of a path template."""
    found: list[str] = VARIABLE.findall(template)
    return found


def target_of(
    template: str, sources: Mapping[str, OfExchange], upstream_path: Callable[[str], str], *, encoded_slash: bool
) -> Target:
    """Fills ``template`` with the values that ``sources`` read, by the names of its variables.

    ``upstream_path``: turns the path into the one that the service knows; ``encoded_slash``: values may hold slashes.
    """
    parts = VARIABLE.split(template)

    def target(given: Given) -> str | None:
        filled = list(parts)
        for number in range(1, len(parts), 2):
            value = sources[parts[number]].read(given)
            if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
                return None
            filled[number] = quote(str(value), safe="")
        path = "".join(filled)
        try:
            is_normal = normalise_path(path, encoded_slash=encoded_slash) == path
        except TargetError:
            return None
        return upstream_path(path) if is_normal else None

    return target
