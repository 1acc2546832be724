"""gRPC calls, checked against the types of their messages, within bounds of size and time.

What
    An API whose document (``spec``) is a descriptor set (``.binpb``, ``.protoset``, ``.desc``, ``.pb``) has an
    operation for each method: ``POST /shop.Orders/Get``. Of each call the head is read as gRPC has it: ``te``,
    ``grpc-timeout``, ``grpc-encoding``, and fields whose names end in ``-bin``. Each message of a request is cut out of
    the body, decompressed within bounds, and read by its type; fields and values of enumerations that the type does not
    have are refused, taken out or let pass as ``validate.request.on_undeclared`` says of JSON. Where many messages may
    come they stream through, and each is looked at before its end is sent on; there is nothing to be taken out then, so
    ``strip`` refuses.

    The answer of a call with one message is read by its type too, and what the type does not have is taken out, as
    ``validate.response.on_undeclared`` says. A message of the service's that shows a stack trace is replaced.

    Every call has a deadline: what its client says, or ``max_deadline``, whichever is sooner; the service is told.

Why
    API4:2023 Unrestricted Resource Consumption: messages that are large, decompress to more, or are waited for without
    end. API3:2023 Broken Object Property Level Authorization: a field that the ``.proto`` file of today does not show,
    and the service's binary still has, goes both ways unseen. API8:2023, API9:2023: reflection tells every service and
    method to whoever asks.

Config
    ``mode``: ``enforce``, ``monitor`` (record, let pass) or ``off``. ``max_message``: bytes of one message,
    decompressed. ``max_deadline``: the longest that a call may take; by default what ``upstream.timeouts.whole`` says,
    and ``stream.lifetime`` where there are many messages. ``reflection``: ``refuse`` (also where the descriptor set has
    it), or ``allow``.

When it fails
    400 ``validate.grpc_request`` (head or framing), ``validate.grpc_message`` (it does not fit its type); 413
    ``validate.grpc_too_large``; 501 ``validate.grpc_encoding``; 403 ``validate.grpc_reflection``; 502
    ``validate.grpc_response``. A client of gRPC is told by ``grpc-status`` and ``grpc-message``.

Example
    .. code-block:: yaml

        apis:
          shop:
            upstream: {targets: ["https://shop.internal:9000"], protocols: [h2]}
            versions: {v1: {spec: shop.binpb}}
            validate:
              grpc: {max_message: 256KiB, max_deadline: 10s}
"""

from __future__ import annotations

import base64
import binascii
import re
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from pydantic import Field

from portcullis.engine.codes import Code
from portcullis.engine.config.layers import layers_of, written_at
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Deadline, Size
from portcullis.engine.decision import Finding, Modify, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.grpc.answers import REPLACED, shows_its_inside, status_in
from portcullis.engine.grpc.building import DEFAULT_MAX_MESSAGE, method_of
from portcullis.engine.grpc.deadlines import read_timeout, write_timeout
from portcullis.engine.grpc.framing import ENCODINGS, FramingError, MessageReader, framed
from portcullis.engine.inspection.stack_traces import prepare
from portcullis.engine.openapi.pointer import join
from portcullis.engine.policy import BodyScanner, Mode, Policy, Probe, Step
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView

if TYPE_CHECKING:
    from portcullis.engine.grpc.messages import MessageType, OnUndeclared, PartsAllowance
    from portcullis.engine.operation import OperationContext

REQUEST: Final = Code("validate.grpc_request", 400, "This is no call of gRPC")
MESSAGE: Final = Code("validate.grpc_message", 400, "A message does not fit its type")
TOO_LARGE: Final = Code("validate.grpc_too_large", 413, "A message is too large")
ENCODING: Final = Code("validate.grpc_encoding", 501, "This encoding of messages is not taken")
REFLECTION: Final = Code("validate.grpc_reflection", 403, "What services there are is not told")
RESPONSE: Final = Code("validate.grpc_response", 502, "The service answered with something else than its type")

_REFLECTION = re.compile(r"/grpc\.reflection\.")
_PLACE: Final = ("validate", "grpc")


class GrpcConfig(Section):
    """Calls of an API whose document is a descriptor set of gRPC."""

    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""
    max_message: Size = Field(DEFAULT_MAX_MESSAGE, ge=1, le=256 * 1024 * 1024)
    """Bytes of one message, decompressed."""
    max_deadline: Deadline | None = None
    """The longest that a call may take, whatever its client says; default: ``upstream.timeouts.whole``, or
    ``stream.lifetime`` for calls with many messages."""
    reflection: Literal["refuse", "allow"] = "refuse"
    """Calls that ask what services there are (``grpc.reflection``)."""


