"""Rules of WebSockets and of long answers that another one of their rules always comes before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from portcullis.engine.config.values import format_duration, format_size
from portcullis.engine.inert.governed import Governed, Keys, Look
from portcullis.engine.inert.memory import room_for_one

if TYPE_CHECKING:
    from portcullis.engine.asyncapi.channel import Channel
    from portcullis.engine.websocket.declaring import MessagesConfig

_LEAST_FRAME: Final = 6
"""Bytes of a client's smallest frame, which is masked (RFC 6455 5.2)."""
_LARGEST_HEAD: Final = 14
_LARGEST_CONTROL: Final = 125
"""Bytes in a ping or pong, whatever messages may have (RFC 6455 5.5)."""
_BURST_SECONDS: Final = 10


def _idle_of_session(governed: Governed) -> str:
    config = governed.settings.websocket
    if config is None or config.idle < config.lifetime:
        return ""
    return f"a session lasts {format_duration(config.lifetime)} at most (lifetime)"


def _idle_of_answer(governed: Governed) -> str:
    config = governed.settings.stream
    if config is None or config.idle < config.lifetime:
        return _stream(governed)
    return f"an answer lasts {format_duration(config.lifetime)} at most (lifetime)"


def _stream(governed: Governed) -> str:
    operation = governed.operation
    if operation is None or operation.stream is not None:
        return ""
    return "a call of this method has one message each way"


def _binary(governed: Governed) -> str:
    messages = _messages(governed)
    if messages is None or not (messages.from_client or messages.asyncapi):
        return ""
    return "clients' messages have a schema, so binary ones are refused anyway"


def _inspect(governed: Governed) -> str:
    messages, channel = _messages(governed), _channel(governed)
    if messages is None or not messages.inspect or channel is None or channel.from_client:
        return ""
    return "the channel has no message that a client may send, so all are refused"


def _max_size(governed: Governed) -> str:
    """Where messages of both sides are held until they are whole, there must be room for them."""
    messages, operation, context = _messages(governed), governed.operation, governed.context
    rules = None if operation is None else operation.websocket
    if messages is None or context is None or rules is None or rules.from_client is None or rules.from_service is None:
        return ""
    key, memory = room_for_one(context.configuration)
    if messages.max_size <= memory:
        return ""
    return f"process.{key} lets a message have {format_size(memory)} at most"


def _per_second(governed: Governed) -> str:
    messages = _messages(governed)
    if messages is None or messages.per_second is None or messages.bytes_per_second is None:
        return ""
    if messages.per_second * _LEAST_FRAME < messages.bytes_per_second:
        return ""
    return f"so many frames have more than {messages.bytes_per_second} bytes (bytes_per_second), though they be empty"


def _bytes_per_second(governed: Governed) -> str:
    """Never more than the frames of a burst, the one that is too many, and a part of the next."""
    messages = _messages(governed)
    if messages is None or messages.per_second is None or messages.bytes_per_second is None:
        return ""
    largest = max(messages.max_size, _LARGEST_CONTROL) + _LARGEST_HEAD
    frames = messages.per_second * _BURST_SECONDS + 2
    if messages.bytes_per_second * _BURST_SECONDS < frames * largest:
        return ""
    return "so many frames (per_second), all of max_size, do not have so many bytes"


def _messages(governed: Governed) -> MessagesConfig | None:
    config = governed.settings.websocket
    return None if config is None else config.messages


def _channel(governed: Governed) -> Channel | None:
    """The channel of AsyncAPI that has the messages, as it was read when the operation was compiled."""
    messages, context = _messages(governed), governed.context
    if messages is None or messages.asyncapi is None or context is None:
        return None
    name = messages.channel or context.operation.path
    channel: Channel | None = context.shared.get(("channel", messages.asyncapi, name))
    return channel


LOOKS: Final[Mapping[Keys, Look]] = {
    ("websocket", "idle"): _idle_of_session,
    ("websocket", "messages", "binary"): _binary,
    ("websocket", "messages", "inspect"): _inspect,
    ("websocket", "messages", "max_size"): _max_size,
    ("websocket", "messages", "per_second"): _per_second,
    ("websocket", "messages", "bytes_per_second"): _bytes_per_second,
    ("stream", "idle"): _idle_of_answer,
    ("stream", "lifetime"): _stream,
    ("stream", "max_bytes"): _stream,
}
"""By the setting: what looks whether it can act."""
