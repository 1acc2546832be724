"""Requests as the OpenAPI document declares them: parameters, media type, and the body, whatever kind it is.

What
    Path, query, header and cookie parameters are read as their schema's type, in the style that the document says, and
    checked against it: every style of OpenAPI as RFC 6570 has it written, objects in brackets (``deepObject``) up to
    eight levels deep, JSON in a parameter. A list whose commas came encoded (``ids=1%2C2``) is read, and sent on with
    plain commas, unless its items may hold commas. A ``;`` in a query parameter must be sent as ``%3B``, since some
    services split there too, unless the document says ``allowReserved`` or ``on_undeclared`` is ``allow``.

    Header fields that the document does not name pass, but not those that CGI and WSGI take for a named one
    (``page_size`` for ``page-size``). Cookies that it does not name are taken out; those of its security schemes count
    as named. A named cookie is written as RFC 6265 has it, without quotes, and once. Where the others are let through
    (``allow``), they may be written as they like but for what a service may read as a named one, or that makes it read
    these otherwise: ``$Version``, the name of a named cookie in other letters, codes or brackets, or one behind a
    comma, a blank or a quote.

    The media type must be one that the operation declares, compared by RFC 9110 (``Application/JSON; charset=UTF-8`` is
    JSON); text is UTF-8. Content codings (gzip, deflate, br, zstd) are taken off first, within bounds.

    JSON must be readable in one way only: no repeated keys, no integers over 64 bits, no NUL in strings. Forms
    (``application/x-www-form-urlencoded``) are read like a query, by the encoding that the document gives each field;
    objects in them are JSON unless it says otherwise. Of ``multipart/form-data`` each part is checked as it comes, by
    the schema and the content type of its property, while the body streams on; files are counted, and their names
    must be plain names. Text and bytes stream too, unless their schema needs them whole. XML is read by the ``xml``
    objects of its schema, without document types, entities, comments and processing instructions, and with names of
    namespaces of at most 256 characters. What no rule here can read (``application/zip``) passes where the document
    names that very media type, and is counted.

    Fields and parts that the schema does not declare are refused even if it forgot ``additionalProperties: false``. An
    object whose schema declares no properties at all is free-form and stays open, and so is one whose schema says
    itself what else it may hold (``additionalProperties``, ``patternProperties``, ``unevaluatedProperties``). Fields
    that are ``readOnly`` count as undeclared, and need not be there. Where a ``discriminator`` tells which alternative
    is meant, that one counts and no other. The formats of JSON Schema and of the OpenAPI format registry are checked.

Why
    API3:2023 Broken Object Property Level Authorization: a service that binds whatever it gets is one undeclared
    ``is_admin`` away from trouble. API8:2023 Security Misconfiguration and API10:2023: what two parsers read
    differently (media types, repeated keys, encodings, the boundaries of a form) is how checks are walked around.
    API4:2023 Unrestricted Resource Consumption: what is too deep or too large is refused before anybody works on it.
    And what never reaches the service can't hurt it.

Config
    ``mode``: ``enforce``, ``monitor`` (record, let pass) or ``off``; on unless it is turned off. ``on_undeclared``,
    one word or one each for ``query``, ``body`` and ``cookies``: ``refuse``, ``strip`` (take it out and let the rest
    pass; a body is then held back and written anew, but XML is refused) or ``allow``. One word ``refuse`` refuses no
    cookies but takes them out, since browsers send all that a site has. ``limits``: what a body may hold
    at most, whatever its schema says. ``formats``: ``assert``, or ``ignore`` for documents that say formats which their
    values do not have. What of an operation can't be validated (a parameter whose style can't hold its
    value, a ``multipart/mixed`` body) is an error in the file unless the mode is ``off`` for it.

    Where all schemas of a body have bounds, no larger body than they allow is read: ``max_body`` is that at most, but
    never less than 16 KiB.

When it fails
    415 ``validate.media_type`` with ``Accept``, ``validate.content_coding`` with ``Accept-Encoding``. All others are
    400. Of parameters: ``validate.undeclared_query``, ``validate.undeclared_cookie``, ``validate.missing_parameter``,
    ``validate.bad_parameter``. Of bodies: ``validate.missing_body``, ``validate.unexpected_body``; not of their media
    type ``validate.malformed_json``, ``validate.malformed_body``; ``validate.duplicate_key`` (a key, a field, a part
    twice), ``validate.body_limit``, ``validate.part`` (what the header fields of a part say), ``validate.file_name``;
    ``validate.undeclared_field``, ``validate.missing_field``, ``validate.wrong_type`` and, for every other rule of a
    schema, ``validate.schema``. The caller is told which field and what is asked of it; the record also has what was
    found, and where the document says so.

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
from typing import TYPE_CHECKING, Annotated, Final, Literal, get_args

from pydantic import BeforeValidator, Field

from portcullis.engine.codes import Code
from portcullis.engine.codings import SUPPORTED, CodingError, decoder
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Meaning
from portcullis.engine.decision import Finding, Modify, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.openapi.arguments import ArgumentError, ArgumentReader, Undeclared
from portcullis.engine.openapi.bodies.checking import BodyChecker, StreamedCheck
from portcullis.engine.openapi.bodies.selecting import BodySelector, Unacceptable
from portcullis.engine.openapi.checker import Checker
from portcullis.engine.openapi.explaining import Explanation, RequestExplainer
from portcullis.engine.openapi.parameter_reading import Location
from portcullis.engine.openapi.wording import UNDECLARED
from portcullis.engine.policies.authenticate import credential_query_names, withheld_query_names
from portcullis.engine.policy import Mode, Policy, Probe, Step, StepFunction
from portcullis.engine.request import RequestView
from portcullis.engine.strict_json import MAX_DEPTH, Limits

if TYPE_CHECKING:
    from portcullis.engine.openapi.document import Checks
    from portcullis.engine.operation import OperationContext

UNDECLARED_QUERY: Final = Code("validate.undeclared_query", 400, "A query parameter is not declared")
UNDECLARED_COOKIE: Final = Code("validate.undeclared_cookie", 400, "A cookie is not declared")
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
MALFORMED_BODY: Final = Code(
    "validate.malformed_body", 400, "The body is not of its media type, or can be read in two ways"
)
BODY_LIMIT: Final = Code("validate.body_limit", 400, "The body holds more than is taken")
PART: Final = Code("validate.part", 400, "A part of the body is not as it must be")
FILE_NAME: Final = Code("validate.file_name", 400, "The name of a file could do harm")

_OF_ARGUMENTS: Final = {
    ("undeclared", "query"): UNDECLARED_QUERY,
    ("undeclared", "cookie"): UNDECLARED_COOKIE,
    **dict.fromkeys((("missing", location) for location in get_args(Location)), MISSING_PARAMETER),
}
_OF_BODIES: Final = {
    **dict.fromkeys((*UNDECLARED, "undeclared"), UNDECLARED_FIELD),
    **dict.fromkeys(("required", "missing"), MISSING_FIELD),
    "type": WRONG_TYPE,
    "duplicate": DUPLICATE_KEY,
    "malformed": MALFORMED_BODY,
    "malformed_json": MALFORMED_JSON,
    "limit": BODY_LIMIT,
    "part": PART,
    "file_name": FILE_NAME,
}
"""Codes by the keyword of a schema that a body breaks, or by why it can't be read."""

