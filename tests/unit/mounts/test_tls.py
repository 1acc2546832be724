"""The TLS layer, against OpenSSL's own client and server."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import ssl
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.peer_certificate import PeerCertificate
from portcullis.mounts import tls
from portcullis.mounts.admission import Admission, Gate
from portcullis.mounts.client_certificates import ClientCertificates, ListenerContext
from portcullis.mounts.deadlines import Deadlines
from portcullis.mounts.judging_context import JudgingContext, RefusedCertificateError, UndecidedCertificateError
from portcullis.mounts.tls import CLIENT_CERTIFICATE, TlsLayer, server_context
from portcullis.mounts.upstream_tls import UpstreamTls, upstream_context
from portcullis.testing import FakeClock, FakeTransport
from portcullis.testing.certificates import Authority, Issued

SECOND: Final = 10**9
NAME: Final = "shop.example"
MESH: Final = Authority("mesh")


class Files:
    """A certificate authority, a certificate of it, and contexts made from their files."""

    def __init__(self, folder: Path) -> None:
        authority, stranger = trustme.CA(), trustme.CA()
        self.ca = self._write(folder / "ca.pem", authority.cert_pem.bytes())
        self.other_ca = self._write(folder / "other-ca.pem", stranger.cert_pem.bytes())
        issued, other = authority.issue_cert(NAME), authority.issue_cert(NAME)
        self.certificate = self._write(folder / "cert.pem", b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        self.key = self._write(folder / "key.pem", issued.private_key_pem.bytes())
        self.other_key = self._write(folder / "other-key.pem", other.private_key_pem.bytes())
        private = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
        encrypted = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        self.encrypted_key = self._write(folder / "encrypted.pem", encrypted)
        self.server = server_context(self.certificate, self.key)
        self.client = upstream_context(UpstreamTls(ca=self.ca))

    @staticmethod
    def _write(path: Path, content: bytes) -> str:
        path.write_bytes(content)
        return str(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("tls"))


class Application(asyncio.Protocol):
    """Notes what it is told; ``answer`` may write when data has come."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.received = b""
        self.lost: list[Exception | None] = []
        self.transport: asyncio.Transport
        self.answer: Callable[[Application], None] = lambda _: None
        self.fails_at_the_end = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.events.append("made")

    def data_received(self, data: bytes) -> None:
        assert data
        self.received += data
        self.answer(self)

    def eof_received(self) -> bool:
        self.events.append("eof")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append("lost")
        self.lost.append(exc)
        if self.fails_at_the_end:
            raise RuntimeError("a bug in the application")

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")


class Peer:
    """The other end: OpenSSL over memory, as ``ssl`` has it."""

    def __init__(
        self, context: ssl.SSLContext, *, server_side: bool = False, session: ssl.SSLSession | None = None
    ) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self.incoming,
            self.outgoing,
            server_side=server_side,
            server_hostname=None if server_side else NAME,
            session=session,
        )
        self.established = False
        self.received = b""
        self.ended = False

    def step(self) -> None:
        """Do what can be done with what has come."""
        with contextlib.suppress(ssl.SSLWantReadError):
            if not self.established:
                self.tls.do_handshake()
                self.established = True
            while piece := self.tls.read(65536):
                self.received += piece
            self.ended = True


class Line:
    """A layer and its peer, and the wire between them."""

    def __init__(self, layer: TlsLayer, peer: Peer, application: Application, deadlines: Deadlines) -> None:
        self.layer = layer
        self.peer = peer
        self.application = application
        self.deadlines = deadlines
        self.transport = FakeTransport()
        layer.connection_made(self.transport)

    def exchange(self, cut: int = 1 << 20) -> Line:
        """Let both ends talk until they have nothing to say, the layer's input in pieces of ``cut`` bytes."""
        for _ in range(20):
            self.peer.incoming.write(self.transport.take())
            self.peer.step()
            wire = self.peer.outgoing.read()
            for start in range(0, len(wire), cut):
                self.layer.data_received(wire[start : start + cut])
            if not wire and not self.transport.sent:
                break
        return self

    def hang_up(self, error: Exception | None = None, *, eof: bool = True) -> None:
        """The network closes the connection."""
        if eof and not self.transport.closed:
            self.layer.eof_received()
        self.transport.lose(self.layer, error)


