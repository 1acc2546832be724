"""What is wrong with a request, in words: a sentence for its author, and a finding for the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from portcullis.engine.decision import Finding, shorten
from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.arguments import ArgumentError
from portcullis.engine.openapi.arguments.wording import called, described, place_of
from portcullis.engine.openapi.bodies.errors import BodyError, UnfitError
from portcullis.engine.openapi.checker import Checker
from portcullis.engine.openapi.operations import SpecOperation
from portcullis.engine.openapi.parameter_reading import SpecParameter
from portcullis.engine.openapi.violations import TooComplexError, Violation
from portcullis.engine.openapi.wording import HIDDEN_FIELDS, UNDECLARED, allowed, declared, found, sentence

_MAX_POINTER = 200
_MAX_NAME = 60


class Explanation(msgspec.Struct, frozen=True):
    """Why something of a request is refused. ``keyword``: of the schema that it breaks, ``""`` if it is not known."""

    detail: str
    finding: Finding
    keyword: str = ""


class ValueExplainer:
    """Explains why values do not fit their schemas. ``source``: names the part of the document at a JSON pointer."""

    def __init__(self, source: Callable[[str], str], checker: Checker) -> None:
        self._source = source
        self._checker = checker

    def explain(self, name: str, value: object, what: str, path: tuple[str, ...]) -> Explanation:
        """Why ``value`` does not fit what the checker calls ``name``. It stands at ``path``, and is called ``what``."""
        try:
            violations = self._checker.violations(name, value)
        except TooComplexError:
            violations = ()
        if not violations:
            return Explanation(f"{what} does not fit its schema.", Finding(_pointer(*path)))
        return self._violation(violations[0], what, path)

    def _violation(self, violation: Violation, what: str, path: tuple[str, ...]) -> Explanation:
        where = _pointer(*path, *violation.path, *violation.names[:1])
        source = self._source(violation.source)
        if violation.path:
            what = f"{_pointer(*violation.path)} of {what[0].lower()}{what[1:]}"
        detail = f"{what} {sentence(violation)}."
        if violation.keyword in HIDDEN_FIELDS:
            kind = f"no {HIDDEN_FIELDS[violation.keyword]} field"
            return Explanation(detail, Finding(where, "", kind, source), violation.keyword)
        if violation.keyword in UNDECLARED:
            if violation.names:  # mostly the document has no such keyword: that is why it is checked here
                source = source.rpartition("/")[0]
            return Explanation(detail, Finding(where, "", declared(violation.schema), source), violation.keyword)
        if violation.keyword == "required":
            return Explanation(detail, Finding(where, "", "required", source), violation.keyword)
        shown = found(violation.value, (*path, *violation.path))
        return Explanation(detail, Finding(where, shown, shorten(allowed(violation.schema)), source), violation.keyword)


class RequestExplainer(ValueExplainer):
    """Explains requests of ``operation``. ``source``: names the part of its document at a JSON pointer.

    ``names``: what ``checker`` calls the schema at a JSON pointer.
    """

    def __init__(
        self, source: Callable[[str], str], operation: SpecOperation, checker: Checker, names: Mapping[str, str]
    ) -> None:
        super().__init__(source, checker)
        self._operation = operation
        self._names = names

    def argument(self, error: ArgumentError) -> Explanation:
        """Why parameters could not even be read."""
        operation = self._operation
        return Explanation(*described(error, operation.parameters, operation.pointer, self._source))

    def wrong_argument(self, values: Mapping[str, object]) -> Explanation:
        """Why ``values``, by the checker's names, do not fit the schemas of their parameters."""
        for name, value in values.items():
            if not self._checker.fits({name: value}):
                parameter = self._parameter(name)
                return self.explain(name, value, called(parameter.location, parameter.name), place_of(parameter))
        raise AssertionError("called only for values that do not fit")

    def _parameter(self, name: str) -> SpecParameter:
        """The parameter whose schema the checker calls ``name``. A table of them would be kept for every operation."""
        names, parameters = self._names, self._operation.parameters
        return next(each for each in parameters if each.schema is not None and names[each.schema] == name)

    def body(self, name: str, value: object) -> Explanation:
        """Why ``value``, a body, does not fit the schema that the checker calls ``name``."""
        return self.explain(name, value, "The body", ("body",))

    def unfit(self, error: UnfitError) -> Explanation:
        """Why a part of a body does not fit its schema."""
        what = f"The part {shorten(str(error.path[0]), _MAX_NAME)}" if error.path else "The body"
        return self.explain(error.key, error.value, what, ("body", *map(str, error.path)))

    def unreadable(self, error: BodyError) -> Explanation:
        """Why a body can't be read; the fault stands where otherwise the keyword of a schema does."""
        source = self._source(error.source) if error.source else ""
        finding = Finding(_pointer("body", *error.path), error.found, error.allowed, source)
        return Explanation(error.detail, finding, error.fault)


def _pointer(*tokens: str | int) -> str:
    return shorten(pointers.join("", *tokens), _MAX_POINTER)