ALWAYS_READ: Final = 16 * 1024
"""Bytes of a body that is read however little its schemas allow."""

HeadCheck = Callable[[RequestView], Refuse | None]


class OnUndeclared(Section):
    """What becomes of what the document does not declare: ``refuse`` it, ``strip`` (take it out) or ``allow``."""

    query: Undeclared = "refuse"
    """Query parameters."""
    body: Undeclared = "refuse"
    """Fields of the body."""
    cookies: Undeclared = "strip"
    """Cookies; browsers send all that a site has."""


def _one_word_for_all(value: object) -> object:
    if isinstance(value, str) and value in get_args(Undeclared):
        return {"query": value, "body": value, "cookies": "strip" if value == "refuse" else value}
    return value


class BodyLimits(Section):
    """What a body may hold at most, whatever its schema says."""

    depth: int = Field(64, ge=1, le=MAX_DEPTH)
    """Arrays and objects, or XML elements, in one another (ASP.NET Core: 64, PHP: 512, Jackson: 1,000)."""
    keys: int = Field(100_000, ge=1)
    """Keys of all objects together, or XML elements and attributes (ASP.NET Core: 1,024 form fields)."""
    string: int = Field(20_000_000, ge=1)
    """Characters of one string or key (Jackson: 20,000,000)."""
    digits: int = Field(1_000, ge=64)
    """Characters of one number (Jackson: 1,000)."""

    def of_json(self) -> Limits:
        """The limits as readers take them."""
        return Limits(depth=self.depth, keys=self.keys, string=self.string, digits=self.digits)


