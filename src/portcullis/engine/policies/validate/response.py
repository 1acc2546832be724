"""Answers as the OpenAPI document declares them: status, media type, and the JSON body.

What
    The status of an answer must be declared (``200``, ``2XX`` or ``default``), its media type must be one that is
    declared for that status, and a JSON body must be readable in one way only and fit its schema. Fields of it that the
    schema does not declare are taken out before the client sees them (``strip``), and so are ``writeOnly`` ones. An
    answer that has to be read is held back until it is whole, up to ``max_response`` bytes; it is asked for
    without a content coding, and one that comes in gzip, deflate, br or zstd is decoded within the same bounds. What
    can't be read, because it is too large or can't be decoded, is refused: nothing passes unseen. Answers with bodies
    that are not JSON stream through once their status and media type are right. ``304`` needs no declaration where the
    request had a condition, ``206`` none where it asked for a range of what is declared as ``200``. An operation
    whose document declares no answers, or one of whose answers has no schema, can't be checked there:
    ``portcullis check`` names it.

Why
    API3:2023 Broken Object Property Level Authorization: services hand out whole database rows, and clients show
    what they need of them; what the document does not name, nobody should see. API8:2023 Security Misconfiguration:
    unhandled errors come with inner details in them. API10:2023 Unsafe Consumption of APIs: a consumer can rely on
    the document.

Config
    ``mode``: ``enforce``, ``monitor`` (record, let pass) or ``off``; on unless it is turned off. ``on_undeclared``, for
    body fields: ``strip``, ``refuse`` or ``allow``. ``formats``: ``assert``, or ``ignore`` for services whose values do
    not have the formats that the document says. How much may be held back is ``max_response`` of the API, version
    or operation.

When it fails
    The client learns that the service's answer was unusable (``validate.response``), never how. Where the service's
    status is 400 or more it stays, with a problem document as the body; else it becomes 502. In the record:
    ``validate.undeclared_status``, ``validate.response_media_type``, ``validate.response_malformed``,
    ``validate.response_field`` (undeclared; also, as a modification, for what was stripped; every ten seconds at most a
    record names an example) and ``validate.response_schema``.

Example
    .. code-block:: yaml

        apis:
          shop:
            validate: {response: {mode: enforce, on_undeclared: strip}}
            max_response: 8MiB
            operations:
              "GET /export":
                validate: {response: {mode: monitor}}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
import orjson

from portcullis.engine import media_type, strict_json
from portcullis.engine.codes import Code
from portcullis.engine.config.section import Section
from portcullis.engine.decision import Finding, Modify, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.openapi.explaining import ValueExplainer
from portcullis.engine.openapi.response_reading import SpecResponse
from portcullis.engine.openapi.wording import UNDECLARED
from portcullis.engine.policy import Mode, Policy, Probe, Step
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView

if TYPE_CHECKING:
    from portcullis.engine.openapi.document import Checks
    from portcullis.engine.operation import OperationContext

_TITLE: Final = "The service's answer is not what its document declares"
RESPONSE: Final = Code("validate.response", 502, _TITLE)
UNDECLARED_STATUS: Final = Code("validate.undeclared_status", 502, _TITLE, RESPONSE)
RESPONSE_MEDIA_TYPE: Final = Code("validate.response_media_type", 502, _TITLE, RESPONSE)
RESPONSE_MALFORMED: Final = Code("validate.response_malformed", 502, _TITLE, RESPONSE)
RESPONSE_FIELD: Final = Code("validate.response_field", 502, _TITLE, RESPONSE)
RESPONSE_SCHEMA: Final = Code("validate.response_schema", 502, _TITLE, RESPONSE)

# Asked of the service only if it would get in the way: a part of an answer, or an encoded one, can't be checked.
_UNENCODED: Final = Modify(remove_fields=frozenset({b"accept-encoding"}))
_UNENCODED_WHOLE: Final = Modify(remove_fields=frozenset({b"accept-encoding", b"range", b"if-range"}))
_CONDITIONS: Final = (b"if-none-match", b"if-modified-since")
_BODY: Final = ("response", "body")
_MAX_FIELD: Final = 256
_REMEMBERED: Final = 64
_EXPLAINED_EVERY_NS: Final = 10 * 10**9
"""How often the record names what was stripped: to find out takes longer than the stripping."""


class ResponseValidationConfig(Section):
    """Validation of answers."""

    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""
    on_undeclared: Literal["strip", "refuse", "allow"] = "strip"
    """What becomes of fields of a JSON body that the document does not declare."""
    formats: Literal["assert", "ignore"] = "assert"
    """``assert``: values have the ``format`` that their schema says; ``ignore``: it is no more than a note."""


class Declared(msgspec.Struct, frozen=True):
    """What is declared for one status. ``names``: the checker's names of the JSON bodies' schemas, by media range.

    ``ranges``: all media ranges; where there are none the document does not speak of a body, and any passes.
    """

    status: str
    ranges: tuple[media_type.MediaType, ...]
    names: Mapping[media_type.MediaType, str]


class DeclaredResponses:
    """The declared answers of one operation, by status."""

    def __init__(self, responses: tuple[SpecResponse, ...], names: Mapping[str, str]) -> None:
        self._exact: dict[int, Declared] = {}
        self._ranges: dict[str, Declared] = {}
        for response in responses:
            declared = _declared(response, names)
            if response.status.isdigit():
                self._exact[int(response.status)] = declared
            else:
                self._ranges[response.status.upper()] = declared
        self.statuses = ", ".join([response.status for response in responses])
        self.holds_json = any(each.names for each in (*self._exact.values(), *self._ranges.values()))
        # A service gives few different answers to one operation, and to find out costs more than all the rest.
        self._remembered: dict[tuple[int, bytes | None], tuple[Declared | None, str | None]] = {}

    def look_up(self, response: ResponseView) -> tuple[Declared | None, str | None]:
        """What is declared for the status of ``response``, and the checker's name of the schema for its media type.

        The name is ``""`` where any body may pass, ``None`` where none of that media type may.
        """
        status = response.status
        if status == 206 and self._of(206) is None and b"range" in response.request.headers:
            status = 200  # RFC 9110 15.3.7: a part of what a 200 would be
        content_type = response.headers.get(b"content-type")
        key = (status, content_type)
        known = self._remembered.get(key)
        if known is None:
            known = self._look_up(status, content_type)
            if len(self._remembered) < _REMEMBERED and len(content_type or b"") <= _MAX_FIELD:
                self._remembered[key] = known
        return known

    def _of(self, status: int) -> Declared | None:
        return self._exact.get(status) or self._ranges.get(f"{status // 100}XX") or self._ranges.get("DEFAULT")

    def _look_up(self, status: int, content_type: bytes | None) -> tuple[Declared | None, str | None]:
        declared = self._of(status)
        return declared, None if declared is None else _schema_of(declared, content_type)


def _schema_of(declared: Declared, content_type: bytes | None) -> str | None:
    if not declared.ranges:
        return ""
    if content_type is None:
        return None
    try:
        actual = media_type.parse_once(content_type.decode("latin-1"))
    except ValueError:
        return None
    best = media_type.best_match(actual, declared.ranges)
    if best is None:
        return None
    if not actual.is_json:
        return ""
    # JSON is UTF-8 (RFC 8259 8.1), whatever else a service says.
    return declared.names.get(best, "") if actual.parameter("charset") in (None, "utf-8") else None


def _declared(response: SpecResponse, names: Mapping[str, str]) -> Declared:
    if not response.content:
        return _without_body(response.status)
    return Declared(
        status=response.status,
        ranges=tuple([content.media_range for content in response.content]),
        names={
            content.media_range: names[content.schema]
            for content in response.content
            if content.schema is not None and content.schema in names and content.holds_json
        },
    )


@lru_cache(maxsize=1024)
def _without_body(status: str) -> Declared:
    """Many answers of a document have no body, and are then the same."""
    return Declared(status, (), {})


def compile_response(config: ResponseValidationConfig, context: OperationContext) -> tuple[Step, ...]:
    """The steps that validate one operation's answers; none where its document declares no answers."""
    responses = context.operation.responses
    if config.mode == "off" or not responses:
        return ()
    checks = response_checks(config, context)
    declared = DeclaredResponses(responses, checks.names)
    source = context.document.reference(f"{context.operation.pointer}/responses")
    monitor = config.mode == "monitor"
    steps = [Step(POLICY.name, "response_head", _head_step(declared, source), monitor)]
    if declared.holds_json:
        explainer = ValueExplainer(context.document.reference, checks.checker)
        strips = config.on_undeclared == "strip"
        check = _body_step(declared, checks, explainer, source, context.ports.clock.now_ns, strips=strips)
        steps += [
            Step(POLICY.name, "head", _ask_for_whole, monitor),
            Step(POLICY.name, "response_body", check, monitor, wants=_wants(declared)),
        ]
    return tuple(steps)


