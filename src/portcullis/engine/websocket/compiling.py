"""From what the file says of a WebSocket, or of long answers, to what holds for one operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from portcullis.engine.asyncapi.channel import Channel, ChannelError, read_channel
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.layers import Place, layers_of, written_at
from portcullis.engine.config.tree import pointer
from portcullis.engine.inspection.inspector import the_inspector
from portcullis.engine.openapi.pointer import join
from portcullis.engine.policies.authenticate import standing_of
from portcullis.engine.policy import Step
from portcullis.engine.websocket.handshake import handshake_step
from portcullis.engine.websocket.messages import (
    SchemaError,
    all_of,
    attack_judge,
    channel_judge,
    schema_judge,
    text_only,
)
from portcullis.engine.websocket.rules import MessageJudge, StreamRules, WebSocketRules

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext
    from portcullis.engine.websocket.declaring import StreamConfig, WebSocketConfig

POLICY: Final = "guard.websocket"


def compile_websocket(config: WebSocketConfig, context: OperationContext) -> tuple[WebSocketRules, Step]:
    """The rules of a session, and the step that checks its handshake. Raises :class:`ConfigurationError`."""
    where = _written(context, "websocket")
    if "operations" not in where[2:3] + where[4:5]:
        raise _mistake(
            where, "it is said of all operations", 'say it of one: operations: {"GET /feed": {websocket: ...}}'
        )
    if context.operation.method != "GET":
        raise _mistake(where, "the handshake of a WebSocket is a GET", "move it to a GET of the document")
    if "h2" in context.api.upstream.protocols:
        raise _mistake(
            where,
            "a WebSocket is spoken with services by HTTP/1.1, and upstream.protocols says h2",
            "give it an API of its own, whose upstream.protocols is [http/1.1]",
        )
    messages = config.messages
    source = "#" + join("", *where)
    from_client: list[MessageJudge] = []
    if messages.binary == "refuse" and messages.from_client is None:
        from_client.append(text_only(f"{source}/messages/binary"))
    if messages.from_client is not None:
        from_client.append(_schema(messages.from_client, context, (*where, "messages", "from_client")))
    from_service = None
    if messages.asyncapi is not None:
        channel = _channel(messages.asyncapi, messages.channel, context, (*where, "messages"))
        from_client.append(channel_judge(channel.from_client, channel.source))
        from_service = channel_judge(channel.from_service, channel.source)
    if messages.inspect:
        from_client.append(attack_judge(the_inspector(), f"{source}/messages/inspect"))
    if messages.from_service is not None:
        from_service = _schema(messages.from_service, context, (*where, "messages", "from_service"))
    rules = WebSocketRules(
        idle_ns=int(config.idle * 1e9),
        lifetime_ns=int(config.lifetime * 1e9),
        max_message=messages.max_size,
        source=source,
        frame_ns=0 if messages.per_second is None else int(1e9 / messages.per_second),
        byte_ns=0 if messages.bytes_per_second is None else 1e9 / messages.bytes_per_second,
        from_client=all_of(from_client),
        from_service=from_service,
        standing=standing_of(context),
    )
    return rules, Step(POLICY, "head", handshake_step(config))


def compile_stream(config: StreamConfig, context: OperationContext) -> StreamRules:
    """The bounds of answers that may take long."""
    return StreamRules(
        idle_ns=int(config.idle * 1e9),
        lifetime_ns=int(config.lifetime * 1e9),
        max_bytes=config.max_bytes or 0,
        source="#" + join("", *_written(context, "stream")),
        standing=standing_of(context),
    )


def _schema(path: str, context: OperationContext, where: Place) -> MessageJudge:
    key = ("messages", path)
    if key not in context.shared:
        try:
            context.shared[key] = schema_judge(context.ports.files.read(path), path)
        except OSError as error:
            raise _mistake(
                where, f"{path} can't be read: {error.strerror or error}", "paths are relative to this file"
            ) from None
        except SchemaError as error:
            raise _mistake(where, str(error), "a JSON Schema 2020-12, in JSON or YAML") from None
    judge: MessageJudge = context.shared[key]
    return judge


def _channel(path: str, name: str | None, context: OperationContext, where: Place) -> Channel:
    name = name or context.operation.path
    files = context.ports.files
    key = ("channel", path, name)
    if key not in context.shared:
        try:
            context.shared[key] = read_channel(path, files.read(path), files.read_referred, name)
        except OSError as error:
            raise _mistake(
                (*where, "asyncapi"),
                f"{path} can't be read: {error.strerror or error}",
                "paths are relative to this file",
            ) from None
        except ChannelError as error:
            raise _mistake((*where, "channel"), str(error), error.hint) from None
    channel: Channel = context.shared[key]
    return channel


def _written(context: OperationContext, key: str) -> Place:
    layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
    return written_at(layers, key)


def _mistake(where: Place, message: str, hint: str) -> ConfigurationError:
    return ConfigurationError([Diagnostic("", 0, 0, pointer(where), message, hint)])
