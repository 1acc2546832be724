"""Which method of a gRPC service an operation is; and what such an operation needs beside its steps."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

import msgspec

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.tree import pointer
from portcullis.engine.grpc.descriptors import Method, is_descriptor_set, read_methods
from portcullis.engine.grpc.framing import PREFIX_BYTES
from portcullis.engine.websocket.compiling import compile_stream
from portcullis.engine.websocket.declaring import StreamConfig

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext
    from portcullis.engine.websocket.rules import StreamRules

DEFAULT_MAX_MESSAGE: Final = 1024 * 1024
"""Bytes of one message (gRPC's own libraries: 4 MiB)."""
_UNBOUNDED: Final = 2**62


class CallShape(msgspec.Struct, frozen=True):
    """``max_body``: bytes of a request, ``max_response``: of an answer that is held; ``stream``: how long calls last
    that have many messages, ``None`` for others.
    """

    max_body: int
    max_response: int
    stream: StreamRules | None


def method_of(context: OperationContext) -> Method | None:
    """The method that the operation is; ``None`` where the document is no descriptor set.

    Raises :class:`ConfigurationError`.
    """
    path = context.operation.path
    return next((method for method in methods_of(context) if method.path == path), None)


def methods_of(context: OperationContext) -> Collection[Method]:
    """All methods of the operation's document, read once for all; none where it is no descriptor set.

    Raises :class:`ConfigurationError`.
    """
    source = context.api.versions[context.version].spec
    if not is_descriptor_set(source):
        return ()
    key = ("grpc", source)
    if key not in context.shared:
        context.shared[key] = read_methods(source, context.ports.files.read(source))
    methods: dict[str, Method] = context.shared[key]
    return methods.values()


def shape_of(method: Method, context: OperationContext) -> CallShape:
    """What calls of ``method`` need. Raises :class:`ConfigurationError` where nobody could speak gRPC."""
    _check_protocols(context)
    settings = context.settings
    config = getattr(settings.validate_, "grpc", None)
    most = (DEFAULT_MAX_MESSAGE if config is None else config.max_message) + PREFIX_BYTES
    return CallShape(
        max_body=settings.max_body or (_UNBOUNDED if method.streams_requests else most),
        max_response=settings.max_response or most,
        stream=None if method.is_unary else compile_stream(settings.stream or StreamConfig(), context),
    )


def _check_protocols(context: OperationContext) -> None:
    upstream, listeners = context.api.upstream, context.configuration.listeners
    if "h2" not in upstream.protocols:
        where = ("apis", context.api_name, "upstream")
        raise _mistake(where, "gRPC is spoken with services by HTTP/2", "upstream: {protocols: [h2]}")
    serving = [name for name, each in listeners.items() if name != "admin" and each.redirect is None]
    if not any("h2" in listeners[name].spoken for name in serving):
        hint = "give one of them tls, or protocols: [h2]"
        raise _mistake(("listeners", *serving[:1]), "clients speak gRPC by HTTP/2, and no listener does", hint)


def _mistake(where: tuple[str, ...], message: str, hint: str) -> ConfigurationError:
    return ConfigurationError([Diagnostic("", 0, 0, pointer(where), message, hint)])
