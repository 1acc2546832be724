"""A service for long runs: it keeps nothing of what it is sent, and does what the last segment of the path says."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator

MIB = 1024 * 1024
PIECE = b"0123456789abcdef" * 4096
LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)")


class Service:
    """Serves in a thread of its own until it is stopped."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._converse, "127.0.0.1", 0, limit=MIB))
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        def end() -> None:
            self._server.close()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.call_later(0.2, self._loop.stop)

        self._loop.call_soon_threadsafe(end)
        self._thread.join(5)
        self._loop.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                received = sum([len(piece) async for piece in _body(head, reader)])
                kind = head.split(b" ", 2)[1].partition(b"?")[0].rpartition(b"/")[2]
                if not await self._answer(kind, received, writer):
                    break
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

    async def _answer(self, kind: bytes, received: int, writer: asyncio.StreamWriter) -> bool:
        """Answer a call; whether the connection goes on."""
        if kind == b"reset":
            writer.transport.abort()
            return False
        if kind == b"hang":
            await asyncio.sleep(5)
            return False
        if kind == b"garbage":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
        elif kind == b"cut":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            await writer.drain()
            return False
        elif kind == b"large":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (4 * MIB))
            for _ in range(4 * MIB // len(PIECE)):
                writer.write(PIECE)
                await writer.drain()
        elif kind == b"stream":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
            for number in range(10):
                line = b"line %d\n" % number
                writer.write(b"%x\r\n%b\r\n" % (len(line), line))
                await writer.drain()
                await asyncio.sleep(0.02)
            writer.write(b"0\r\n\r\n")
        else:
            body = b'{"received": %d}' % received
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )
        await writer.drain()
        return True


async def _body(head: bytes, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    lowered = head.lower()
    if b"\r\ntransfer-encoding: chunked" in lowered:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            yield (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
    elif match := LENGTH.search(lowered):
        left = int(match[1])
        while left:
            piece = await reader.read(min(left, MIB))
            if not piece:
                raise EOFError
            left -= len(piece)
            yield piece
