"""Which web pages of other origins may call, answered for the service (CORS, by the Fetch standard).

What
    A browser asks before it lets a page of another origin send anything but a plain form (*preflight*): the gateway
    answers that itself, before any credential is asked for, since a preflight never carries one. It names the methods
    that the document declares for the path. Calls from an allowed origin are answered with
    ``Access-Control-Allow-Origin``, refusals too, so that a page can read why. A call with an ``Origin`` that is
    neither allowed nor the API's own is refused: the browser would keep the answer from the page, but the call would
    have been made. What the service says about CORS itself never crosses. Where the file says nothing about ``cors``,
    no field of it is written, and no origin is looked at.

Why
    API8:2023 Security Misconfiguration: "a Cross-Origin Resource Sharing policy is missing or improperly set". The two
    common mistakes, to answer with whatever origin asked and to allow credentials from anywhere, can't be written here.

Config
    ``origins``: ``https://app.example.com``, ``https://*.example.com`` for all hosts below a domain, or ``"*"`` for
    any, which is an error together with ``credentials``. ``headers``: names that a page may send; default: those that
    the document declares, ``Content-Type`` where there is a body, and what carries the API's keys. ``expose``: names of
    the answer that a page may read. ``max_age``: for how long a browser remembers the answer. ``mode``: where it is
    ``monitor``, pages of the origins that are named get leave as ever; what comes from any other one is recorded and
    goes its way, preflights too: to the service where the document declares ``OPTIONS`` (else 405), and what the
    service says about CORS crosses to it. So nothing breaks for an origin that was forgotten.

When it fails
    403 ``guard.origin_denied``.

Example
    .. code-block:: yaml

        apis:
          shop:
            guard:
              cors:
                origins: ["https://app.example.com"]
                credentials: true
                expose: [RateLimit]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from pydantic import AfterValidator, Field, model_validator

from portcullis.engine.codes import METHOD_NOT_ALLOWED, Code
from portcullis.engine.config.names import FieldName
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Duration
from portcullis.engine.decision import Answer, Finding, Modify, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.origins import Origins, check_origin, is_own
from portcullis.engine.policies.authenticate import credential_header_names
from portcullis.engine.policy import Decision, Mode, Policy, Probe, Step
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

ORIGIN_DENIED: Final = Code("guard.origin_denied", 403, "This origin may not call")

_OF_CORS: Final = frozenset(
    b"access-control-" + name
    for name in (
        b"allow-origin",
        b"allow-credentials",
        b"allow-headers",
        b"allow-methods",
        b"expose-headers",
        b"max-age",
    )
)
_ASKS_FOR_METHOD: Final = b"access-control-request-method"
_REMEMBERED: Final = 64
"""Origins whose answers are remembered, for each operation."""


class CorsConfig(Section):
    """Which web pages of other origins may call."""

    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (other origins are recorded, and treated as if there were no ``cors``) or ``off``."""
    origins: list[Annotated[str, AfterValidator(check_origin)]] = Field(min_length=1)
    """Origins that may call: ``https://app.example.com``, ``https://*.example.com``, or ``*`` for any."""
    credentials: bool = False
    """Whether a browser may send cookies and other credentials of its own."""
    headers: list[FieldName] | None = None
    """Names of fields that a page may send; default: what the document declares and authentication needs."""
    expose: list[FieldName] = []
    """Names of fields of answers that a page may read."""
    max_age: Duration = 600.0
    """For how long a browser may remember what it was told."""

    @model_validator(mode="after")
    def _is_safe(self) -> CorsConfig:
        if self.credentials and "*" in self.origins:
            raise ValueError('credentials can\'t be allowed from any origin: name the origins instead of "*"')
        return self


def _is_preflight(request: RequestView) -> bool:
    headers = request.headers
    return request.method == "OPTIONS" and b"origin" in headers and _ASKS_FOR_METHOD in headers


def compile_cors(config: CorsConfig, _context: OperationContext) -> tuple[Step, ...]:
    """The steps that check the origin of one operation's calls, and tell a browser what it may do with the answer."""
    if config.mode == "off":
        return ()
    origins = Origins(config.origins)

    def check(request: RequestView, _facts: Facts) -> Refuse | None:
        value = request.headers.get(b"origin")
        if value is None or _is_preflight(request):
            return None  # preflights have been judged by what they ask for
        origin = value.decode("latin-1")
        return None if origins.allow(origin) or is_own(origin, request) else _denied(origin, origins)

    return (Step(POLICY.name, "head", check, config.mode == "monitor"), *answer_steps(config))


def answer_steps(config: CorsConfig) -> tuple[Step, ...]:
    """The step that tells a browser what it may do with an answer, whoever gives it."""
    if config.mode == "off":
        return ()
    origins = Origins(config.origins)
    answers = {} if not origins.any else {"*": _answer_fields(config, b"*")}
    foreign = None
    if config.mode == "enforce":
        foreign = Modify(remove_fields=_OF_CORS, set_fields=() if origins.any else ((b"vary", b"origin"),))

    def tell(response: ResponseView, _facts: Facts) -> Modify | None:
        request = response.request
        value = request.headers.get(b"origin")
        if _is_preflight(request):
            return None  # either the gateway has answered it, or it is monitored and the service has
        if origins.any:
            return foreign if value is None else answers["*"]
        change = foreign if value is None else change_for(value)
        varies_by = response.headers.get(b"vary")
        return change if varies_by is None or change is None else _varying(change, varies_by)

    def change_for(value: bytes) -> Modify | None:
        origin = value.decode("latin-1")
        known = answers.get(origin)
        if known is None:
            if not origins.allow(origin):
                return foreign
            known = _answer_fields(config, value)
            if len(answers) < _REMEMBERED:
                answers[origin] = known
        return known

    return (Step(POLICY.name, "answer", tell),)


