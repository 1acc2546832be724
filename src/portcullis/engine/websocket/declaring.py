"""WebSockets and long answers as the configuration file declares them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from portcullis.engine.config.names import FilePath
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Deadline, Size
from portcullis.engine.origins import check_origin

DEFAULT_MAX_MESSAGE = 1024 * 1024
"""As ``max_body`` (aiohttp 4 MiB, ``websockets`` 1 MiB)."""

_Subprotocol = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$")]


class MessagesConfig(Section):
    """What messages may be. Those that a rule looks into are held until they are whole."""

    max_size: Annotated[Size, Field(ge=1, le=64 * 1024 * 1024)] = DEFAULT_MAX_MESSAGE
    """Bytes of one message, either way; a larger one ends the session (close code 1009)."""
    per_second: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    """Frames a client may send in a second, with bursts of ten times as many; pings and parts of messages count."""
    bytes_per_second: Annotated[Size, Field(ge=1)] | None = None
    """Bytes a client may send in a second, with bursts of ten times as many."""
    binary: Literal["allow", "refuse"] = "allow"
    """Whether clients may send binary messages. Where their messages have a schema, they are refused."""
    inspect: bool = False
    """Look for attacks in what clients send as text, as ``inspect.injection`` does in requests."""
    from_client: FilePath | None = None
    """JSON Schema (JSON or YAML) that each message of the client must fit."""
    from_service: FilePath | None = None
    """JSON Schema that each message of the service must fit."""

    asyncapi: FilePath | None = None
    """AsyncAPI document (2.0 to 2.6, or 3.0) whose channel says which messages either side may send."""
    channel: str | None = Field(None, min_length=1, max_length=1024)
    """The channel in that document, by its key or address; by default the path of the operation."""

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        if self.asyncapi and (self.from_client or self.from_service):
            raise ValueError("asyncapi says what messages may be: leave it out, or from_client and from_service")
        if self.channel and not self.asyncapi:
            raise ValueError("channel is one of an AsyncAPI document: name that by asyncapi")
        return self

    @property
    def looks_inside(self) -> bool:
        """Whether a rule looks into messages."""
        return self.inspect or self.binary == "refuse" or bool(self.from_client or self.from_service or self.asyncapi)


class WebSocketConfig(Section):
    """The operation, a ``GET``, is the handshake of a WebSocket."""

    origins: list[Annotated[str, AfterValidator(check_origin)]] = []
    """Origins whose pages may connect, besides the API's own: ``https://app.example.com``,
    ``https://*.example.com``, or ``*`` for any that come without cookies."""
    without_origin: Literal["without_cookies", "allow", "refuse"] = "without_cookies"
    """Callers that name no origin, as browsers always do: only those that send no cookies, all, or none."""
    subprotocols: list[_Subprotocol] | None = Field(None, min_length=1, max_length=64)
    """Subprotocols that may be agreed on; by default all."""
    compression: Literal["refuse", "allow"] = "refuse"
    """``allow`` lets client and service agree on ``permessage-deflate``; then no rule can look into messages."""
    idle: Deadline = 60.0
    """After so long without a frame from either side the session ends."""
    lifetime: Deadline = 3600.0
    """The longest that a session lasts."""
    messages: MessagesConfig = MessagesConfig()
    """What messages may be."""

    @model_validator(mode="after")
    def _can_be_looked_into(self) -> Self:
        if self.compression == "allow" and self.messages.looks_inside:
            raise ValueError("messages that are compressed can't be looked into: leave compression out, or the rules")
        return self


class StreamConfig(Section):
    """Answers of this operation may take long, such as server-sent events."""

    lifetime: Deadline = 3600.0
    """The longest that an answer lasts, in place of the upstream's ``whole``."""
    idle: Deadline = 60.0
    """The longest between two pieces of it, in place of the upstream's ``idle``."""
    max_bytes: Annotated[Size, Field(ge=1)] | None = None
    """Bytes after which it is ended; by default there is no bound."""
