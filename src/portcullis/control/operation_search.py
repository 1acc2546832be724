"""Operations by what people call them: as in a document, as they are served, or by a path that leads to them."""

from __future__ import annotations

from collections.abc import Sequence

from portcullis.engine.authorization.administrative import shape_of
from portcullis.engine.inert.estate import Routed


def find_operations(operations: Sequence[Routed], call: str) -> list[Routed]:
    """What ``call`` may mean: an operation as in its document, or where it is served, or a path that leads to it.

    Names of variables don't count. A path may leave out what stands before its end: the base path, the version.
    """
    method, _, target = call.partition(" ")
    if not target.startswith("/"):
        return []
    path = shape_of(target.partition("?")[0]).rstrip("/")
    of_method = [routed for routed in operations if routed.declared.method == method]
    shapes = [(routed, shape_of(routed.template).rstrip("/")) for routed in of_method]
    for found in (
        [routed for routed, shape in shapes if path in (shape, shape_of(routed.declared.path).rstrip("/"))],
        [routed for routed, shape in shapes if path and shape.endswith(path)],
        [routed for routed, shape in shapes if _leads_to(path, shape)],
        [routed for routed in of_method if _leads_to(path, shape_of(routed.declared.path).rstrip("/"))],
    ):
        if found:
            return found
    return []


def _leads_to(path: str, shape: str) -> bool:
    """Whether ``shape`` is for ``path``, as far as can be said segment by segment."""
    mine, its = path.split("/"), shape.split("/")
    return len(mine) == len(its) and all("{}" in b or a == b for a, b in zip(mine, its, strict=True))
