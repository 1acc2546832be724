"""The parameters in cookies, and what becomes of the other cookies.

RFC 6265 says how a browser writes cookies, and leaves open how a service reads them: some take quotes off, some let
a quoted value hold semicolons, some split at commas, of two cookies with one name some take the first and some the
last. So a declared cookie has to be written strictly by the grammar (4.1.1), without quotes, once; commas may only
separate what is declared as a list. A cookie that carries a credential of the document counts as declared, though what
it holds is not for the document to check.

Browsers send whatever cookies a site has, of which an API declares few: undeclared ones are therefore taken out,
unless the configuration wants them refused or let through. Where they pass beside declared ones, they may not hold
quotes in places where another reader would find a declared cookie within them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from portcullis.engine.decision import Modify
from portcullis.engine.openapi.arguments.errors import ArgumentError
from portcullis.engine.openapi.arguments.percent import decode
from portcullis.engine.openapi.arguments.plans import Fits, Plan, plan_of
from portcullis.engine.openapi.arguments.query import Undeclared
from portcullis.engine.openapi.parameter_reading import SpecParameter
from portcullis.engine.request import RequestView

MAX_COOKIES: Final = 300
"""Cookies in one request (Chrome keeps 180 a site, Firefox 150)."""

_NAME: Final = b"cookie"
_ALL: Final = Modify(remove_fields=frozenset({_NAME}))
_VALUE: Final = re.compile(r"[!#-+\--:<-\[\]-~]*+")
_LIST: Final = re.compile(r"[!#-:<-\[\]-~]*+")
_PASSING: Final = re.compile(r'"[^"]*+"|[^"]*+')


class CookieReader:
    """Reads the cookies of requests to one operation. ``credentials``: names of cookies that need no declaration."""

    def __init__(
        self,
        parameters: Iterable[SpecParameter],
        names: Mapping[str, str],
        fits: Fits,
        undeclared: Undeclared,
        credentials: Collection[str] = (),
    ) -> None:
        plans = [plan_of(parameter, names, decode) for parameter in parameters]
        self._plans: dict[str, Plan | None] = {**dict.fromkeys(credentials), **{plan.name: plan for plan in plans}}
        self._required = tuple(plan.name for plan in plans if plan.required)
        self._fits = fits
        self._undeclared = undeclared

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to be done, whatever cookies are sent."""
        return not self._plans and self._undeclared == "allow"

    @property
    def is_needed(self) -> bool:
        """Whether a request without cookies is wrong."""
        return bool(self._required)

    def read(self, request: RequestView, values: dict[str, Any]) -> Modify | None:
        """Add the values in the cookies of ``request`` to ``values``.

        Gives what has to be changed so that undeclared ones do not pass. Raises :class:`ArgumentError`.
        """
        field = request.headers.get(_NAME)
        if field is None:
            if self._required:
                raise ArgumentError("missing", "cookie", self._required[0])
            return None
        if not self._plans and self._undeclared == "strip":
            return _ALL
        if b"," in field and sum(name == _NAME for name, _ in request.fields) > 1:
            raise ArgumentError("repeated", "cookie")
        return self._read(field.decode("latin-1"), values)

    def _read(self, field: str, values: dict[str, Any]) -> Modify | None:
        pairs = field.split(";")
        if len(pairs) > MAX_COOKIES:
            raise ArgumentError("too many", "cookie")
        plans = self._plans
        texts: dict[str, str] = {}
        kept = []
        for pair in pairs:
            written, equals, text = pair.partition("=")
            name = written.strip(" \t")
            if name not in plans:
                if self._passes(name, text):
                    kept.append(pair)
                continue
            if name in texts:
                raise ArgumentError("repeated", "cookie", name)
            if not equals:
                raise ArgumentError("malformed", "cookie", name)
            texts[name] = text.strip(" \t")
            kept.append(pair)
        for name in self._required:
            if name not in texts:
                raise ArgumentError("missing", "cookie", name)
        for name, text in texts.items():
            self._read_one(name, plans[name], text, values)
        if len(kept) == len(pairs):
            return None
        if not kept:
            return _ALL
        return Modify(set_fields=((_NAME, "; ".join(pair.strip(" \t") for pair in kept).encode("latin-1")),))

    def _passes(self, name: str, text: str) -> bool:
        """Whether an undeclared cookie passes; it is dropped otherwise."""
        if self._undeclared == "allow":
            if not _PASSING.fullmatch(text.strip(" \t")):
                raise ArgumentError("malformed", "cookie", name, text)
            return True
        if self._undeclared == "refuse" and name:
            raise ArgumentError("undeclared", "cookie", name)
        return False

    def _read_one(self, name: str, plan: Plan | None, text: str, values: dict[str, Any]) -> None:
        grammar = _LIST if plan is not None and plan.by_commas else _VALUE
        if not grammar.fullmatch(text):
            raise ArgumentError("malformed", "cookie", name, text)
        if plan is not None:
            value = plan.value(text, self._fits)
            if plan.key is not None:
                values[plan.key] = value
