"""Calls of the gateway itself to others: issuers of tokens, introspection, decisions.

Whoever answers is not trusted: only https (plain http on loopback), no redirects, no cookies, no proxies from the
environment, and never more than a stated number of bytes, in a stated time, of a stated type.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import msgspec

from portcullis.control.outgoing_settings import OutgoingSettings
from portcullis.engine import strict_json

if TYPE_CHECKING:
    import httpx

MAX_ANSWER: Final = 1024 * 1024
MAX_CALLS: Final = 64
"""Calls that are under way at a time."""
_JSON: Final = "application/json"
_ERROR_CODE: Final = re.compile(r"[a-z_]{1,64}")


class OutgoingError(Exception):
    """A call failed. The message tells why, in words for the log, and holds nothing of what was sent.

    ``status``: of the answer, where there was one; ``code``: its ``error``, where it has one (RFC 6749 5.2).
    """

    def __init__(self, message: str, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Fetched(msgspec.Struct, frozen=True):
    """A document as it came, and what its answer says of how long it holds (``Cache-Control``)."""

    content: bytes
    cache_control: str = ""


class Outgoing:
    """Makes calls, by the settings that were taken over last."""

    def __init__(self) -> None:
        self._settings = OutgoingSettings()
        self._client: httpx.AsyncClient | None = None
        self._slots = asyncio.Semaphore(MAX_CALLS)
        self._closing: set[asyncio.Task[None]] = set()

    def take_over(self, settings: OutgoingSettings) -> None:
        """Go by ``settings`` from now on; calls that are under way end as they began."""
        if settings == self._settings:
            return
        self._settings = settings
        client, self._client = self._client, None
        if client is not None:
            task = asyncio.create_task(self._close_later(client))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def get_json(self, url: str, *, fields: Mapping[str, str] | None = None) -> Any:
        """The JSON document at ``url``. Raises :class:`OutgoingError`."""
        return await self._call("GET", url, dict(fields or {}), None)

    async def get(self, url: str, *, accept: str = _JSON, most: int = MAX_ANSWER) -> Fetched:
        """The document at ``url``, ``most`` bytes of the type ``accept``, as it came. Raises :class:`OutgoingError`."""
        answer, content = await self._exchange("GET", url, {"accept": accept}, None, most)
        return Fetched(content, answer.headers.get("cache-control", ""))

    async def post(self, url: str, body: bytes, *, sends: str, accept: str, most: int) -> bytes:
        """The answer to ``body``, which is of the type ``sends``: ``most`` bytes of the type ``accept``.

        Raises :class:`OutgoingError`.
        """
        _, content = await self._exchange("POST", url, {"content-type": sends, "accept": accept}, body, most)
        return content

    async def post_form(self, url: str, form: Mapping[str, str], *, fields: Mapping[str, str] | None = None) -> Any:
        """The JSON answer to ``form`` (application/x-www-form-urlencoded). Raises :class:`OutgoingError`."""
        body = urlencode(form).encode()
        given = {"content-type": "application/x-www-form-urlencoded", **(fields or {})}
        return await self._call("POST", url, given, body)

    async def post_json(self, url: str, document: Any, *, fields: Mapping[str, str] | None = None) -> Any:
        """The JSON answer to a JSON ``document``. Raises :class:`OutgoingError`."""
        given = {"content-type": "application/json", **(fields or {})}
        return await self._call("POST", url, given, msgspec.json.encode(document))

    async def close(self) -> None:
        """Give all connections up."""
        if self._client is not None:
            await self._client.aclose()
        await asyncio.gather(*self._closing)

    async def _call(self, method: str, url: str, fields: Mapping[str, str], body: bytes | None) -> Any:
        answer, content = await self._exchange(method, url, fields, body)
        try:
            # Strictly: of two members of one name somebody else may read the other one.
            return strict_json.loads(content)
        except strict_json.MalformedJsonError:
            raise OutgoingError(f"{url}: the answer is not JSON", answer.status_code) from None

    async def _exchange(
        self, method: str, url: str, fields: Mapping[str, str], body: bytes | None, most: int = MAX_ANSWER
    ) -> tuple[httpx.Response, bytes]:
        import httpx  # noqa: PLC0415 - 4 MiB that only those need who call anybody

        try:
            async with self._slots, asyncio.timeout(self._settings.timeout):
                request = self._open().build_request(method, url, headers={"accept": _JSON, **fields}, content=body)
                answer = await self._open().send(request, stream=True)
                try:
                    content = await _bounded(answer, url, most)
                finally:
                    await answer.aclose()
        except TimeoutError:
            raise OutgoingError(f"{url}: no answer in {self._settings.timeout:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise OutgoingError(f"{url}: {_why(error)}") from None
        if answer.status_code // 100 != 2:
            code = _error_code(content)
            said = f" ({code})" if code else ""
            raise OutgoingError(f"{url}: answered {answer.status_code}{said}", answer.status_code, code)
        return answer, content

    def _open(self) -> httpx.AsyncClient:
        import httpx  # noqa: PLC0415 - as above

        if self._client is None:
            settings = self._settings
            # Read now, and not when the settings are taken over: a file that is broken fails calls, not the process.
            verify = ssl.create_default_context(cafile=settings.ca)
            self._client = httpx.AsyncClient(
                proxy=settings.proxy,
                verify=verify,
                trust_env=False,
                follow_redirects=False,
                timeout=settings.timeout,
                limits=httpx.Limits(max_connections=MAX_CALLS, max_keepalive_connections=16),
                headers={"user-agent": "portcullis", "accept-encoding": "identity"},
            )
        self._client.cookies.clear()
        return self._client

    async def _close_later(self, client: httpx.AsyncClient) -> None:
        await asyncio.sleep(self._settings.timeout)
        await client.aclose()


async def _bounded(answer: httpx.Response, url: str, most: int) -> bytes:
    content = bytearray()
    async for piece in answer.aiter_raw():
        content += piece
        if len(content) > most:
            raise OutgoingError(f"{url}: the answer has more than {most} bytes", answer.status_code)
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise OutgoingError(f"{url}: the answer has a content coding that was not asked for", answer.status_code)
    return bytes(content)


def _error_code(content: bytes) -> str:
    try:
        document = msgspec.json.decode(content)
    except (ValueError, RecursionError):
        return ""
    code = document.get("error") if isinstance(document, dict) else None
    return code if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else ""


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