@lru_cache(maxsize=256)
def _varying(change: Modify, varies_by: bytes) -> Modify:
    """``change``, where the service says itself what its answer varies by: a cache must know of all of it."""
    names = {name.strip(b" \t").lower() for name in varies_by.split(b",")}
    value = varies_by if names & {b"*", b"origin"} else varies_by + b", origin"
    others = tuple(field for field in change.set_fields if field[0] != b"vary")
    return msgspec.structs.replace(change, set_fields=(*others, (b"vary", value)))


def _denied(origin: str, origins: Origins) -> Refuse:
    return Refuse(ORIGIN_DENIED, finding=Finding("/header/origin", shorten(origin), origins.listed))


def _answer_fields(config: CorsConfig, origin: bytes) -> Modify:
    fields = [(b"access-control-allow-origin", origin)]
    if origin != b"*":
        fields.append((b"vary", b"origin"))
    if config.credentials:
        fields.append((b"access-control-allow-credentials", b"true"))
    if config.expose:
        fields.append((b"access-control-expose-headers", ", ".join(config.expose).lower().encode()))
    return Modify(set_fields=tuple(fields), remove_fields=_OF_CORS)


def preflight_steps(operations: Mapping[str, OperationContext]) -> tuple[Step, ...]:
    """The steps that answer preflights for a path, if any of its ``operations`` (by method) has ``cors``."""
    allowing = {
        method: _Preflight(context.settings.guard.cors, context)
        for method, context in operations.items()
        if context.settings.guard is not None
        and context.settings.guard.cors is not None
        and context.settings.guard.cors.mode != "off"
    }
    if not allowing:
        return ()
    methods = ", ".join(allowing)
    monitored = frozenset(method for method, preflight in allowing.items() if preflight.is_monitored)

    def decide(request: RequestView) -> tuple[str, Answer | Refuse | None]:
        asked = request.headers.get(_ASKS_FOR_METHOD)
        origin = request.headers.get(b"origin")
        if asked is None or origin is None:
            return "", None
        method = asked.decode("latin-1")
        preflight = allowing.get(method)
        if preflight is not None:
            return method, preflight.answer(origin)
        finding = Finding("/header/access-control-request-method", shorten(method), methods)
        return method, Refuse(ORIGIN_DENIED, finding=finding)

    def is_monitored(method: str) -> bool:
        return method in monitored or (method not in allowing and len(monitored) == len(allowing))

    def answer(request: RequestView, _facts: Facts) -> Decision:
        method, decision = decide(request)
        return None if isinstance(decision, Refuse) and is_monitored(method) else decision

    def note(request: RequestView, _facts: Facts) -> Refuse | None:
        method, decision = decide(request)
        return decision if isinstance(decision, Refuse) and is_monitored(method) else None

    steps = (Step(POLICY.name, "head", answer),)
    return (*steps, Step(POLICY.name, "head", note, monitor=True)) if monitored else steps


def no_preflight(methods: str) -> Callable[[RequestView, Facts], Refuse]:
    """What refuses an OPTIONS call that is no preflight, where only preflights are answered."""
    refusal = Refuse(METHOD_NOT_ALLOWED, fields=((b"allow", methods.encode()),))
    return lambda _request, _facts: refusal


class _Preflight:
    """The answer to preflights for one operation."""

    def __init__(self, config: CorsConfig, context: OperationContext) -> None:
        self.is_monitored = config.mode == "monitor"
        self._origins = Origins(config.origins)
        self._config = config
        names = config.headers if config.headers is not None else _headers_of(context)
        self._fields = (
            (b"access-control-allow-methods", context.operation.method.encode()),
            *(((b"access-control-allow-headers", ", ".join(names).lower().encode()),) if names else ()),
            (b"access-control-max-age", b"%d" % config.max_age),
        )

    def answer(self, origin: bytes) -> Answer | Refuse:
        text = origin.decode("latin-1")
        if not self._origins.allow(text):
            return _denied(text, self._origins)
        allowed = _answer_fields(self._config, b"*" if self._origins.any else origin).set_fields
        return Answer(
            204, (*(field for field in allowed if field[0] != b"access-control-expose-headers"), *self._fields)
        )


def _headers_of(context: OperationContext) -> list[str]:
    """Names of fields that a call of the operation may need to send."""
    declared = [each.name for each in context.operation.parameters if each.location == "header"]
    body = ["Content-Type"] if context.operation.body is not None else []
    return list(dict.fromkeys(name.lower() for name in (*declared, *body, *credential_header_names(context))))


POLICY = Policy(
    phase="guard",
    key="cors",
    config=CorsConfig,
    codes=(ORIGIN_DENIED,),
    probes=(Probe("a call from a page of an origin that is not allowed", "foreign_origin", ORIGIN_DENIED),),
    compile=compile_cors,
)