class Failures(list[Exception]):
    """What ``failed`` was told."""


class Later:
    """Keeps what is to be called in a moment."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self.add = self.calls.append

    def come(self) -> None:
        for call in self.calls:
            call()


def serve(
    files: Files,
    client: ssl.SSLContext | None = None,
    admission: Admission | None = None,
    clock: FakeClock | None = None,
    soon: Later | None = None,
) -> Line:
    """A listener's layer, with a client that wants to connect."""
    application = Application()
    deadlines = Deadlines((clock or FakeClock()).now_ns)
    layer = TlsLayer(
        files.server, application, deadlines, 10 * SECOND, server_side=True, admission=admission, soon=soon
    )
    return Line(layer, Peer(client or files.client), application, deadlines)


def call(files: Files, context: ssl.SSLContext, name: str = NAME, failures: Failures | None = None) -> Line:
    """A layer that connects to a service."""
    application = Application()
    deadlines = Deadlines(FakeClock().now_ns)
    layer = TlsLayer(
        context,
        application,
        deadlines,
        10 * SECOND,
        server_side=False,
        server_hostname=name,
        failed=None if failures is None else failures.append,
    )
    return Line(layer, Peer(files.server, server_side=True), application, deadlines)


# Handshakes.


def test_the_application_hears_of_the_connection_when_the_handshake_is_done(files: Files) -> None:
    line = serve(files)
    assert line.application.events == []
    assert len(line.deadlines) == 1
    line.exchange()
    assert line.peer.established
    assert line.application.events == ["made"]
    assert line.application.transport is line.layer
    assert len(line.deadlines) == 0
    assert line.peer.tls.version() == "TLSv1.3"
    assert line.peer.tls.selected_alpn_protocol() == "http/1.1"


@rows("cut", [1, 2, 5, 64, 500])
def test_a_handshake_may_come_in_pieces_of_any_size(files: Files, cut: int) -> None:
    line = serve(files)
    line.application.answer = lambda app: app.transport.write(b"ok")
    line.exchange(cut)
    line.peer.tls.write(b"GET / HTTP/1.1\r\n\r\n")
    line.exchange(cut)
    assert line.application.received == b"GET / HTTP/1.1\r\n\r\n"
    assert line.peer.received == b"ok"


@rows(("begun", "made"), [(b"\x16", False), (b"\x16\x03\x01\x02\x00hello", False), (b"GET", True)])
def test_nothing_is_made_for_a_client_whose_first_record_is_not_whole(files: Files, begun: bytes, made: bool) -> None:
    line = serve(files)
    line.layer.data_received(begun)
    assert hasattr(line.layer, "_object") is made


def test_a_record_that_is_longer_than_any_is_not_waited_for(files: Files) -> None:
    line = serve(files)
    for piece in (b"\x16\x03\x01\xff\xff", *[b"x" * 1000] * 16):
        assert not hasattr(line.layer, "_object")
        line.layer.data_received(piece)
    line.layer.data_received(b"x" * 400)
    assert hasattr(line.layer, "_object")


