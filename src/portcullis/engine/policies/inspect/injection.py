"""Attacks in the texts of a request: SQL, script, commands, paths, templates and more.

What
    Every text of a request is looked at, decoded: values of the path and of the query, header fields that hold free
    text, cookies, strings and keys of JSON, fields of forms, texts, names and file names of multipart, texts and
    attributes of XML, plain text. One pass of an automaton over all of them together finds what honest text hardly
    has; where there is something, detectors that know the language in question (SQL, markup, shells, templates) have
    the last word, so that prose with such words in it passes. Texts that are encoded once more (percent codes,
    entities, escapes, comments, NULs, overlong UTF-8) are looked at in the forms that a later reader sees, too.

    Fields that can't hold an attack are not looked at: where requests are validated (``validate.request`` in
    ``enforce``), numbers, booleans, enumerations, formats such as ``uuid`` or ``date`` and patterns that let only
    letters, digits and ``-_.:@+,`` through need no signature. Bodies that stream are scanned as they stream, and a
    match that is split over pieces is found: the request upstream is then aborted. What is no text (images, archives)
    passes: whether content is text is found out from its first bytes, not from its label. Answers are not inspected.

Why
    API8:2023 Security Misconfiguration, API10:2023 Unsafe Consumption of APIs, and the injection (A03:2021) of the
    general list: services build queries, pages and commands from what they are sent. A schema keeps that out wherever
    it is strict; this is for the fields that have to take anything.

Config
    ``mode``: ``enforce``, ``monitor`` (record, let pass) or ``off``; it is off where the file says nothing.
    ``allow``: what is let pass in spite of it, each with a ``pointer`` (``/body/comment``, ``/query/q``,
    ``/header/user-agent``, ``/cookie/theme``, ``/path/name``; ``*`` stands for any index or name) and the ids of
    ``patterns``. The record of a refusal says which to write. A pattern that does not exist, and a place where
    nothing is ever looked at, is an error.

When it fails
    403 ``inspect.injection``. The caller is told where; the record also has the pattern, what it is for, and the text
    around it (but not of fields that are called like secrets).

Example
    .. code-block:: yaml

        apis:
          shop:
            inspect: {injection: {mode: enforce}}
            operations:
              "POST /articles":
                inspect:
                  injection:
                    allow:
                      - {pointer: /body/html, patterns: [xss-102, xss-105]}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pydantic import Field, field_validator

from portcullis.engine.codes import Code
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.layers import Place, layers_of, written_at
from portcullis.engine.config.section import Section
from portcullis.engine.config.tree import pointer
from portcullis.engine.config.wording import suggest
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.grpc.building import DEFAULT_MAX_MESSAGE, method_of, methods_of
from portcullis.engine.inspection.allowances import Allowances, pointer_for
from portcullis.engine.inspection.inspector import the_inspector
from portcullis.engine.inspection.known import Known, Validated
from portcullis.engine.inspection.parts import pointer_of
from portcullis.engine.inspection.pattern import all_patterns, class_of
from portcullis.engine.inspection.requests import RequestInspection
from portcullis.engine.inspection.streaming import Found, Scanner
from portcullis.engine.openapi.document import SpecDocument
from portcullis.engine.openapi.pointer import join, split
from portcullis.engine.policies.authenticate import credential_header_names, credential_query_names
from portcullis.engine.policies.validate.request import RequestValidationConfig
from portcullis.engine.policy import BodyScanner, Mode, Policy, Probe, ScannerFunction, Step, StepFunction
from portcullis.engine.request import RequestView

if TYPE_CHECKING:
    from portcullis.engine.config.model import OperationSettings
    from portcullis.engine.grpc.descriptors import Method
    from portcullis.engine.operation import OperationContext

INJECTION: Final = Code("inspect.injection", 403, "The request holds what looks like an attack")

Layers = Sequence[tuple[Place, "OperationSettings"]]
_PLACE: Final = ("inspect", "injection")
_SECRET: Final = re.compile(r"passw|secret|token|credential|api_?key|\bpin\b|session|otp", re.IGNORECASE)
_MAX_POINTER: Final = 200


class Allowance(Section):
    """Patterns that are let pass at one place."""

    pointer: str
    """Where: a JSON pointer that begins with ``/path``, ``/query``, ``/header``, ``/cookie`` or ``/body``."""
    patterns: list[str] = Field(min_length=1)
    """Ids of patterns, such as ``xss-101``."""

    @field_validator("pointer")
    @classmethod
    def _is_pointer(cls, value: str) -> str:
        if not value.startswith("/"):
            raise ValueError("a pointer begins with a slash: /body/comment")
        return value


class InjectionConfig(Section):
    """Attacks in the texts of requests."""

    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""
    allow: list[Allowance] = []
    """What is let pass in spite of it."""


def compile_injection(config: InjectionConfig, context: OperationContext) -> tuple[Step, ...]:
    """The steps that inspect requests of one operation. Raises :class:`ConfigurationError`."""
    if config.mode == "off":
        return ()
    known = known_of(context)
    layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
    _check(config, known, context, layers)
    allowances = Allowances((each.pointer, each.patterns) for each in config.allow)
    inspection = RequestInspection(the_inspector(), known, allowances)
    refuse = _Refusal("#" + join("", *written_at(layers, *_PLACE)))
    monitor = config.mode == "monitor"
    head = Step(POLICY.name, "head", _head_step(inspection, refuse), monitor)
    if not known.takes_body:
        return (head,)
    if (method := method_of(context)) is not None:
        return (head, *_message_steps(method, allowances, refuse, context, monitor=monitor))
    return (
        head,
        Step(POLICY.name, "body", _body_step(inspection, refuse), monitor, wants=inspection.wants),
        Step(POLICY.name, "stream", _stream_step(inspection, refuse), monitor),
    )


def _message_steps(
    method: Method, allowances: Allowances, refuse: _Refusal, context: OperationContext, *, monitor: bool
) -> tuple[Step, ...]:
    """The steps that look at the messages of a gRPC call."""
    from portcullis.engine.grpc.inspecting import MessageInspection  # noqa: PLC0415 - which needs an extra
    from portcullis.engine.grpc.messages import MessageType  # noqa: PLC0415

    config = getattr(context.settings.validate_, "grpc", None)
    most = DEFAULT_MAX_MESSAGE if config is None else config.max_message
    inspection = MessageInspection(the_inspector(), MessageType(method.request), allowances, refuse, most)
    if method.streams_requests:
        return (Step(POLICY.name, "stream", inspection.stream(), monitor),)
    return (Step(POLICY.name, "body", inspection.whole(), monitor),)


def known_of(context: OperationContext) -> Known:
    """What is known of requests of the operation; nothing, where they are not validated or only monitored."""
    validation = getattr(context.settings.validate_, "request", None) or RequestValidationConfig()
    validated = None
    if validation.mode == "enforce" and not context.operation.unsupported:
        undeclared = validation.on_undeclared
        checks = context.document.checks("allow" if undeclared.body == "allow" else "refuse")
        validated = Validated(checks, undeclared.query == "allow", undeclared.body == "allow")
    return Known(context.operation, validated, credential_header_names(context), credential_query_names(context))


class _Refusal:
    """Makes refusals; ``source``: where the file asks for the inspection."""

    def __init__(self, source: str) -> None:
        self._source = source

    def __call__(self, found: Found) -> Refuse:
        pattern = found.hit.pattern
        where = shorten(pointer_of(found.path), _MAX_POINTER)
        is_secret = _SECRET.search(where) is not None
        excerpt = "" if is_secret else f": {found.hit.excerpt}"
        rule = f"{{pointer: {shorten(pointer_for(found.path), _MAX_POINTER)}, patterns: [{pattern.id}]}}"
        return Refuse(
            INJECTION,
            f"What stands at {where} is not accepted.",
            Finding(
                pointer=where,
                found=shorten(f"{pattern.id} {class_of(pattern.id).title}{excerpt}"),
                allowed=f"text without {pattern.description}; or allow: {rule}",
                source=self._source,
            ),
        )


def _head_step(inspection: RequestInspection, refuse: _Refusal) -> StepFunction:
    look = inspection.head

    def inspect_head(request: RequestView, facts: Facts) -> Refuse | None:
        found = look(request, facts)
        return None if found is None else refuse(found)

    return inspect_head


def _body_step(inspection: RequestInspection, refuse: _Refusal) -> StepFunction:
    look = inspection.whole

    def inspect_body(request: RequestView, facts: Facts) -> Refuse | None:
        found = look(request, facts)
        return None if found is None else refuse(found)

    return inspect_body


def _stream_step(inspection: RequestInspection, refuse: _Refusal) -> ScannerFunction:
    def inspect_stream(request: RequestView, _facts: Facts) -> BodyScanner | None:
        scanner = inspection.scanner(request)
        return None if scanner is None else _Streamed(scanner, refuse)

    return inspect_stream


class _Streamed:
    """A scanner whose finds are refusals."""

    __slots__ = ("_refuse", "_scanner")

    def __init__(self, scanner: Scanner, refuse: _Refusal) -> None:
        self._scanner = scanner
        self._refuse = refuse

    @property
    def held(self) -> int:
        """Nothing that counts."""
        return 0

    def feed(self, data: bytes) -> Refuse | None:
        """Look at the next piece."""
        found = self._scanner.feed(data)
        return None if found is None else self._refuse(found)

    def end(self) -> Refuse | None:
        """The body is whole."""
        found = self._scanner.end()
        return None if found is None else self._refuse(found)


def _check(config: InjectionConfig, known: Known, context: OperationContext, layers: Layers) -> None:
    """See whether everything that is allowed is something that could be found at that place."""
    where = written_at(layers, *_PLACE, "allow")
    ids = [pattern.id for pattern in all_patterns()]
    errors = []
    for index, allowance in enumerate(config.allow):
        for position, name in enumerate(allowance.patterns):
            if name not in ids:
                at = pointer((*where, index, "patterns", position))
                hint = suggest(name, ids, "known")
                errors.append(Diagnostic("", 0, 0, at, f"there is no pattern {shorten(name, 60)}", hint))
        reason = _why_not(tuple(split(allowance.pointer)), known, context, where)
        if reason is not None:
            at = pointer((*where, index, "pointer"))
            message = f"{shorten(allowance.pointer, 100)} allows nothing: {reason}"
            errors.append(Diagnostic("", 0, 0, at, message, "write the pointer that the record of a refusal shows"))
    if errors:
        raise ConfigurationError(errors)


def _why_not(tokens: tuple[str, ...], known: Known, context: OperationContext, where: Place) -> str | None:
    """Why nothing is ever looked at there; what is written for many operations must be there in one of them."""
    if tokens[0] == "body" and (methods := methods_of(context)):
        return None if _any_takes(tokens[1:], methods) else "no method's message has a text there"
    reason = known.why_not(tokens)
    if reason is None or "operations" in (where[2:3] + where[4:5]) or tokens[0] not in ("path", "query", "body"):
        return reason
    of_api = where[2] != "versions"
    if (of_api and len(context.api.versions) > 1) or _any_has(tokens, context.document, known.validated):
        return None
    return "no operation has it, or a schema that leaves room for an attack there"


def _any_takes(tokens: tuple[str, ...], methods: Iterable[Method]) -> bool:
    from portcullis.engine.grpc.messages import has_text_at  # noqa: PLC0415 - as above

    return any(has_text_at(method.request, tokens) for method in methods)


@lru_cache(maxsize=256)
def _any_has(tokens: tuple[str, ...], document: SpecDocument, validated: Validated | None) -> bool:
    return any(Known(operation, validated).why_not(tokens) is None for operation in document.operations)


POLICY = Policy(
    phase="inspect",
    key="injection",
    config=InjectionConfig,
    codes=(INJECTION,),
    probes=(Probe("an attack in a value", "injection", INJECTION),),
    compile=compile_injection,
)
