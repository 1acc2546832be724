"""What is wrong with a request, in words: a sentence for its author, and a finding for the record."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from portcullis.engine.decision import Finding, shorten
from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.arguments import MAX_QUERY_PARAMETERS, ArgumentError
from portcullis.engine.openapi.checker import Checker
from portcullis.engine.openapi.operations import SpecOperation
from portcullis.engine.openapi.parameters import Shape
from portcullis.engine.openapi.violations import TooComplexError, Violation
from portcullis.engine.openapi.wording import UNDECLARED, allowed, found, listing, sentence

_MAX_POINTER = 200
_MAX_NAME = 60


class Explanation(msgspec.Struct, frozen=True):
    """Why something of a request is refused. ``keyword``: of the schema that it breaks, ``""`` if it is not known."""

    detail: str
    finding: Finding
    keyword: str = ""


class RequestExplainer:
    """Explains requests of ``operation``, of the document that the configuration file calls ``document``.

    ``names``: what ``checker`` calls the schema at a JSON pointer.
    """

    def __init__(self, document: str, operation: SpecOperation, checker: Checker, names: Mapping[str, str]) -> None:
        self._document = document
        self._operation = operation
        self._checker = checker
        self._parameters = {names[parameter.schema]: parameter for parameter in operation.parameters}

    def argument(self, error: ArgumentError) -> Explanation:
        """Why parameters could not even be read."""
        what = f"The {error.location} parameter {shorten(error.name, _MAX_NAME)}"
        where = _pointer(error.location, error.name)
        parameters = self._operation.parameters
        parameter = next((p for p in parameters if (p.location, p.name) == (error.location, error.name)), None)
        if error.fault == "undeclared":
            declared = listing([p.name for p in parameters if p.location == "query"]) or "no query parameters"
            finding = Finding(where, "", declared, self._source(self._operation.pointer))
            return Explanation(f"{what} is not declared.", finding)
        if parameter is None:
            if error.fault == "too many":
                most = f"at most {MAX_QUERY_PARAMETERS} parameters"
                return Explanation("The query has too many parameters.", Finding("/query", "", most))
            return Explanation(
                "The query is not percent-encoded UTF-8.", Finding("/query", "", "percent-encoded UTF-8")
            )
        kinds = _kinds(parameter.shape)
        if error.fault == "missing":
            return Explanation(f"{what} is required.", Finding(where, "", kinds, self._source(parameter.pointer)))
        source = self._source(parameter.schema)
        if error.fault == "repeated":
            return Explanation(f"{what} is given more than once.", Finding(where, "", f"one {kinds}", source))
        if error.fault == "separator":
            return Explanation(
                f"{what} holds a semicolon, which must be sent as %3B.", Finding(where, ";", "%3B", source)
            )
        finding = Finding(where, found(error.text, (error.name,)), kinds, source)
        return Explanation(f"{what} must be {kinds}.", finding)

    def wrong_argument(self, values: Mapping[str, object]) -> Explanation:
        """Why ``values``, by the checker's names, do not fit the schemas of their parameters."""
        for name, value in values.items():
            if not self._checker.fits({name: value}):
                parameter = self._parameters[name]
                what = f"The {parameter.location} parameter {shorten(parameter.name, _MAX_NAME)}"
                return self._value(name, value, what, (parameter.location, parameter.name))
        raise AssertionError("called only for values that do not fit")

    def body(self, name: str, value: object) -> Explanation:
        """Why ``value``, a body, does not fit the schema that the checker calls ``name``."""
        return self._value(name, value, "The body", ("body",))

    def _value(self, name: str, value: object, what: str, path: tuple[str, ...]) -> Explanation:
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
        if violation.keyword in UNDECLARED:
            schema = violation.schema if isinstance(violation.schema, dict) else {}
            if violation.names:  # mostly the document has no such keyword: that is why it is checked here
                source = source.rpartition("/")[0]
            return Explanation(
                detail, Finding(where, "", listing(schema.get("properties", ())), source), violation.keyword
            )
        if violation.keyword == "required":
            return Explanation(detail, Finding(where, "", "required", source), violation.keyword)
        shown = found(violation.value, (*path[1:], *violation.path))
        return Explanation(detail, Finding(where, shown, shorten(allowed(violation.schema)), source), violation.keyword)

    def _source(self, pointer: str) -> str:
        return f"{self._document}#{pointer}"


def _pointer(*tokens: str | int) -> str:
    return shorten(pointers.join("", *tokens), _MAX_POINTER)


def _kinds(shape: Shape) -> str:
    kinds = list(shape.scalars)
    if shape.items is not None:
        kinds.append(f"list of {' or '.join(shape.items)}")
    return " or ".join(kinds)