@settings(max_examples=settings.default.max_examples // 4)
@given(st.lists(st.integers(1, 400), max_size=12))
def test_any_split_of_the_bytes_gives_the_same(files: Files, sizes: list[int]) -> None:
    line = serve(files).exchange()
    for text in (b"one", b"two" * 100, b"three"):
        line.peer.tls.write(text)
    wire = line.peer.outgoing.read()
    for size in [*sizes, len(wire)]:
        if wire:
            line.layer.data_received(wire[:size])
            wire = wire[size:]
    assert line.application.received == b"one" + b"two" * 100 + b"three"


def test_a_request_that_comes_with_the_end_of_the_handshake_is_not_lost(files: Files) -> None:
    line = serve(files)
    line.peer.step()
    line.layer.data_received(line.peer.outgoing.read())
    line.peer.incoming.write(line.transport.take())
    line.peer.tls.do_handshake()
    line.peer.tls.write(b"GET /")
    line.layer.data_received(line.peer.outgoing.read())
    assert line.application.events == ["made"]
    assert line.application.received == b"GET /"


# Client certificates.


def asking(files: Files, tmp_path: Path, *, required: bool) -> ListenerContext:
    """A listener that asks for certificates of ``mesh``, beside what ``files`` has."""
    (tmp_path / "mesh.pem").write_bytes(MESH.pem)
    return server_context(files.certificate, files.key, ClientCertificates(str(tmp_path / "mesh.pem"), required))


def presenting(files: Files, tmp_path: Path, issued: Issued) -> ssl.SSLContext:
    """A client with a certificate."""
    issued.write(tmp_path / "client.pem", tmp_path / "client.key")
    context = upstream_context(UpstreamTls(ca=files.ca))
    context.load_cert_chain(tmp_path / "client.pem", tmp_path / "client.key")
    return context


def listen(context: ssl.SSLContext, client: ssl.SSLContext, failures: list[Exception]) -> Line:
    application, deadlines = Application(), Deadlines(FakeClock().now_ns)
    layer = TlsLayer(context, application, deadlines, 10 * SECOND, server_side=True, failed=failures.append)
    return Line(layer, Peer(client), application, deadlines)


def test_another_application_can_take_over(files: Files) -> None:
    line = serve(files).exchange()
    other = Application()
    line.layer.set_protocol(other)
    assert line.layer.get_protocol() is other
    other.connection_made(line.layer)
    line.peer.tls.write(b"for the other")
    line.exchange()
    assert (other.received, line.application.received) == (b"for the other", b"")


def test_the_application_can_ask_for_the_certificate_of_its_client(files: Files, tmp_path: Path) -> None:
    issued, failures = MESH.issue(), Failures()
    line = listen(asking(files, tmp_path, required=True), presenting(files, tmp_path, issued), failures).exchange()
    assert line.application.events == ["made"]
    certificate = line.application.transport.get_extra_info(CLIENT_CERTIFICATE)
    assert certificate.der == issued.der
    assert failures == []


def test_without_a_certificate_there_is_none_to_ask_for(files: Files, tmp_path: Path) -> None:
    line = listen(asking(files, tmp_path, required=False), files.client, Failures()).exchange()
    assert line.application.events == ["made"]
    assert line.application.transport.get_extra_info(CLIENT_CERTIFICATE) is None
    assert serve(files).exchange().layer.get_extra_info(CLIENT_CERTIFICATE) is None


def test_the_application_never_hears_of_a_client_whose_certificate_is_refused(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = asking(files, tmp_path, required=True)
    client = presenting(files, tmp_path, MESH.issue())
    monkeypatch.setattr(tls.time, "time", lambda: 4_000_000_000.0)  # what OpenSSL's own clock has not seen
    failures = Failures()
    line = listen(context, client, failures).exchange()
    assert line.transport.closed == "closed"
    assert [str(failure) for failure in failures] == ["it does not hold now"]
    line.peer.tls.write(b"GET / HTTP/1.1\r\n\r\n")
    line.layer.data_received(line.peer.outgoing.read())
    line.hang_up()
    assert line.application.events == []
    assert line.application.received == b""
    assert len(failures) == 1


def test_a_connection_that_has_ended_keeps_nothing_alive(files: Files, tmp_path: Path) -> None:
    line = listen(asking(files, tmp_path, required=True), presenting(files, tmp_path, MESH.issue()), Failures())
    line.exchange().hang_up()
    assert line.application.events[-1] == "lost"
    served = weakref.ref(line.application)
    gc.disable()
    try:
        line.application = Application()
        assert served() is None, "the layer is still there, and what it served is not"
    finally:
        gc.enable()


def test_a_client_may_resume_its_session(files: Files) -> None:
    first = serve(files)
    first.exchange()
    first.application.transport.write(b"x")
    first.exchange()
    session = first.peer.tls.session
    assert session is not None
    second = serve(files)
    second.peer = Peer(files.client, session=session)
    second.exchange()
    assert second.peer.established
    assert second.peer.tls.session_reused
    assert second.application.events == ["made"]


def has_ticket(line: Line) -> bool:
    line.exchange()
    session = line.peer.tls.session
    assert session is not None
    return session.has_ticket


def test_a_ticket_that_no_answer_takes_along_comes_by_itself(files: Files) -> None:
    soon = Later()
    line = serve(files, soon=soon).exchange()
    assert not has_ticket(line)
    soon.come()
    assert has_ticket(line)


def test_and_waits_for_the_answer_where_something_was_asked(files: Files) -> None:
    soon = Later()
    line = serve(files, soon=soon).exchange()
    line.peer.tls.write(b"GET /")
    line.layer.data_received(line.peer.outgoing.read())
    soon.come()
    assert not has_ticket(line)
    line.application.transport.write(b"x")
    assert has_ticket(line)


def test_a_connection_that_has_ended_is_sent_no_ticket(files: Files) -> None:
    soon = Later()
    line = serve(files, soon=soon).exchange()
    line.application.transport.abort()
    soon.come()
    assert line.transport.take() == b""


def test_the_ticket_for_that_comes_with_the_first_answer(files: Files) -> None:
    line = serve(files, soon=Later()).exchange()
    assert line.application.events == ["made"]
    session = line.peer.tls.session
    assert session is not None
    assert not session.has_ticket
    line.application.transport.write(b"x")
    wire = line.transport.take()
    line.peer.incoming.write(wire)
    line.peer.step()
    assert line.peer.received == b"x"
    session = line.peer.tls.session
    assert session is not None
    assert session.has_ticket


def test_or_with_the_end_where_there_is_no_answer(files: Files) -> None:
    line = serve(files, soon=Later()).exchange()
    line.application.transport.close()
    line.exchange()
    assert line.peer.ended
    session = line.peer.tls.session
    assert session is not None
    assert session.has_ticket


def test_in_tls_1_2_it_ends_the_handshake(files: Files) -> None:
    line = serve(files, restricted(files, ssl.TLSVersion.TLSv1_2, "ALL")).exchange()
    assert line.peer.established
    session = line.peer.tls.session
    assert session is not None
    assert session.has_ticket


def restricted(files: Files, version: ssl.TLSVersion, ciphers: str) -> ssl.SSLContext:
    """A client that speaks nothing newer than ``version``."""
    context = upstream_context(UpstreamTls(ca=files.ca))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = version
    context.set_ciphers(ciphers)
    return context


def test_tls_1_2_is_spoken_with_forward_secrecy_and_authenticated_encryption(files: Files) -> None:
    line = serve(files, restricted(files, ssl.TLSVersion.TLSv1_2, "ALL"))
    line.exchange()
    assert line.peer.tls.version() == "TLSv1.2"
    cipher = line.peer.tls.cipher()
    assert cipher is not None
    assert cipher[0].startswith("ECDHE-")
    assert cipher[0].endswith(("-GCM-SHA256", "-GCM-SHA384", "-CHACHA20-POLY1305"))


@rows(
    ("version", "ciphers"),
    [
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA"),
        (ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256"),
    ],
    ids=["TLS 1.1", "CBC", "no forward secrecy"],
)
def test_what_is_too_weak_is_refused(files: Files, version: ssl.TLSVersion, ciphers: str) -> None:
    line = serve(files, restricted(files, version, ciphers))
    with pytest.raises(ssl.SSLError, match=r"(?i)alert|version"):
        line.exchange()
    assert line.transport.closed == "closed"
    line.hang_up()
    assert line.application.events == []


@rows(
    "wire",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00" * 100,
        b"\x16\x03\x01\xff\xff" + b"\x01" * 100_000,
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"\x80\x2e\x01\x00\x02" + b"\x00" * 60,
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
    ],
    ids=["plain http/2", "zeros", "endless record", "alert", "SSL 2", "proxy protocol"],
)
@rows("cut", [1, 1 << 20])
def test_what_is_no_handshake_ends_the_connection_and_reaches_nobody(files: Files, wire: bytes, cut: int) -> None:
    line = serve(files)
    for start in range(0, min(len(wire), 20_000), cut):
        line.layer.data_received(wire[start : start + cut])
    assert line.transport.closed == "closed"
    assert line.transport.sent == b"" or line.transport.sent[0] == 0x15, "an alert, or nothing"
    line.hang_up()
    assert line.application.events == []
    assert line.application.received == b""
    assert len(line.deadlines) == 0


@rows("method", ["GET", "POST", "HEAD", "PUT "])
@rows("cut", [1, 1 << 20])
def test_who_speaks_plain_http_is_told_so(files: Files, method: str, cut: int) -> None:
    line = serve(files)
    wire = f"{method} /a HTTP/1.1\r\nHost: shop\r\n\r\n".encode()
    for start in range(0, len(wire), cut):
        line.layer.data_received(wire[start : start + cut])
    head, _, body = line.transport.sent.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert f"content-length: {len(body)}".encode() in head
    assert json.loads(body)["title"] == "This port speaks TLS: use https"
    assert line.transport.closed == "closed"
    assert line.application.events == []


def test_after_a_failed_handshake_nothing_more_is_read(files: Files) -> None:
    line = serve(files)
    line.layer.data_received(b"garbage garbage")
    line.transport.take()
    line.layer.data_received(b"more")
    assert line.transport.sent == b""


def test_a_handshake_has_its_time(files: Files) -> None:
    clock = FakeClock()
    line = serve(files, clock=clock)
    line.peer.step()
    line.layer.data_received(line.peer.outgoing.read()[:100])
    clock.advance(9.9)
    line.deadlines.sweep()
    assert line.transport.closed == ""
    clock.advance(0.2)
    line.deadlines.sweep()
    assert line.transport.closed == "aborted"
    line.hang_up()
    assert line.application.events == []


def test_after_the_handshake_its_deadline_is_gone(files: Files) -> None:
    clock = FakeClock()
    line = serve(files, clock=clock).exchange()
    clock.advance(1000)
    line.deadlines.sweep()
    assert line.transport.closed == ""


# Data.


@rows("size", [1, 16 * 1024, 16 * 1024 + 1, 1_000_000])
def test_data_of_any_size_crosses_both_ways(files: Files, size: int) -> None:
    line = serve(files).exchange()
    payload = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    line.application.transport.write(payload)
    line.peer.tls.write(payload)
    line.exchange(65536)
    assert line.peer.received == payload
    assert line.application.received == payload


@pytest.mark.parametrize("cut", [1 << 20, 100, 16_406])
def test_many_records_that_come_together_are_read_together(files: Files, cut: int) -> None:
    line = serve(files).exchange()
    sent = [b"a" * 16_384, b"b", b"c" * 5_000, b"d" * 20_000]
    for piece in sent:
        line.peer.tls.write(piece)
    wire = line.peer.outgoing.read()
    for start in range(0, len(wire), cut):
        line.layer.data_received(wire[start : start + cut])
    assert line.application.received == b"".join(sent)


def test_other_kinds_of_bytes_can_be_written_too(files: Files) -> None:
    line = serve(files).exchange()
    line.application.transport.write(bytearray(b"one"))
    line.application.transport.write(memoryview(b"-two"))
    line.application.transport.writelines([b"-three", b"-four"])
    assert line.exchange().peer.received == b"one-two-three-four"


def test_back_pressure_passes_through_in_both_directions(files: Files) -> None:
    line = serve(files)
    line.layer.pause_writing()
    line.layer.resume_writing()
    assert line.application.events == [], "it can't write yet"
    line.exchange()
    line.layer.pause_writing()
    line.layer.resume_writing()
    assert line.application.events == ["made", "pause", "resume"]
    line.application.transport.pause_reading()
    assert not line.transport.reading
    line.application.transport.resume_reading()
    assert line.transport.reading
    line.transport.unsent = 7
    assert line.application.transport.get_write_buffer_size() == 7


class KeyUpdates:
    """In place of OpenSSL's connection: reads key updates, each of which it answers."""

    def __init__(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        self.incoming, self.outgoing = incoming, outgoing

    def read(self, _most: int) -> bytes:
        self.outgoing.write(b"u" * len(self.incoming.read()))
        raise ssl.SSLWantReadError


def test_who_wants_many_new_keys_and_reads_none_of_the_answers_is_cut_off(files: Files) -> None:
    line = serve(files).exchange()
    line.layer._object = KeyUpdates(line.layer._incoming, line.layer._outgoing)  # type: ignore[assignment]
    line.layer.data_received(b"u" * 500)
    assert line.transport.take() == b"", "they can wait"
    line.layer.data_received(b"u" * 1000)
    assert line.transport.take().endswith(b"u" * 1500)
    line.transport.unsent = 100_000
    line.layer.data_received(b"u" * 1000)
    assert not line.transport.closed
    line.layer.data_received(b"u" * 1000)
    assert line.transport.closed == "aborted"
    line.hang_up()
    assert "key updates" in str(line.application.lost[0])


def test_the_application_can_ask_who_the_peer_is_and_how_it_is_encrypted(files: Files) -> None:
    transport = serve(files).exchange().application.transport
    assert transport.get_extra_info("peername") == ("192.0.2.1", 40000)
    assert transport.get_extra_info("ssl_object").version() == "TLSv1.3"
    assert transport.get_extra_info("nothing", 3) == 3
    assert not transport.can_write_eof()


# Ends.


def test_a_client_that_says_it_has_ended_is_told_so_too(files: Files) -> None:
    line = serve(files).exchange()
    with contextlib.suppress(ssl.SSLWantReadError):
        line.peer.tls.unwrap()
    line.layer.data_received(line.peer.outgoing.read())
    assert line.application.events == ["made", "eof"]
    assert line.transport.closed == "closed"
    line.peer.incoming.write(line.transport.take())
    line.peer.tls.unwrap()
    line.hang_up()
    assert line.application.lost == [None]


def test_what_comes_with_the_end_is_received_before_it(files: Files) -> None:
    line = serve(files).exchange()
    line.peer.tls.write(b"last words")
    with contextlib.suppress(ssl.SSLWantReadError):
        line.peer.tls.unwrap()
    line.layer.data_received(line.peer.outgoing.read())
    assert line.application.received == b"last words"
    assert line.application.events == ["made", "eof"]


def test_a_connection_that_is_cut_is_an_error_and_no_end(files: Files) -> None:
    line = serve(files).exchange()
    line.peer.tls.write(b"half")
    line.exchange()
    assert line.layer.eof_received() is False
    assert line.application.events == ["made"]
    line.transport.lose(line.layer, None)
    assert line.application.events == ["made", "lost"]
    assert isinstance(line.application.lost[0], ssl.SSLEOFError)


def test_a_connection_that_is_cut_in_the_middle_of_a_record_is_an_error(files: Files) -> None:
    line = serve(files).exchange()
    line.peer.tls.write(b"half")
    line.layer.data_received(line.peer.outgoing.read()[:-1])
    line.hang_up()
    assert line.application.received == b""
    assert isinstance(line.application.lost[0], ssl.SSLEOFError)


def test_an_error_of_the_network_is_passed_on_as_it_is(files: Files) -> None:
    line = serve(files).exchange()
    error = ConnectionResetError()
    line.hang_up(error, eof=False)
    assert line.application.lost == [error]


@rows("before", [b"", b"good"])
def test_a_record_that_was_tampered_with_breaks_the_connection(files: Files, before: bytes) -> None:
    line = serve(files).exchange()
    if before:
        line.peer.tls.write(before)
    good = line.peer.outgoing.read()
    line.peer.tls.write(b"evil")
    record = bytearray(line.peer.outgoing.read())
    record[-1] ^= 1
    line.layer.data_received(good + bytes(record))
    assert line.transport.closed == "aborted"
    assert line.application.received == before
    line.hang_up()
    assert line.application.events == ["made", "lost"]
    assert isinstance(line.application.lost[0], ssl.SSLError)


def test_plain_text_in_the_middle_breaks_the_connection(files: Files) -> None:
    line = serve(files).exchange()
    line.layer.data_received(b"GET / HTTP/1.1\r\n\r\n")
    assert line.transport.closed == "aborted"
    assert line.application.received == b""


def test_closing_says_so_and_what_was_written_before_arrives(files: Files) -> None:
    line = serve(files).exchange()
    transport = line.application.transport
    transport.write(b"bye")
    transport.close()
    transport.close()
    assert transport.is_closing()
    line.exchange()
    assert (line.peer.received, line.peer.ended) == (b"bye", True)
    line.hang_up()
    assert line.application.lost == [None]


def test_an_application_that_closes_when_it_has_answered_gets_nothing_more(files: Files) -> None:
    def refuse(application: Application) -> None:
        application.transport.write(b"400")
        application.transport.close()

    line = serve(files).exchange()
    line.application.answer = refuse
    line.peer.tls.write(b"one")
    wire = line.peer.outgoing.read()
    line.layer.data_received(wire)
    line.peer.tls.write(b"two")
    line.layer.data_received(line.peer.outgoing.read())
    assert line.application.received == b"one"
    assert line.application.events == ["made"]


def test_breaking_off_says_nothing(files: Files) -> None:
    line = serve(files).exchange()
    line.application.transport.abort()
    assert line.transport.closed == "aborted"
    assert line.transport.sent == b""
    line.application.transport.write(b"late")
    line.application.transport.close()
    assert line.transport.sent == b""


def test_closing_before_the_handshake_is_done_is_possible(files: Files) -> None:
    line = serve(files)
    line.layer.close()
    assert line.transport.closed == "closed"
    line.hang_up()
    assert line.application.events == []


# Admission: a place under the caps, given back exactly once.


class Counts:
    """Counts calls."""

    def __init__(self) -> None:
        self.balance = 0
        self.released = 0

    def acquire(self, address: str, worker: int, limit: int) -> bool:
        self.balance += 1
        return True

    def release(self, address: str, worker: int) -> None:
        self.balance -= 1
        self.released += 1


def test_without_a_place_there_is_no_handshake(files: Files) -> None:
    gate = Gate(Counts(), 0, 0, 1, [])
    line = serve(files, admission=Admission(gate))
    assert (line.transport.closed, line.transport.sent) == ("aborted", b"")
    assert len(line.deadlines) == 0
    line.hang_up()
    assert line.application.events == []
    assert (gate.open, gate.refused) == (0, 1)


def end_in_the_handshake(line: Line) -> None:
    line.layer.data_received(b"garbage")
    line.hang_up()


def end_before_the_handshake(line: Line) -> None:
    line.hang_up()


def end_in_time(line: Line) -> None:
    line.layer.expire()
    line.hang_up()


def end_well(line: Line) -> None:
    line.exchange()
    line.application.transport.close()
    line.hang_up()


def end_in_a_bug(line: Line) -> None:
    line.exchange()
    line.application.fails_at_the_end = True
    with pytest.raises(RuntimeError):
        line.hang_up()


@rows("end", [end_in_the_handshake, end_before_the_handshake, end_in_time, end_well, end_in_a_bug])
def test_however_a_connection_ends_its_place_is_given_back_once(files: Files, end: Callable[[Line], None]) -> None:
    counts = Counts()
    gate = Gate(counts, 0, 10, 10, [])
    line = serve(files, admission=Admission(gate))
    assert (gate.open, counts.balance) == (1, 1)
    end(line)
    assert (gate.open, counts.balance, counts.released) == (0, 0, 1)
    assert len(line.deadlines) == 0


# Towards a service.


@rows("cut", [1, 1 << 20])
def test_a_service_with_a_good_certificate_is_connected_to(files: Files, cut: int) -> None:
    failures = Failures()
    line = call(files, files.client, failures=failures).exchange(cut)
    assert line.application.events == ["made"]
    assert line.peer.established
    line.application.transport.write(b"GET /")
    line.peer.tls.write(b"HTTP/1.1 200")
    line.exchange(cut)
    assert line.peer.received == b"GET /"
    assert line.application.received == b"HTTP/1.1 200"
    line.hang_up()
    assert failures == []


def refused(line: Line) -> None:
    with contextlib.suppress(ssl.SSLError):
        line.exchange()


def test_a_certificate_of_a_stranger_is_refused_and_reported_once(files: Files) -> None:
    failures = Failures()
    line = call(files, upstream_context(UpstreamTls(ca=files.other_ca)), failures=failures)
    refused(line)
    assert line.transport.closed == "closed"
    line.hang_up()
    [failure] = failures
    assert isinstance(failure, ssl.SSLCertVerificationError)
    assert failure.verify_message
    assert line.application.events == []


def test_a_certificate_for_another_name_is_refused(files: Files) -> None:
    failures = Failures()
    line = call(files, files.client, "evil.example", failures)
    refused(line)
    [failure] = failures
    assert isinstance(failure, ssl.SSLCertVerificationError)
    assert "evil.example" in failure.verify_message


def test_a_service_that_speaks_no_tls_is_reported(files: Files) -> None:
    failures = Failures()
    line = call(files, files.client, failures=failures)
    line.layer.data_received(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    [failure] = failures
    assert isinstance(failure, ssl.SSLError)
    assert line.transport.closed == "closed"


@rows("error", [None, ConnectionResetError()])
def test_a_service_that_hangs_up_in_the_handshake_is_reported(files: Files, error: Exception | None) -> None:
    failures = Failures()
    line = call(files, files.client, failures=failures)
    line.hang_up(error, eof=error is None)
    [failure] = failures
    assert failure is error or isinstance(failure, ssl.SSLEOFError)
    assert line.application.events == []


def test_a_handshake_that_is_broken_off_by_us_is_reported(files: Files) -> None:
    failures = Failures()
    line = call(files, files.client, failures=failures)
    line.layer.abort()
    line.hang_up()
    assert [type(failure) for failure in failures] == [ConnectionResetError]


def test_a_handshake_that_takes_too_long_is_reported(files: Files) -> None:
    failures = Failures()
    line = call(files, files.client, failures=failures)
    line.layer.expire()
    assert line.transport.closed == "aborted"
    line.hang_up()
    assert [type(failure) for failure in failures] == [TimeoutError]


def test_an_answer_that_is_cut_off_is_not_taken_for_ended(files: Files) -> None:
    line = call(files, files.client).exchange()
    line.peer.tls.write(b"HTTP/1.1 200 OK\r\n\r\nhalf a bo")
    line.exchange()
    line.hang_up()
    assert line.application.events == ["made", "lost"]
    assert line.application.lost[0] is not None


# Contexts.


def test_a_key_that_is_encrypted_is_refused_without_asking_for_a_password(files: Files) -> None:
    with pytest.raises(ssl.SSLError, match="the private key is encrypted"):
        server_context(files.certificate, files.encrypted_key)


def test_a_key_of_another_certificate_is_refused(files: Files) -> None:
    with pytest.raises(ssl.SSLError):
        server_context(files.certificate, files.other_key)


def test_files_that_are_not_there_or_hold_something_else_are_refused(files: Files) -> None:
    with pytest.raises(OSError, match="No such file"):
        server_context(files.certificate + ".missing", files.key)
    with pytest.raises(OSError, match="No such file"):
        upstream_context(UpstreamTls(ca=files.ca + ".missing"))
    with pytest.raises(ssl.SSLError):
        server_context(files.key, files.key)


def test_contexts_are_strict(files: Files) -> None:
    for context in (files.server, files.client):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.options & ssl.OP_NO_COMPRESSION
    assert files.server.options & ssl.OP_NO_RENEGOTIATION
    assert files.client.verify_mode is ssl.CERT_REQUIRED
    assert files.client.check_hostname


# Certificates about which somebody has to be asked.


class Asking(JudgingContext):
    """Nothing is known of certificates until ``answered``; then they are fine, or ``refused``."""

    judges = True
    refused = ""
    answered: asyncio.Event

    def judge(self, connection: ssl.SSLObject, now: float, *, asked: bool = False) -> PeerCertificate | None:
        del connection, now
        if not asked:
            raise UndecidedCertificateError(self.ask)
        if self.refused:
            raise RefusedCertificateError(self.refused)
        return None

    async def ask(self) -> None:
        await self.answered.wait()


def undecided(files: Files) -> Line:
    context = Asking(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    context.answered = asyncio.Event()
    files.asking = context  # type: ignore[attr-defined]
    application = Application()
    deadlines = Deadlines(FakeClock().now_ns)
    layer = TlsLayer(context, application, deadlines, 10 * SECOND, server_side=True)
    return Line(layer, Peer(files.client), application, deadlines)


async def test_a_handshake_waits_until_it_is_known_whether_the_certificate_holds(files: Files) -> None:
    line = undecided(files).exchange()
    assert (line.application.events, line.transport.reading, len(line.deadlines)) == ([], False, 1)
    line.peer.tls.write(b"early")
    line.exchange()
    assert line.application.events == []
    files.asking.answered.set()  # type: ignore[attr-defined]
    await asyncio.sleep(0.01)
    assert (line.application.events, line.application.received) == (["made"], b"early")
    assert (line.transport.reading, len(line.deadlines)) == (True, 0)


async def test_and_ends_if_it_does_not(files: Files) -> None:
    line = undecided(files).exchange()
    files.asking.refused = "it has been revoked"  # type: ignore[attr-defined]
    files.asking.answered.set()  # type: ignore[attr-defined]
    await asyncio.sleep(0.01)
    assert line.application.events == []
    assert line.transport.closed == "closed"


async def test_who_goes_meanwhile_is_waited_for_no_more(files: Files) -> None:
    line = undecided(files).exchange()
    line.hang_up()
    await asyncio.sleep(0.01)
    assert line.application.events == []
    assert len(line.deadlines) == 0
