"""The parameters in cookies, and what becomes of the other cookies.

RFC 6265 says how a browser writes cookies, and leaves open how a service reads them: some take quotes off, some let
a quoted value hold semicolons, some split at commas, of two cookies with one name some take the first and some the
last. So a declared cookie has to be written strictly by the grammar (4.1.1), without quotes, once; commas may only
separate what is declared as a list. A cookie that carries a credential of the document counts as declared, though what
it holds is not for the document to check.

Browsers send whatever cookies a site has, of which an API declares few: undeclared ones are therefore taken out,
unless the configuration wants them refused or let through. Where they pass beside declared ones, what they hold is
nobody's concern here, as long as no service could find a declared cookie in them, or read the others otherwise:

- quotes stand around a value or not at all: some let a semicolon stand within them;
- no name begins with ``$``: ``$Version`` tells readers of RFC 2965 to read all that follows by that;
- a name is not like a declared one: some ignore case, some decode percent codes in names (Rack), some make ``_`` of
  ``.`` and blanks, and an array of ``name[0]`` (PHP);
- behind a comma, a blank, a quote or a backslash stands no declared name: some begin a cookie there (RFC 2109, Python).

The last of these holds for declared lists, too: ``ids=1,session=x`` may be two cookies. Of undeclared cookies with one
name it does not matter which a service takes: nothing has been said of either.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote

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
_OTHER_BREAKS: Final = re.compile(r"[\s,\"\\]++")
_MADE_UNDERSCORE: Final = str.maketrans(" .+[", "____")


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
        self._alike = frozenset(alike for name in self._plans for alike in _readings(name))

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
                if self._passes(name, pair, text):
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

    def _passes(self, name: str, pair: str, text: str) -> bool:
        """Whether an undeclared cookie, written as ``pair``, passes; it is dropped otherwise."""
        if self._undeclared == "allow":
            if not _PASSING.fullmatch(text.strip(" \t")):
                raise ArgumentError("malformed", "cookie", name, text)
            if name.startswith("$") or self._is_alike(name) or self._hides_another(pair):
                raise ArgumentError("alike", "cookie", name, text)
            return True
        if self._undeclared == "refuse" and name:
            raise ArgumentError("undeclared", "cookie", name)
        return False

    def _read_one(self, name: str, plan: Plan | None, text: str, values: dict[str, Any]) -> None:
        grammar = _LIST if plan is not None and plan.by_commas else _VALUE
        if not grammar.fullmatch(text):
            raise ArgumentError("malformed", "cookie", name, text)
        if "," in text and self._hides_another(text[text.index(",") :]):
            raise ArgumentError("alike", "cookie", name, text)
        if plan is not None:
            value = plan.value(text, self._fits)
            if plan.key is not None:
                values[plan.key] = value

    def _hides_another(self, text: str) -> bool:
        """Whether some service would find a declared cookie in ``text``, which is part of another one."""
        return any(self._is_alike(piece.lstrip("=").partition("=")[0]) for piece in _OTHER_BREAKS.split(text))

    def _is_alike(self, name: str) -> bool:
        return bool(name) and not self._alike.isdisjoint(_readings(name))


def _readings(name: str) -> tuple[str, str]:
    """What services may take the name of a cookie for: ``N``, ``n[0]`` and ``%6e`` for ``n``, ``a.b`` for ``a_b``."""
    name = unquote(name, "latin-1").strip().lower()
    return name.translate(_MADE_UNDERSCORE), name.partition("[")[0].translate(_MADE_UNDERSCORE)