def compile_grpc(config: GrpcConfig, context: OperationContext) -> tuple[Step, ...]:
    """The steps that look at calls; none where the document is no descriptor set.

    Raises :class:`ConfigurationError`.
    """
    method = method_of(context)
    if method is None or config.mode == "off":
        return ()
    monitor = config.mode == "monitor"
    if _REFLECTION.match(method.path) and config.reflection == "refuse":
        return (Step(POLICY.name, "head", _refuse_reflection, monitor),)
    from portcullis.engine.grpc.messages import MessageType  # noqa: PLC0415 - which needs the extra

    prepare()
    layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
    call = _Call(
        request=MessageType(method.request),
        answer=MessageType(method.answer),
        on_undeclared=_on_undeclared(context),
        on_undeclared_answer=_on_undeclared_answer(context),
        most=config.max_message,
        seconds=_deadline(config, context, is_unary=method.is_unary),
        source="#" + join("", *written_at(layers, *_PLACE)),
    )
    steps = [Step(POLICY.name, "head", call.head, monitor)]
    if method.streams_requests:
        steps.append(Step(POLICY.name, "stream", call.stream, monitor))
    else:
        steps.append(Step(POLICY.name, "body", call.body, monitor))
    steps.append(Step(POLICY.name, "response_head", _scrub, monitor))
    if not method.streams_answers:
        steps.append(Step(POLICY.name, "response_body", call.response, monitor, wants=_has_message))
    return tuple(steps)


def _on_undeclared(context: OperationContext) -> OnUndeclared:
    config = getattr(context.settings.validate_, "request", None)
    said: OnUndeclared = "refuse" if config is None else config.on_undeclared.body
    return said


def _on_undeclared_answer(context: OperationContext) -> OnUndeclared:
    config = getattr(context.settings.validate_, "response", None)
    said: OnUndeclared = "strip" if config is None else config.on_undeclared
    return said


def _deadline(config: GrpcConfig, context: OperationContext, *, is_unary: bool) -> float:
    if config.max_deadline is not None:
        return config.max_deadline
    if is_unary:
        return context.api.upstream.timeouts.whole
    return 3600.0 if context.settings.stream is None else context.settings.stream.lifetime


def _refuse_reflection(_request: RequestView, _facts: Facts) -> Refuse:
    return Refuse(REFLECTION, finding=Finding("/target", "grpc.reflection", "reflection: allow"))


def _scrub(response: ResponseView, _facts: Facts) -> Modify | None:
    """An outcome that stands in the head, where the answer has no messages."""
    if not shows_its_inside(response.fields):
        return None
    return Modify(((b"grpc-message", REPLACED),), frozenset({b"grpc-status-details-bin"}))


def _has_message(response: ResponseView) -> bool:
    return response.headers.get(b"content-type", b"").lower().startswith(b"application/grpc")


