"""Requests as the OpenAPI document declares them: parameters, media type, and the JSON body.

What
    Path, query and header parameters are read as their schema's type and checked against it; query parameters that
    the document does not name are refused. Header fields that it does not name pass, but not those that CGI and WSGI
    take for a named one (``page_size`` for ``page-size``). A ``;`` in a query parameter must be sent as ``%3B``, since
    some services split there too, unless ``on_undeclared`` is ``allow``. The media type must be one that
    the operation declares, compared by RFC 9110 (``Application/JSON; charset=UTF-8`` is JSON). A JSON body must be
    readable in one way only (no repeated keys, no integers over 64 bits, at most 254 levels) and fit its schema;
    fields that the schema does not declare are refused even if it forgot ``additionalProperties: false``. An object
    whose schema declares no properties at all is free-form and stays open, and so is one whose schema says itself
    what else it may hold (``additionalProperties``, ``patternProperties``, ``unevaluatedProperties``). ``format`` is
    not checked, as JSON Schema 2020-12 has it.

Why
    API3:2023 Broken Object Property Level Authorization: a service that binds whatever it gets is one undeclared
    ``is_admin`` away from trouble. API8:2023 Security Misconfiguration and API10:2023: what two parsers read
    differently (media types, repeated keys, encodings) is how checks are walked around. And what never reaches the
    service can't hurt it.

Config
    ``mode``: ``enforce``, ``monitor`` (record, let pass) or ``off``; on unless it is turned off. ``on_undeclared``,
    for query parameters and body fields: ``refuse``, ``strip`` (take them out and let the rest pass; the body is
    then written anew) or ``allow``. What of an operation can't be validated yet (cookie parameters, the style
    ``deepObject``, bodies that are not JSON) is an error in the file unless the mode is ``off`` for it.

When it fails
    415 ``validate.media_type`` with ``Accept``, ``validate.content_coding`` with ``Accept-Encoding``. All others are
    400: ``validate.undeclared_query``, ``validate.missing_parameter``, ``validate.bad_parameter``,
    ``validate.missing_body``, ``validate.unexpected_body``, ``validate.malformed_json``,
    ``validate.duplicate_key``, ``validate.undeclared_field``, ``validate.missing_field``, ``validate.wrong_type``
    and, for every other rule of a schema, ``validate.schema``. The caller is told which field and what is asked of
    it; the record also has what was found, and where the document says so.

Example
    .. code-block:: yaml

        apis:
          shop:
            validate: {request: {mode: enforce, on_undeclared: refuse}}
            operations:
              "POST /import":
                validate: {request: {mode: monitor}}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson

from portcullis.engine import strict_json
from portcullis.engine.codes import Code
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.section import Section
from portcullis.engine.decision import Finding, Modify, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.openapi.arguments import ArgumentError, ArgumentReader
from portcullis.engine.openapi.bodies import BodySelector, Unacceptable
from portcullis.engine.openapi.checker import Checker
from portcullis.engine.openapi.explaining import Explanation, RequestExplainer
from portcullis.engine.openapi.stripping import strip_undeclared
from portcullis.engine.openapi.wording import UNDECLARED
from portcullis.engine.policies.authenticate import credential_query_names, withheld_query_names
from portcullis.engine.policy import Mode, Policy, Probe, Step, StepFunction
from portcullis.engine.request import RequestView

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

UNDECLARED_QUERY: Final = Code("validate.undeclared_query", 400, "A query parameter is not declared")
MISSING_PARAMETER: Final = Code("validate.missing_parameter", 400, "A required parameter is missing")
BAD_PARAMETER: Final = Code("validate.bad_parameter", 400, "A parameter does not have a declared value")
MEDIA_TYPE: Final = Code("validate.media_type", 415, "The media type of the body is not declared")
CONTENT_CODING: Final = Code("validate.content_coding", 415, "Encoded request bodies are not accepted")
MISSING_BODY: Final = Code("validate.missing_body", 400, "A body is required")
UNEXPECTED_BODY: Final = Code("validate.unexpected_body", 400, "No body is declared")
MALFORMED_JSON: Final = Code("validate.malformed_json", 400, "The body is not JSON that reads one way only")
DUPLICATE_KEY: Final = Code("validate.duplicate_key", 400, "An object of the body has the same key twice")
UNDECLARED_FIELD: Final = Code("validate.undeclared_field", 400, "A field of the body is not declared")
MISSING_FIELD: Final = Code("validate.missing_field", 400, "A required field of the body is missing")
WRONG_TYPE: Final = Code("validate.wrong_type", 400, "A field of the body has another type than declared")
SCHEMA: Final = Code("validate.schema", 400, "The body does not fit its schema")

_OF_ARGUMENTS: Final = {"undeclared": UNDECLARED_QUERY, "missing": MISSING_PARAMETER}
_OF_KEYWORDS: Final = {
    **dict.fromkeys(UNDECLARED, UNDECLARED_FIELD),
    "required": MISSING_FIELD,
    "type": WRONG_TYPE,
}

HeadCheck = Callable[[RequestView], Refuse | None]


class RequestValidationConfig(Section):
    """Validation of requests."""

    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""
    on_undeclared: Literal["refuse", "strip", "allow"] = "refuse"
    """What becomes of query parameters and body fields that the document does not declare."""


def compile_request(config: RequestValidationConfig, context: OperationContext) -> tuple[Step, ...]:
    """The steps that validate one operation's requests: one for the head and, if it takes a body, one for that.

    Raises :class:`ConfigurationError` if something of the operation can't be validated.
    """
    if config.mode == "off":
        return ()
    operation = context.operation
    if operation.unsupported:
        raise ConfigurationError(operation.unsupported)
    checks = context.document.checks("allow" if config.on_undeclared == "allow" else "refuse")
    checker = checks.checker
    explainer = RequestExplainer(context.document.source, operation, checker, checks.names)
    reader = ArgumentReader(
        operation.parameters,
        checks.names,
        checker.fits,
        config.on_undeclared,
        credentials=credential_query_names(context) | operation.credentials,
        withheld=withheld_query_names(context),
    )
    monitor = config.mode == "monitor"
    if operation.body is None:
        return (Step(POLICY.name, "head", _head_step(reader, checker, explainer, _no_body), monitor),)
    bodies = BodySelector(operation.body, checks.names)
    missing = _missing(bodies.accepted) if operation.body.required else None
    strips = config.on_undeclared == "strip"
    return (
        Step(POLICY.name, "head", _head_step(reader, checker, explainer, _announced_body(bodies, missing)), monitor),
        Step(POLICY.name, "body", _body_step(bodies, missing, checker, explainer, strips=strips), monitor),
    )


def _head_step(
    reader: ArgumentReader, checker: Checker, explainer: RequestExplainer, check_body: HeadCheck
) -> StepFunction:
    read, fits = reader.read, checker.fits

    def check_head(request: RequestView, _facts: Facts) -> Refuse | Modify | None:
        try:
            values, query = read(request)
        except ArgumentError as error:
            return _refuse(_OF_ARGUMENTS.get(error.fault, BAD_PARAMETER), explainer.argument(error))
        if values and not fits(values):
            return _refuse(BAD_PARAMETER, explainer.wrong_argument(values))
        if (refusal := check_body(request)) is not None:
            return refusal
        return None if query is None else Modify(query=query)

    return check_head


def _body_step(
    bodies: BodySelector, missing: Refuse | None, checker: Checker, explainer: RequestExplainer, *, strips: bool
) -> StepFunction:
    fits, loads, select = checker.fits, strict_json.loads, bodies.select

    def check_body(request: RequestView, _facts: Facts) -> Refuse | Modify | None:
        body = request.body
        if not body:
            return missing if request.has_body else None  # where none was announced the head step has said so
        name = select(request.headers.get(b"content-type"))
        if isinstance(name, Unacceptable):
            return None  # the head was refused for it, and in monitor mode that is all there is to say
        try:
            value: Any = loads(body)
        except strict_json.MalformedJsonError as error:
            return _unreadable(error)
        if not name or fits({name: value}):
            return None
        if strips and strip_undeclared(value, name, checker):
            return Modify(body=orjson.dumps(value))
        explanation = explainer.body(name, value)
        return _refuse(_OF_KEYWORDS.get(explanation.keyword, SCHEMA), explanation)

    return check_body


def _no_body(request: RequestView) -> Refuse | None:
    if not request.has_body:
        return None
    return Refuse(UNEXPECTED_BODY, "This operation takes no body.", Finding("/body", "a body", "no body"))


def _announced_body(bodies: BodySelector, missing: Refuse | None) -> HeadCheck:
    """Checks what the head says about the body: that there is one, and of a kind that the operation takes."""
    accept = ((b"accept", bodies.accepted.encode("latin-1")),)  # RFC 9110 15.5.16

    def check(request: RequestView) -> Refuse | None:
        if not request.has_body:
            return missing
        coding = request.headers.get(b"content-encoding")
        if coding is not None and coding.lower() != b"identity":
            where = Finding("/header/content-encoding", shorten(coding.decode("latin-1")), "identity")
            return Refuse(CONTENT_CODING, "Send the body as it is.", where, ((b"accept-encoding", b"identity"),))
        selected = bodies.select(request.headers.get(b"content-type"))
        if not isinstance(selected, Unacceptable):
            return None
        where = Finding("/header/content-type", shorten(selected.found), bodies.accepted)
        return Refuse(MEDIA_TYPE, selected.reason, where, accept)

    return check


def _missing(accepted: str) -> Refuse:
    return Refuse(MISSING_BODY, "This operation needs a body.", Finding("/body", "no body", accepted))


def _unreadable(error: strict_json.MalformedJsonError) -> Refuse:
    if isinstance(error, strict_json.DuplicateKeyError):
        finding = Finding("/body", f"the key {shorten(error.name, 60)} twice", "each key once")
        return Refuse(DUPLICATE_KEY, f"The key {shorten(error.name, 60)} is given twice in one object.", finding)
    return Refuse(MALFORMED_JSON, f"The body can't be read: {error}.", Finding("/body", str(error), "JSON (RFC 8259)"))


def _refuse(code: Code, explanation: Explanation) -> Refuse:
    return Refuse(code, explanation.detail, explanation.finding)


POLICY = Policy(
    phase="validate",
    key="request",
    config=RequestValidationConfig,
    codes=(
        UNDECLARED_QUERY,
        MISSING_PARAMETER,
        BAD_PARAMETER,
        MEDIA_TYPE,
        CONTENT_CODING,
        MISSING_BODY,
        UNEXPECTED_BODY,
        MALFORMED_JSON,
        DUPLICATE_KEY,
        UNDECLARED_FIELD,
        MISSING_FIELD,
        WRONG_TYPE,
        SCHEMA,
    ),
    probes=(
        Probe("a query parameter that is not declared", "undeclared_query", UNDECLARED_QUERY),
        Probe("a path value that its schema does not allow", "bad_path_value", BAD_PARAMETER),
        Probe("a body of a type that is not declared", "wrong_media_type", MEDIA_TYPE),
        Probe("a body that is cut short", "malformed_json", MALFORMED_JSON),
        Probe("a key given twice", "duplicate_json_key", DUPLICATE_KEY),
        Probe("a field that is not declared", "undeclared_field", UNDECLARED_FIELD),
        Probe("a field of another type", "wrong_type", WRONG_TYPE),
        Probe("a required field left out", "missing_required", MISSING_FIELD),
    ),
    compile=compile_request,
)
