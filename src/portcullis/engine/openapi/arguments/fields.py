"""The parameters in header fields.

Nothing is percent-encoded in a header field. One that is given several times is a list (RFC 9110 5.3), so it is
refused where it is to be something else; and so is a field that a service behind CGI or WSGI takes for a declared one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import product
from typing import Any, Final

from portcullis.engine.openapi.arguments.errors import ArgumentError
from portcullis.engine.openapi.arguments.percent import decode_field
from portcullis.engine.openapi.arguments.plans import Fits, Plan, plan_of
from portcullis.engine.openapi.parameter_reading import SpecParameter
from portcullis.engine.request import RequestView

_MAX_MARKS: Final = 8


class FieldReader:
    """Reads the header parameters of one operation."""

    def __init__(self, parameters: Iterable[SpecParameter], names: Mapping[str, str], fits: Fits) -> None:
        plans = [plan_of(parameter, names, decode_field) for parameter in parameters]
        self._plans = tuple((plan.name.lower().encode(), plan) for plan in plans)
        self._alike = _alike(tuple((name, plan.name) for name, plan in self._plans))
        self._fits = fits

    def read(self, request: RequestView, values: dict[str, Any]) -> None:
        """Add the values in the fields of ``request`` to ``values``. Raises :class:`ArgumentError`."""
        headers = request.headers
        if self._alike and not self._alike.keys().isdisjoint(headers):
            raise ArgumentError("repeated", "header", next(filter(None, map(self._alike.get, headers))))
        for name, plan in self._plans:
            field = headers.get(name)
            if field is None:
                if plan.required:
                    raise ArgumentError("missing", "header", plan.name)
                continue
            if not plan.by_commas and b"," in field and sum(other == name for other, _ in request.fields) > 1:
                raise ArgumentError("repeated", "header", plan.name)
            value = plan.value(_text(field, plan), self._fits)
            if plan.key is not None:
                values[plan.key] = value


def _text(field: bytes, plan: Plan) -> str:
    if not plan.holds_json:
        return field.decode("latin-1")
    try:
        return field.decode()
    except UnicodeDecodeError:
        raise ArgumentError("malformed", "header", plan.name, "") from None


@lru_cache(maxsize=1024)
def _alike(parameters: tuple[tuple[bytes, str], ...]) -> Mapping[bytes, str]:
    """Names of fields that a service behind CGI or WSGI takes for one of the parameters (RFC 3875 4.1.18).

    To it ``page_size`` and ``page-size`` are the same: one of them would pass unchecked. The operations of a document
    mostly share their parameters, and so what this gives for them.
    """
    alike = {}
    for name, written in parameters:
        first, *rest = re.split(b"[-_]", name, maxsplit=_MAX_MARKS)
        for marks in product((b"-", b"_"), repeat=len(rest)):
            alike[first + b"".join(mark + part for mark, part in zip(marks, rest, strict=True))] = written
    for name, _ in parameters:
        del alike[name]
    return alike