def response_checks(config: ResponseValidationConfig, context: OperationContext) -> Checks:
    """What answers are checked against, by ``config``."""
    closed: Literal["refuse", "allow"] = "allow" if config.on_undeclared == "allow" else "refuse"
    return context.document.checks(closed, "response", formats=config.formats == "assert")


def _ask_for_whole(request: RequestView, _facts: Facts) -> Modify | None:
    """Ask the service for answers that can be read: whole ones, in no content coding."""
    headers = request.headers
    if b"range" in headers:
        return _UNENCODED_WHOLE
    return _UNENCODED if b"accept-encoding" in headers else None


def _head_step(declared: DeclaredResponses, source: str) -> Callable[[ResponseView, Facts], Refuse | None]:
    def check_head(response: ResponseView, _facts: Facts) -> Refuse | None:
        found, name = declared.look_up(response)
        if found is None:
            if response.status == 304 and any(name in response.request.headers for name in _CONDITIONS):
                return None  # RFC 9110 13.1: the client asked for it
            finding = Finding("/response/status", str(response.status), declared.statuses, source)
            return _refuse(UNDECLARED_STATUS, response, finding)
        if name is None and response.has_body and response.headers.get(b"content-length") != b"0":
            content_type = response.headers.get(b"content-type")
            shown = "none" if content_type is None else shorten(content_type.decode("latin-1"))
            ranges = ", ".join(map(str, found.ranges))
            finding = Finding("/response/header/content-type", shown, ranges, f"{source}/{found.status}")
            return _refuse(RESPONSE_MEDIA_TYPE, response, finding)
        return None

    return check_head