class _Call(msgspec.Struct, frozen=True):
    """What is looked at in calls of one method. ``most``: bytes of a message; ``seconds``: until the deadline."""

    request: MessageType
    answer: MessageType
    on_undeclared: OnUndeclared
    on_undeclared_answer: OnUndeclared
    most: int
    seconds: float
    source: str

    def head(self, request: RequestView, _facts: Facts) -> Refuse | Modify | None:
        """The head of a call: what frames it, and how long it may take."""
        headers = request.headers
        if headers.get(b"te", b"").lower() != b"trailers":
            return self._malformed("/header/te", "te: trailers")
        if headers.get(b"content-encoding", b"identity") != b"identity":
            return self._malformed("/header/content-encoding", "identity: it is messages that are compressed")
        encoding = headers.get(b"grpc-encoding", b"identity")
        if encoding not in ENCODINGS:
            finding = Finding(
                "/header/grpc-encoding", shorten(encoding.decode("latin-1")), "gzip, identity", self.source
            )
            return Refuse(ENCODING, "Messages are taken as they are, or compressed by gzip.", finding)
        for name, value in request.fields:
            if name.endswith(b"-bin") and not _is_base64(value):
                return self._malformed(f"/header/{name.decode('latin-1')}", "base64")
        seconds = self.seconds
        if (timeout := headers.get(b"grpc-timeout")) is not None:
            asked = read_timeout(timeout)
            if asked is None:
                return self._malformed("/header/grpc-timeout", "digits and one of H, M, S, m, u, n")
            if asked <= seconds:
                return None
        return Modify(set_fields=((b"grpc-timeout", write_timeout(seconds)),))

    def body(self, request: RequestView, _facts: Facts) -> Refuse | Modify | None:
        """The one message of a call."""
        body = request.body or b""
        reader = self._reader(request)
        try:
            # No more than two: each that is decoded may be many times larger than what came.
            messages = list(islice(reader.feed(body), 2))
            if len(messages) < 2:
                reader.end()
        except FramingError as error:
            return self.misframed(error)
        if len(messages) != 1:
            return self._malformed("/body", "one message", "several" if messages else "none")
        changed = self._check(messages[0], self.on_undeclared, allowance=self.allowance(len(body)))
        return Modify(body=framed(changed)) if isinstance(changed, bytes) else changed

    def stream(self, request: RequestView, _facts: Facts) -> BodyScanner:
        """What looks at the messages of a call as they come."""
        return _Messages(self, self._reader(request))

    def response(self, response: ResponseView, _facts: Facts) -> Refuse | Modify | None:
        """The one message of an answer; an answer without any says in its head, or after it, what went wrong."""
        reader = MessageReader(response.headers.get(b"grpc-encoding"), self.most)
        try:
            messages = list(islice(reader.feed(response.body or b""), 2))
            if len(messages) < 2:
                reader.end()
        except FramingError as error:
            return Refuse(RESPONSE, finding=Finding("/response/body", str(error), source=self.source))
        if len(messages) > 1 or (not messages and status_in(response.fields) == 0):
            found = "several messages" if messages else "no message"
            return Refuse(RESPONSE, finding=Finding("/response/body", found, "one", self.source))
        changed = self._check(messages[0], self.on_undeclared_answer, RESPONSE) if messages else None
        return Modify(body=framed(changed)) if isinstance(changed, bytes) else changed

    def allowance(self, count: int = 0) -> PartsAllowance:
        """How much may be in the messages of a call of which ``count`` bytes have come."""
        from portcullis.engine.grpc.messages import PartsAllowance  # noqa: PLC0415 - as above

        allowance = PartsAllowance()
        allowance.earn(count)
        return allowance

    def check_streamed(self, message: bytes, allowance: PartsAllowance) -> Refuse | None:
        """One of many messages."""
        on_undeclared = "refuse" if self.on_undeclared == "strip" else self.on_undeclared
        refusal = self._check(message, on_undeclared, allowance=allowance)
        return refusal if isinstance(refusal, Refuse) else None

    def _check(
        self,
        message: bytes,
        on_undeclared: OnUndeclared,
        code: Code = MESSAGE,
        allowance: PartsAllowance | None = None,
    ) -> Refuse | bytes | None:
        from portcullis.engine.grpc.messages import MessageError  # noqa: PLC0415 - as above

        kind, place = (self.answer, "/response/body") if code is RESPONSE else (self.request, "/body")
        try:
            return kind.check(message, on_undeclared, allowance=allowance)
        except MessageError as error:
            where = shorten(place + error.pointer)
            detail = "" if code is RESPONSE else f"What stands at {where} does not fit."
            return Refuse(code, detail, Finding(where, shorten(error.found), error.allowed, self.source))

    def misframed(self, error: FramingError) -> Refuse:
        """Why a body is refused that is no sequence of messages."""
        code = TOO_LARGE if error.fault == "too_large" else REQUEST
        return Refuse(code, str(error), Finding("/body", str(error), f"at most {self.most} bytes", self.source))

    def _malformed(self, where: str, wanted: str, found: str = "") -> Refuse:
        return Refuse(REQUEST, f"{where} has to be: {wanted}.", Finding(where, found, wanted, self.source))

    def _reader(self, request: RequestView) -> MessageReader:
        return MessageReader(request.headers.get(b"grpc-encoding"), self.most)


class _Messages:
    """Looks at messages that stream through."""

    __slots__ = ("_allowance", "_call", "_reader")

    def __init__(self, call: _Call, reader: MessageReader) -> None:
        self._allowance = call.allowance()
        self._call = call
        self._reader = reader

    @property
    def held(self) -> int:
        """Bytes of a message that is not whole yet."""
        return self._reader.held

    def feed(self, data: bytes) -> Refuse | None:
        """Look at the messages that ``data`` completes."""
        self._allowance.earn(len(data))
        try:
            for message in self._reader.feed(data):
                if (refusal := self._call.check_streamed(message, self._allowance)) is not None:
                    return refusal
        except FramingError as error:
            return self._call.misframed(error)
        return None

    def end(self) -> Refuse | None:
        """No message may be cut short."""
        try:
            self._reader.end()
        except FramingError as error:
            return self._call.misframed(error)
        return None


def _is_base64(value: bytes) -> bool:
    """Whether each of the values in ``value`` is base64, with or without padding."""
    try:
        for each in value.split(b","):
            text = each.strip().rstrip(b"=")
            base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return False
    return True


POLICY = Policy(
    phase="validate",
    key="grpc",
    config=GrpcConfig,
    codes=(REQUEST, MESSAGE, TOO_LARGE, ENCODING, REFLECTION, RESPONSE),
    probes=(Probe("a body that is no message", "malformed_json", REQUEST),),
    compile=compile_grpc,
)
