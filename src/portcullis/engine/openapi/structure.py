"""Is this an OpenAPI document? Its shape, by the official schemas (:mod:`portcullis.engine.openapi.metaschemas`).

What is wrong is an error where it matters to enforcement, and a warning where it does not: real documents are full of
responses without a description and of keys that some tool made up. Keys that the specification does not have are
errors where they look like a misspelt one that matters, and where they would constrain values if they counted.

The checks of ``openapi-spec-validator`` on top of the schemas are not used: they say no place, resolve references over
the network, fail on some documents with an exception, and take seconds where these take milliseconds. What they check
is checked in :mod:`~portcullis.engine.openapi.bundle` and :mod:`~portcullis.engine.openapi.operations`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, Final

import jsonschema_rs

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.anatomy import REFERENCE, Anatomy, Kind, Trail, pointer_of
from portcullis.engine.openapi.bundle import Bundle
from portcullis.engine.openapi.metaschemas import DIALECTS, LIMIT, Metaschema, lenient, schema_2020, strict
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.violations import TooComplexError, Violation
from portcullis.engine.openapi.wording import listing, sentence, suggestion

SUPPORTED: Final = "Swagger 2.0 and OpenAPI 3.0, 3.1 and 3.2 are supported"
_VERSION: Final = re.compile(r"3\.[012]\.[0-9]{1,3}(?:-[0-9A-Za-z.\-]{1,40})?")
_MAX_WARNINGS: Final = 50
_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")

# Keywords of JSON Schema that 2.0 or 3.0 have not, and that would refuse values if they had.
_CONSTRAINING: Final = frozenset(
    (
        *("const", "patternProperties", "propertyNames", "contains", "minContains", "maxContains", "if", "then"),
        *("else", "dependencies", "dependentRequired", "dependentSchemas", "prefixItems", "additionalItems"),
        *("unevaluatedProperties", "unevaluatedItems", "anyOf", "oneOf", "not", "$dynamicRef", "$recursiveRef"),
    )
)


def version_of(root: Any) -> tuple[str, str | None]:
    """The version that a document says, and ``None`` or why it can't be used."""
    if not isinstance(root, dict):
        return "", "not an OpenAPI document: a mapping with the key openapi or swagger is expected"
    if "$ref" in root:
        return "", "a whole document can't be a reference"
    if "swagger" in root and "openapi" not in root:
        version = str(root["swagger"])[:20]
        # Written as a number in YAML it is one, and the meaning is plain.
        return ("2.0", None) if version == "2.0" else (version, f"Swagger {version} is not supported")
    said = root.get("openapi")
    if said is None:
        return "", "not an OpenAPI document: the key openapi (or swagger) is missing"
    if not isinstance(said, str) or not _VERSION.fullmatch(said):
        return str(said)[:20], f"OpenAPI {str(said)[:20]} is not supported"
    return said, None


def check_structure(bundled: Bundle, version: str, anatomy: Anatomy, problems: Problems) -> None:
    """Note what is wrong with the shape of a document of a supported ``version``, and of what it refers to."""
    checker = _Checker(version[:3], anatomy, problems)
    checker.check("", "document", bundled.root)
    is_older = version[:3] in ("2.0", "3.0")
    if not is_older:
        dialect = bundled.root.get("jsonSchemaDialect", DIALECTS[0])
        if str(dialect).removesuffix("#") not in DIALECTS:
            message = f"the dialect {str(dialect)[:80]} is not supported"
            problems.error("/jsonSchemaDialect", message, f"{DIALECTS[1]} is")
    for reached, noted in ((bundled.enforced, problems), (bundled.aside, Problems())):
        checker.problems = noted
        for kind, pointer in reached.targets:
            checker.check(pointer, kind, pointers.look_up(bundled.root, pointer))
        if not is_older:
            _check_schemas(bundled.root, reached.schemas, noted)
        if noted is not problems:
            for problem in noted:
                problems.warning(problem.pointer, problem.message, problem.hint)


def _check_schemas(root: Any, trails: Iterable[Trail], problems: Problems) -> None:
    is_schema = schema_2020().is_valid
    for trail in trails:
        schema = _look_up(root, trail)
        if not is_schema(schema):
            for error in schema_2020().iter_errors(schema):
                place = pointers.join(pointer_of(trail), *error.instance_path)
                problems.error(place, f"not a JSON Schema: {_said(error)}")


def _look_up(root: Any, trail: Trail) -> Any:
    if len(trail) == 1:
        return pointers.look_up(root, trail[0])
    return _look_up(root, trail[0])[trail[1]]


def _said(error: jsonschema_rs.ValidationError) -> str:
    if error.kind.name == "anyOf" and error.instance_path and error.instance_path[-1] == "type":
        return f"must be one of {listing(_TYPES)}, or a list of these"
    found = Violation(tuple(error.instance_path), error.kind.name, {error.kind.name: error.kind.value}, "", None)
    return sentence(found)