def _wants(declared: DeclaredResponses) -> Callable[[ResponseView], bool]:
    look_up = declared.look_up

    def wants(response: ResponseView) -> bool:
        return bool(look_up(response)[1])

    return wants


def _body_step(
    declared: DeclaredResponses,
    checks: Checks,
    explainer: ValueExplainer,
    source: str,
    now: Callable[[], int],
    *,
    strips: bool,
) -> Callable[[ResponseView, Facts], Refuse | Modify | None]:
    fits, strip, dumps = checks.checker.fits, checks.strip, orjson.dumps
    look_up = declared.look_up
    stripped = Finding("/response/body", "undeclared fields", "declared fields", source)
    explained_until = 0

    def check_body(response: ResponseView, _facts: Facts) -> Refuse | Modify | None:
        nonlocal explained_until
        name = look_up(response)[1]
        if not name:
            return None  # held back for another policy
        try:
            value: Any = response.value()
        except strict_json.MalformedJsonError as error:
            return _refuse(RESPONSE_MALFORMED, response, Finding("/response/body", shorten(str(error)), "JSON"))
        if fits({name: value}):
            return None
        explanation = None
        if strips:
            if now() >= explained_until:
                explained_until = now() + _EXPLAINED_EVERY_NS
                explanation = explainer.explain(name, value, "The body", _BODY)
            if strip(name, value) and fits({name: value}):
                finding = explanation.finding if explanation is not None else stripped
                return Modify(body=dumps(value), document=value, code=RESPONSE_FIELD, finding=finding)
        explanation = explainer.explain(name, value, "The body", _BODY)
        code = RESPONSE_FIELD if explanation.keyword in UNDECLARED else RESPONSE_SCHEMA
        return _refuse(code, response, explanation.finding)

    return check_body


def _refuse(code: Code, response: ResponseView, finding: Finding) -> Refuse:
    """Refuse the answer; a status of an error, which tells the client what it needs to know, stays."""
    return Refuse(code, finding=finding, status=response.status if response.status >= 400 else 0)


POLICY = Policy(
    phase="validate",
    key="response",
    config=ResponseValidationConfig,
    codes=(RESPONSE, UNDECLARED_STATUS, RESPONSE_MEDIA_TYPE, RESPONSE_MALFORMED, RESPONSE_FIELD, RESPONSE_SCHEMA),
    probes=(
        Probe("an answer with a status that is not declared", "undeclared_status", UNDECLARED_STATUS),
        Probe("an answer of a type that is not declared", "wrong_response_type", RESPONSE_MEDIA_TYPE),
        Probe("an answer that is cut short", "malformed_response", RESPONSE_MALFORMED),
        Probe("an answer with a field that is not declared", "undeclared_response_field", RESPONSE_FIELD),
        Probe("an answer with a field of another type", "wrong_response_value", RESPONSE_SCHEMA),
    ),
    compile=compile_response,
)
