"""Show that a contender does what its case is about, before anything is measured."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from bench.errors import VerifyError
from bench.load import HOST, Request
from bench.peers import Probe


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str


def ask(port: int, request: Request, *, secure: bool = False) -> Answer:
    """Make one call to 127.0.0.1:``port``; ``secure``: over TLS, to whoever is there.

    Raises:
        VerifyError: no answer came.

    """
    connection = _connection(port, secure=secure)
    try:
        headers = {"Host": HOST, **request.headers}
        connection.request(request.method, request.path, request.body.encode() or None, headers)
        response = connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, fields, response.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        raise VerifyError(f"{request.method} {request.path} got no answer: {error!r}") from error
    finally:
        connection.close()


def _connection(port: int, *, secure: bool) -> http.client.HTTPConnection:
    if not secure:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)


def verify(port: int, request: Request, status: int, body: str | None, *, secure: bool = False) -> None:
    """Make the case's call once.

    Raises:
        VerifyError: another status came back, or not the answer that is due.

    """
    answer = ask(port, request, secure=secure)
    if answer.status != status:
        raise VerifyError(f"{request.method} {request.path}: {answer.status}, expected {status}: {answer.body[:300]!r}")
    if body is not None and answer.body != body:
        raise VerifyError(f"{request.method} {request.path}: not the answer that is due: {answer.body[:300]!r}")


def verify_probe(port: int, probe: Probe, *, secure: bool = False) -> None:
    """Make the call that shows a control at work.

    Raises:
        VerifyError: another status came back, or a field of the answer is missing.

    """
    answer = ask(port, probe.request, secure=secure)
    missing = [name for name in probe.headers if name.lower() not in answer.headers]
    if answer.status != probe.status or missing:
        without = f" without {', '.join(missing)}" if missing else ""
        found = f"{answer.status}{without}, expected {probe.status}"
        raise VerifyError(f"{probe.title}: {found}: {answer.body[:300]!r}")
