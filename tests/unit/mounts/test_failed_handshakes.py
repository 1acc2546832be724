"""Why handshakes failed."""

from __future__ import annotations

import contextlib
import ssl
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from rows import rows

from portcullis.mounts.failed_handshakes import FailedHandshakes, reason_of
from portcullis.mounts.judging_context import RefusedCertificateError
from portcullis.mounts.server_names import ServerNames
from portcullis.mounts.tls import server_context
from portcullis.testing.certificates import Authority

HELLO_OF_SSL_3 = b"\x16\x03\x00\x00\x04\x01\x00\x00\x00"


@rows(
    ("error", "reason"),
    [
        (TimeoutError("too long"), "timeout"),
        (ConnectionResetError("gone"), "closed"),
        (ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "closed"), "closed"),
        (ssl.SSLCertVerificationError(1, "expired"), "certificate"),
        (RefusedCertificateError("revoked"), "certificate"),
        (ssl.SSLError(1, "whatever"), "protocol"),
    ],
)
def test_reasons(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


@pytest.fixture
def shake(tmp_path: Path) -> Callable[[bytes], Exception]:
    Authority("root").issue(dns=["shop.example"]).write(tmp_path / "chain.pem", tmp_path / "key.pem")
    context = server_context(str(tmp_path / "chain.pem"), str(tmp_path / "key.pem"))
    names = ServerNames()
    names.add(["shop.example"], context)
    context.sni_callback = names.choose  # type: ignore[assignment]

    def shake(data: bytes) -> Exception:
        incoming = ssl.MemoryBIO()
        server = context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True)
        incoming.write(data)
        with pytest.raises(ssl.SSLError) as error:
            server.do_handshake()
        return error.value

    return shake


def hello(name: str = "shop.example", **settings: object) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    for setting, value in settings.items():
        setattr(context, setting, value)
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")  # of the client that is too old
@rows(
    ("data", "reason"),
    [
        (lambda: b"GET / HTTP/1.1\r\n\r\n", "plain_http"),
        (lambda: HELLO_OF_SSL_3, "protocol"),
        (lambda: hello(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1), "parameters"),
        (lambda: b"\x00" * 100, "protocol"),
        (lambda: hello("other.example"), "server_name"),
        (lambda: hello()[:5] + b"\x09" + hello()[6:], "protocol"),
    ],
    ids=str,
)
def test_openssl_says_why(shake: Callable[[bytes], Exception], data: Callable[[], bytes], reason: str) -> None:
    assert reason_of(shake(data())) == reason


def test_they_are_counted_and_told() -> None:
    counts: Counter[str] = Counter()
    told: list[Exception] = []
    failed = FailedHandshakes(counts, told.append)
    for error in (TimeoutError(), TimeoutError(), ConnectionResetError()):
        failed.note(error)
    assert counts == {"timeout": 2, "closed": 1}
    assert len(told) == 3
