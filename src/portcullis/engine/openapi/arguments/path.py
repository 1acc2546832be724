"""The parameters in a path.

The route has found their decoded values. Lists, objects and the styles ``label`` and ``matrix`` need the text as it
was sent: there, ``a%2Cb`` is one item and ``a,b`` are two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from portcullis.engine.openapi.arguments.errors import ArgumentError
from portcullis.engine.openapi.arguments.percent import decode
from portcullis.engine.openapi.arguments.plans import Fits, plan_of
from portcullis.engine.openapi.parameter_reading import SpecParameter
from portcullis.engine.request import RequestView
from portcullis.engine.routing import Segment, parse_template

_PLAIN: Final = "!$&'()*+,;=:@-._~"
"""What stands in a normalised path segment as it is, beside letters and digits."""


class _Place(msgspec.Struct, frozen=True):
    """Where a parameter stands in a path: in which segment, counted from the end, and as which variable of it."""

    from_end: int
    segment: Segment
    variable: int

    def text(self, path: str) -> str | None:
        """The text of the parameter in ``path``, still encoded; ``None`` if it can't be told from what surrounds it."""
        written = path.split("/")[-self.from_end]
        if self.segment.literals == ("", ""):
            return written
        values = self.segment.values(written)
        return None if values is None else values[self.variable]


class PathReader:
    """Reads the path parameters of one operation. ``route``: the template that its requests are routed by.

    ``simple``: names, keys and readings of those that are one text of one type, as nearly all are: their values are
    made of what the route has found.
    """

    def __init__(self, parameters: Iterable[SpecParameter], names: Mapping[str, str], fits: Fits, route: str) -> None:
        plans = [plan_of(parameter, names, decode) for parameter in parameters]
        self._fits = fits
        self.simple = tuple(
            (plan.name, plan.key, plan.scalar) for plan in plans if plan.scalar is not None and plan.key is not None
        )
        simple = {name for name, _, _ in self.simple}
        others = [plan for plan in plans if plan.name not in simple]
        places = _places(route) if others else {}
        self._others = tuple((plan, places.get(plan.name)) for plan in others)

    @property
    def is_idle(self) -> bool:
        """Whether all parameters are simple."""
        return not self._others

    def read(self, request: RequestView, values: dict[str, Any]) -> None:
        """Add the values that are not simple to ``values``. Raises :class:`ArgumentError`."""
        for plan, place in self._others:
            written = place.text(request.path) if place is not None else None
            if written is None:
                raise ArgumentError("malformed", "path", plan.name)
            if plan.parameter.style == "matrix":
                written = f";{written}"  # the route has its first semicolon, see route_of
            value = plan.value(written, self._fits)
            if plan.key is not None:
                values[plan.key] = value


def _places(route: str) -> dict[str, _Place]:
    segments = parse_template(route or "/")
    found = {}
    for position, segment in enumerate(segments):
        written = Segment(tuple(quote(literal, safe=_PLAIN) for literal in segment.literals), segment.names)
        for variable, name in enumerate(segment.names):
            found[name] = _Place(len(segments) - position, written, variable)
    return found