class RequestValidationConfig(Section):
    """Validation of requests."""

    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""
    on_undeclared: Annotated[
        OnUndeclared,
        BeforeValidator(_one_word_for_all, json_schema_input_type=Undeclared | OnUndeclared),
        Meaning("refuse, strip or allow, or one of them for each of query, body and cookies", "refuse"),
    ] = OnUndeclared()
    """What becomes of what the document does not declare. One word is for all (but cookies are never refused by it)."""
    formats: Literal["assert", "ignore"] = "assert"
    """``assert``: values have the ``format`` that their schema says; ``ignore``: it is no more than a note."""
    limits: BodyLimits = BodyLimits()
    """What a body may hold at most, whatever its schema says."""


def compile_request(config: RequestValidationConfig, context: OperationContext) -> tuple[Step, ...]:
    """The steps that validate one operation's requests: one for the head and, if it takes a body, one for that.

    Raises :class:`ConfigurationError` if something of the operation can't be validated.
    """
    if config.mode == "off":
        return ()
    operation = context.operation
    if operation.unsupported:
        raise ConfigurationError(operation.unsupported)
    undeclared = config.on_undeclared
    checks = request_checks(config, context)
    checker = checks.checker
    explainer = RequestExplainer(context.document.reference, operation, checker, checks.names)
    reader = ArgumentReader(
        operation.parameters,
        checks.names,
        checker.fits,
        undeclared.query,
        cookies=undeclared.cookies,
        credentials=credential_query_names(context) | operation.credentials,
        credential_cookies=operation.keys.cookies,
        withheld=withheld_query_names(context),
        route=operation.route,
    )
    monitor = config.mode == "monitor"
    if operation.body is None:
        return (Step(POLICY.name, "head", _head_step(reader, checker, explainer, _no_body), monitor),)
    bodies = BodySelector(operation.body, checks.names, checker.fits, undeclared.body, config.limits.of_json())
    missing = _missing(bodies.accepted) if operation.body.required else None
    of_body = BodyChecker(checks, explainer, _refuse_body, missing, strips=undeclared.body == "strip")
    return (
        Step(POLICY.name, "head", _head_step(reader, checker, explainer, _announced_body(bodies, missing)), monitor),
        *_body_steps(bodies, of_body, monitor=monitor),
    )


def request_checks(config: RequestValidationConfig, context: OperationContext) -> Checks:
    """What requests are checked against, by ``config``."""
    closed: Literal["refuse", "allow"] = "allow" if config.on_undeclared.body == "allow" else "refuse"
    return context.document.checks(closed, formats=config.formats == "assert")