class _Checker:
    """Checks objects of documents of one version."""

    def __init__(self, version: str, anatomy: Anatomy, problems: Problems) -> None:
        self._version = version
        self._anatomy = anatomy
        self.problems = problems

    def check(self, pointer: str, kind: Kind, value: Any) -> None:
        """Note what is wrong with ``value``, which stands at ``pointer`` and is meant to be of ``kind``."""
        if isinstance(value, dict) and isinstance(value.get(REFERENCE), str) and kind != "schema":
            return  # where that leads to is looked at on its own
        exact = strict(self._version)
        if exact.is_valid(value) if kind == "document" else exact.is_valid_as(kind, value):
            return
        if not isinstance(value, dict):
            self.problems.error(pointer, f"this is not a {kind}")
            return
        try:
            told = self._errors(pointer, kind, value)
        except TooComplexError:
            self.problems.error(pointer, f"not a valid {'OpenAPI document' if kind == 'document' else kind}")
            return
        told |= self._unknown_keys(pointer, kind, value)
        self._warnings(pointer, kind, value, exact, told)

    def _errors(self, pointer: str, kind: Kind, value: Any) -> set[str]:
        """Note what makes ``value`` unusable, and give the places of it. Raises :class:`TooComplexError`."""
        found = lenient(self._version).violations(value, kind)
        if len(found) >= LIMIT:
            self.problems.error(pointer, f"more than {LIMIT:,} things are wrong")
        places = set()
        for violation in found:
            place = _place(pointer, violation)
            places.add(place)
            self.problems.error(place, f"{_subject(violation)}{sentence(violation)}", suggestion(violation))
        return places

    def _warnings(self, pointer: str, kind: Kind, value: Any, exact: Metaschema, told: set[str]) -> None:
        """Note what is not as it should be, but harmless, where nothing was ``told`` yet."""
        try:
            found = exact.violations(value, kind)
        except TooComplexError:
            self.problems.warning(pointer, "not quite as the specification wants it, in too many ways to tell")
            return
        harmless = [violation for violation in found if _place(pointer, violation) not in told]
        for violation in harmless[:_MAX_WARNINGS]:
            message = f"{_subject(violation)}{sentence(violation)}; this does not change what is enforced"
            self.problems.warning(_place(pointer, violation), message, suggestion(violation))

    def _unknown_keys(self, pointer: str, kind: Kind, value: Any) -> set[str]:
        """Note the keys that no object of their kind has, and give their places."""
        places = set()
        pending: list[tuple[Any, Kind, Trail]] = [(value, kind, (pointer,))]
        while pending:
            value, kind, trail = pending.pop()
            if not isinstance(value, dict) or (REFERENCE in value and kind not in self._anatomy.siblings):
                continue
            known = self._anatomy.keys.get(kind)
            if known is not None and not value.keys() <= known:
                for key in value.keys() - known:
                    if not key.startswith("x-"):
                        places.add(place := pointers.join(pointer_of(trail), key))
                        self._unknown_key(place, kind, trail, key)
            pending.extend(self._anatomy.children(kind, value, trail))
        return places

    def _unknown_key(self, place: str, kind: Kind, trail: Trail, key: str) -> None:
        subject = _named(trail[-1] if len(trail) == 2 else "")
        message = f'{subject}has "{key[:60]}", which is not declared'
        if kind == "schema" and key in _CONSTRAINING:
            spec = "Swagger" if self._version == "2.0" else "OpenAPI"
            self.problems.error(place, f"schemas of {spec} {self._version} have no {key}: it would not be enforced")
            return
        near = _nearest(key, self._anatomy.keys[kind])
        hint = f'did you mean "{near}"?' if near else ""
        if near and near not in self._anatomy.documentation[kind] and kind not in ("security scheme", "link"):
            self.problems.error(place, message, hint)
        else:
            self.problems.warning(place, f"{message}: it is ignored", hint)


def _nearest(key: str, known: Iterable[str]) -> str:
    """The one of ``known`` that was probably meant by ``key``, if any."""
    by_letters = {name.lower(): name for name in known}
    close = difflib.get_close_matches(key.lower(), by_letters, n=1, cutoff=0.75)
    return by_letters[close[0]] if close else ""


def _place(pointer: str, violation: Violation) -> str:
    path = violation.path
    if violation.keyword.endswith("Properties") and violation.names:
        path = (*path, violation.names[0])
    return pointers.join(pointer, *path)


def _subject(violation: Violation) -> str:
    return _named(violation.path[-1] if violation.path else "")


def _named(name: object) -> str:
    return f"{name} " if isinstance(name, str) and 0 < len(name) <= 60 else "this "
