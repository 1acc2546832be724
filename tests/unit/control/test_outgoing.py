"""Calls of the gateway itself, to servers on loopback."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from portcullis.control import outgoing as module
from portcullis.control.outgoing import Outgoing, OutgoingError
from portcullis.control.outgoing_settings import OutgoingSettings, settings_from

JSON = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"a": 42}'


class Server:
    """Answers every request with ``answer``; ``None``: never. ``heard``: the requests."""

    def __init__(self) -> None:
        self.answer: bytes | None = JSON
        self.heard: list[bytes] = []
        self.port = 0
        self.server: asyncio.Server
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self, tls: ssl.SSLContext | None = None) -> Server:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
                )
                self.heard.append(head + await reader.readexactly(length))
                if self.answer is not None:
                    writer.write(self.answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def close(self) -> None:
        self.server.close()
        for writer in self._writers:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = await Server().start()
    yield server
    await server.close()


@pytest.fixture
async def outgoing() -> AsyncIterator[Outgoing]:
    outgoing = Outgoing()
    outgoing.take_over(OutgoingSettings(timeout=2.0))
    yield outgoing
    await outgoing.close()


async def test_a_document_is_fetched_without_anything_that_tells_of_others(outgoing: Outgoing, server: Server) -> None:
    server.answer = JSON.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n", 1)
    for _ in range(2):
        assert await outgoing.get_json(f"http://127.0.0.1:{server.port}/keys") == {"a": 42}
    assert server.heard[0].startswith(b"GET /keys HTTP/1.1\r\n")
    assert b"accept-encoding: identity" in server.heard[0].lower()
    assert all(b"cookie" not in head.lower() for head in server.heard)


async def test_forms_and_documents_are_posted(outgoing: Outgoing, server: Server) -> None:
    url = f"http://127.0.0.1:{server.port}/ask"
    await outgoing.post_form(url, {"token": "a b&c"}, fields={"authorization": "Basic eA=="})
    await outgoing.post_json(url, {"input": 1})
    assert server.heard[0].endswith(b"\r\n\r\ntoken=a+b%26c")
    assert b"authorization: basic" in server.heard[0].lower()
    assert server.heard[1].endswith(b'\r\n\r\n{"input":1}')


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "answered 302"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "answered 500"),
        (
            b'HTTP/1.1 401 No\r\nContent-Length: 26\r\n\r\n{"error":"invalid_client"}',
            r"answered 401 \(invalid_client\)",
        ),
        (b'HTTP/1.1 401 No\r\nContent-Length: 21\r\n\r\n{"error":"a\\nb <c> d"}', "answered 401$"),
        (b'HTTP/1.1 401 No\r\nContent-Length: 13\r\n\r\n{"error":[1]}', "answered 401$"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "not JSON"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "not JSON"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{"active":false,"active": true}', "not JSON"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"[" * 100_000, "not JSON"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"\xff\xfe"', "not JSON"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "content coding"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b" " * 1_100_000, "more than"),
        (b"SSH-2.0-x\r\n\r\n", "127.0.0.1"),
    ],
)
async def test_an_answer_that_is_of_no_use_is_an_error_in_words(
    outgoing: Outgoing, server: Server, answer: bytes, told: str
) -> None:
    server.answer = answer
    with pytest.raises(OutgoingError, match=told):
        await outgoing.get_json(f"http://127.0.0.1:{server.port}/keys")


async def test_nobody_is_waited_for_longer_than_was_said(outgoing: Outgoing, server: Server) -> None:
    server.answer = None
    outgoing.take_over(OutgoingSettings(timeout=0.05))
    with pytest.raises(OutgoingError, match=r"no answer in 0\.05 s"):
        await outgoing.get_json(f"http://127.0.0.1:{server.port}/keys")


async def test_who_is_not_there_is_an_error(outgoing: Outgoing, server: Server) -> None:
    await server.close()
    with pytest.raises(OutgoingError, match=str(server.port)):
        await outgoing.get_json(f"http://127.0.0.1:{server.port}/keys")


async def test_certificates_are_verified_against_the_authorities_that_are_named(
    outgoing: Outgoing, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = await Server().start(context)
    url = f"https://127.0.0.1:{server.port}/keys"
    with pytest.raises(OutgoingError, match="certificate verify failed"):
        await outgoing.get_json(url)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    outgoing.take_over(settings_from(None, "ca.pem", 0.25, tmp_path))
    assert await outgoing.get_json(url) == {"a": 42}
    outgoing.take_over(settings_from(None, "none.pem", 0.25, tmp_path))
    with pytest.raises(OutgoingError, match="No such file"):
        await outgoing.get_json(url)
    await server.close()


async def test_calls_go_by_the_proxy_that_is_named(
    outgoing: Outgoing, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    outgoing.take_over(OutgoingSettings(proxy=f"http://127.0.0.1:{server.port}", timeout=2.0))
    assert await outgoing.get_json("http://id.example.com/keys") == {"a": 42}
    assert server.heard[0].startswith(b"GET http://id.example.com/keys HTTP/1.1\r\n")


@pytest.mark.slow
async def test_only_so_many_calls_are_under_way(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CALLS", 1)
    outgoing = Outgoing()
    server.answer = None
    outgoing.take_over(OutgoingSettings(timeout=0.1))
    url = f"http://127.0.0.1:{server.port}/keys"
    calls = [asyncio.ensure_future(outgoing.get_json(url)) for _ in range(3)]
    async with asyncio.timeout(5):
        while not server.heard:  # noqa: ASYNC110 - what it waits for sets no event
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.02)
    assert len(server.heard) == 1
    assert all(isinstance(each, OutgoingError) for each in await asyncio.gather(*calls, return_exceptions=True))
    await outgoing.close()


async def test_a_document_as_it_came(outgoing: Outgoing, server: Server) -> None:
    server.answer = JSON.replace(b"\r\n\r\n", b"\r\nCache-Control: max-age=60\r\n\r\n", 1)
    fetched = await outgoing.get(f"http://127.0.0.1:{server.port}/keys")
    assert (fetched.content, fetched.cache_control) == (b'{"a": 42}', "max-age=60")
    server.answer = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(OutgoingError, match="answered 500"):
        await outgoing.get(f"http://127.0.0.1:{server.port}/keys")