def largest_body(context: OperationContext) -> int | None:
    """Bytes of the largest body of an operation that its schemas let pass, however it is written.

    ``None`` if there is no such bound, or if others are not refused. What is small is read anyway: it costs little, and
    says more about what is wrong than its length does.
    """
    config: RequestValidationConfig = POLICY.config_in(context.settings.validate_)
    body = context.operation.body
    if config.mode != "enforce" or config.on_undeclared.body != "refuse" or body is None or body.largest is None:
        return None
    return max(body.largest, ALWAYS_READ)


def _head_step(
    reader: ArgumentReader, checker: Checker, explainer: RequestExplainer, check_body: HeadCheck
) -> StepFunction:
    read, fits = reader.read, checker.fits

    def check_head(request: RequestView, facts: Facts) -> Refuse | Modify | None:
        try:
            values, change = read(request)
        except ArgumentError as error:
            code = _OF_ARGUMENTS.get((error.fault, error.location), BAD_PARAMETER)
            return _refuse(code, explainer.argument(error))
        if values:
            facts.arguments = values
            if not fits(values):
                return _refuse(BAD_PARAMETER, explainer.wrong_argument(values))
        if (refusal := check_body(request)) is not None:
            return refusal
        return change

    return check_head


def _body_steps(bodies: BodySelector, checker: BodyChecker, *, monitor: bool) -> tuple[Step, ...]:
    """A step for bodies that are held back, and if there are others, one for those that stream."""
    select, whole, missing = bodies.select, checker.whole, checker.missing

    def check_body(request: RequestView, facts: Facts) -> Refuse | Modify | None:
        data = request.body
        if not data:
            return missing if request.has_body else None  # where none was announced the head step has said so
        body = select(request.headers.get(b"content-type"))
        if isinstance(body, Unacceptable):
            return None  # the head was refused for it, and in monitor mode that is all there is to say
        found = whole(body, data, facts)
        return Modify(body=found) if isinstance(found, bytes) else found

    if not bodies.streams:
        return (Step(POLICY.name, "body", check_body, monitor),)

    def wants(request: RequestView) -> bool:
        return select(request.headers.get(b"content-type")).is_held

    def scan_body(request: RequestView, facts: Facts) -> StreamedCheck | None:
        body = select(request.headers.get(b"content-type"))
        return None if isinstance(body, Unacceptable) or body.is_held else checker.scanner(body, facts)

    return (
        Step(POLICY.name, "body", check_body, monitor, wants=wants),
        Step(POLICY.name, "stream", scan_body, monitor),
    )


def _refuse_body(explanation: Explanation) -> Refuse:
    return _refuse(_OF_BODIES.get(explanation.keyword, SCHEMA), explanation)


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
        if coding is not None and (refusal := _unsupported(coding)) is not None:
            return refusal
        selected = bodies.select(request.headers.get(b"content-type"))
        if not isinstance(selected, Unacceptable):
            return None
        where = Finding("/header/content-type", shorten(selected.found), bodies.accepted)
        return Refuse(MEDIA_TYPE, selected.reason, where, accept)

    return check


def _missing(accepted: str) -> Refuse:
    return Refuse(MISSING_BODY, "This operation needs a body.", Finding("/body", "no body", accepted))


def _unsupported(coding: bytes) -> Refuse | None:
    try:
        decoder(coding, max_bytes=0)
    except CodingError as error:
        where = Finding("/header/content-encoding", shorten(coding.decode("latin-1")), SUPPORTED.decode())
        return Refuse(CONTENT_CODING, str(error), where, ((b"accept-encoding", SUPPORTED),))
    return None


def _refuse(code: Code, explanation: Explanation) -> Refuse:
    return Refuse(code, explanation.detail, explanation.finding)


POLICY = Policy(
    phase="validate",
    key="request",
    config=RequestValidationConfig,
    codes=(
        UNDECLARED_QUERY,
        UNDECLARED_COOKIE,
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
        MALFORMED_BODY,
        BODY_LIMIT,
        PART,
        FILE_NAME,
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
