"""The two connections of a WebSocket, as the protocols that take them over from HTTP: they only tell the session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.roles import Switchable
    from portcullis.mounts.reverse_proxy.upstream import UpstreamConnection
    from portcullis.mounts.websocket.session import Session


class _End(asyncio.Protocol):
    """The protocol of one of the two connections."""

    __slots__ = ("_session", "transport")

    transport: asyncio.Transport

    def hold(self, held: bool) -> None:
        """Stop or go on reading."""
        if self.transport.is_closing():
            return
        if held:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def resume(self) -> None:
        """Go on reading, if it was stopped."""
        self.hold(False)

    def eof_received(self) -> bool:
        return False


class ClientEnd(_End):
    """The client's connection."""

    __slots__ = ("_downstream",)

    def __init__(self, session: Session, downstream: Switchable) -> None:
        self._session = session
        self._downstream = downstream
        self.transport = downstream.transport

    def data_received(self, data: bytes) -> None:
        self._session.from_client(data)

    def write_no_more(self) -> None:
        """Let the client know that nothing follows, where that can be said; what it sends is taken until it closes."""
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()

    def pause_writing(self) -> None:
        self._session.client_blocked(True)

    def resume_writing(self) -> None:
        self._session.client_blocked(False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._downstream.connection_lost(exc)


class ServiceEnd(_End):
    """The service's connection."""

    __slots__ = ("_connection",)

    def __init__(self, session: Session, connection: UpstreamConnection) -> None:
        self._session = session
        self._connection = connection
        self.transport = connection.transport

    def data_received(self, data: bytes) -> None:
        self._session.from_service(data)

    def pause_writing(self) -> None:
        self._session.service_blocked(True)

    def resume_writing(self) -> None:
        self._session.service_blocked(False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.connection_lost(exc)
        self._session.service_lost()
