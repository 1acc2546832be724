"""Client certificates about which somebody is asked when they are shown: a responder (OCSP), a distribution point."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from commands import portcullis
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from gateway import Gateway, read_response, serving, wait_for
from items_shop import SPEC
from ocsp_answers import GOOD, REVOKED, UNKNOWN, answer, delegate, naming, nonce_in, unsuccessful
from ports import free_port
from revocation_server import REQUEST, RevocationServer, answered, ended
from upstream import Upstream

from portcullis.testing.certificates import Authority, Issued

ROOT = Authority("mesh")
OTHER = Authority("other")
GATEWAY = Authority("servers").issue("CN=gateway", dns=["gateway.example"])
ALICE, BOB = (ROOT.issue(f"CN={name}") for name in ("alice", "bob"))
RESPONDER, STRANGER = delegate(ROOT), delegate(OTHER)
CONFIGURATION = """\
listeners:
  public:
    bind: "127.0.0.1:0"
    tls:
      certificate: gateway.pem
      key: gateway.key
      client_ca: mesh.pem
      revocation: {REVOCATION}
  admin: {bind: "127.0.0.1:0"}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    public: true
outgoing: {timeout: 1s}
"""
Behave = Callable[[bytes], bytes]


class Server(RevocationServer):
    """Answers as an authority does."""

    def says(self, about: Issued, status: ocsp.OCSPCertStatus = GOOD, **options: object) -> None:
        def behave(request: bytes) -> bytes:
            serial = ocsp.load_der_ocsp_request(request).serial_number
            if serial != about.certificate.serial_number:
                return unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)
            return answer(about, ROOT, status, nonce=nonce_in(request), **options)  # type: ignore[arg-type]

        self.behave = behave


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    running = Upstream()
    yield running
    running.stop()


@contextmanager
def running(folder: Path, upstream: Upstream, revocation: str) -> Iterator[Gateway]:
    GATEWAY.write(folder / "gateway.pem", folder / "gateway.key")
    (folder / "mesh.pem").write_bytes(ROOT.certificate.public_bytes(Encoding.PEM))
    with serving(folder, SPEC, CONFIGURATION.replace("REVOCATION", revocation), upstream.url) as gateway:
        yield gateway


def connect(gateway: Gateway, issued: Issued, folder: Path) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    issued.write(folder / "client.pem", folder / "client.key")
    context.load_cert_chain(folder / "client.pem", folder / "client.key")
    return context.wrap_socket(gateway.connect(), server_hostname="gateway.example")


def passes(gateway: Gateway, issued: Issued, folder: Path) -> bool:
    return answered(lambda: connect(gateway, issued, folder))


# By OCSP.


def test_who_is_good_passes_who_is_revoked_does_not_and_each_is_asked_about_once(
    tmp_path: Path, upstream: Upstream, server: Server
) -> None:
    with running(tmp_path, upstream, f'ocsp: {{responder: "{server.url}/"}}') as gateway:
        server.says(ALICE)
        assert passes(gateway, ALICE, tmp_path)
        assert passes(gateway, ALICE, tmp_path)
        assert len(server.asked) == 1
        server.says(BOB, REVOKED)
        assert not passes(gateway, BOB, tmp_path)
        assert not passes(gateway, BOB, tmp_path)
        assert len(server.asked) == 2
        assert "it has been revoked" in gateway.errors()
        metrics = httpx.get(f"{gateway.urls['admin']}/metrics").text
        assert 'portcullis_certificates_asked_about_total{listener="public",result="good"} 1.0' in metrics
        assert 'portcullis_certificates_asked_about_total{listener="public",result="revoked"} 1.0' in metrics


def test_a_delegate_may_answer(tmp_path: Path, upstream: Upstream, server: Server) -> None:
    server.says(ALICE, signer=RESPONDER)
    with running(tmp_path, upstream, f'ocsp: {{responder: "{server.url}/"}}') as gateway:
        assert passes(gateway, ALICE, tmp_path)


WRONG: list[tuple[str, Callable[[Issued], bytes]]] = [
    ("about another", lambda _: answer(BOB, ROOT)),
    ("of another authority", lambda who: answer(who, ROOT, signer=STRANGER)),
    ("signed by a workload", lambda who: answer(who, ROOT, signer=BOB)),
    ("to another request", lambda who: answer(who, ROOT, nonce=b"x" * 32)),
    ("run out", lambda who: answer(who, ROOT, starts=timedelta(hours=-2), ends=timedelta(hours=-1))),
    ("of tomorrow", lambda who: answer(who, ROOT, starts=timedelta(hours=1), ends=timedelta(hours=2))),
    ("later", lambda _: unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)),
    ("unknown", lambda who: answer(who, ROOT, UNKNOWN)),
    ("garbage", lambda _: b"garbage"),
    ("huge", lambda _: b"0" * 1_000_000),
    ("not there", lambda _: b""),
]


@pytest.mark.parametrize(("on_unknown", "expected"), [("refuse", False), ("allow", True)])
def test_what_is_no_answer_is_as_if_there_were_none(
    tmp_path: Path, upstream: Upstream, server: Server, on_unknown: str, expected: bool
) -> None:
    rule = f'ocsp: {{responder: "{server.url}/"}}, on_unknown: {on_unknown}'
    with running(tmp_path, upstream, rule) as gateway:
        for what, answered_with in WRONG:
            who = ROOT.issue(f"CN={what}")
            server.behave = lambda _request, who=who, make=answered_with: make(who)  # type: ignore[misc]
            asked = len(server.asked)
            assert passes(gateway, who, tmp_path) is expected, what
            assert len(server.asked) == asked + 1, what
        if not expected:
            server.says(ALICE)
            assert passes(gateway, ALICE, tmp_path)
            assert "can be asked about again" in gateway.errors()


def test_who_connects_again_and_again_does_not_have_it_asked_each_time(
    tmp_path: Path, upstream: Upstream, server: Server
) -> None:
    with running(tmp_path, upstream, f'ocsp: {{responder: "{server.url}/"}}, on_unknown: allow') as gateway:
        for _ in range(8):
            assert passes(gateway, ALICE, tmp_path)
        assert 2 <= len(server.asked) < 6
        metrics = httpx.get(f"{gateway.urls['admin']}/metrics").text
        assert 'portcullis_certificates_asked_about_total{listener="public",result="paused"}' in metrics


@pytest.mark.parametrize(("on_unknown", "expected"), [("refuse", False), ("allow", True)])
def test_a_responder_that_is_slow_holds_up_nobody_else(
    tmp_path: Path, upstream: Upstream, server: Server, on_unknown: str, expected: bool
) -> None:
    rule = f'ocsp: {{responder: "{server.url}/"}}, on_unknown: {on_unknown}'
    with running(tmp_path, upstream, rule) as gateway:
        server.says(ALICE)
        assert passes(gateway, ALICE, tmp_path)
        server.pause = 3
        result: list[bool] = []
        (tmp_path / "bob").mkdir()
        slow = threading.Thread(target=lambda: result.append(passes(gateway, BOB, tmp_path / "bob")))
        slow.start()
        began = time.monotonic()
        assert passes(gateway, ALICE, tmp_path)
        assert time.monotonic() - began < 0.8
        slow.join(10)
        assert result == [expected]


def test_who_is_revoked_while_connected_is_ended(tmp_path: Path, upstream: Upstream, server: Server) -> None:
    server.says(ALICE)
    with running(tmp_path, upstream, f'ocsp: {{responder: "{server.url}/", max_age: 2s}}') as gateway:
        with connect(gateway, ALICE, tmp_path) as client:
            client.sendall(REQUEST)
            assert read_response(client)[0] == 200
            time.sleep(3)
            assert not ended(client)
            server.says(ALICE, REVOKED)
            wait_for(lambda: ended(client), "the end of the connection")
        assert not passes(gateway, ALICE, tmp_path)


def test_only_hosts_of_the_file_are_asked_where_certificates_name_them(
    tmp_path: Path, upstream: Upstream, server: Server
) -> None:
    port = server.url.rpartition(":")[2]
    named = ROOT.issue("CN=named", change=naming(f"http://127.0.0.1:{port}/"))
    elsewhere = ROOT.issue("CN=elsewhere", change=naming(f"http://localhost:{port}/"))
    with running(tmp_path, upstream, "ocsp: {hosts: [127.0.0.1]}") as gateway:
        server.says(named)
        assert passes(gateway, named, tmp_path)
        server.says(elsewhere)
        assert not passes(gateway, elsewhere, tmp_path)
        assert not passes(gateway, ALICE, tmp_path)
        assert len(server.asked) == 1


def test_openssl_is_a_responder_too(tmp_path: Path, upstream: Upstream) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    alice, bob = (f"{each.certificate.serial_number:04X}" for each in (ALICE, BOB))  # an even count of digits
    (tmp_path / "index.txt").write_text(
        f"V\t400101000000Z\t\t{alice}\tunknown\t/CN=alice\nR\t400101000000Z\t250101000000Z\t{bob}\tunknown\t/CN=bob\n"
    )
    ROOT.write(tmp_path / "ca.pem", tmp_path / "ca.key")
    port = free_port()
    files = ["-index", "index.txt", "-rsigner", "ca.pem", "-rkey", "ca.key", "-CA", "ca.pem"]
    argv = [program, "ocsp", "-port", str(port), *files]
    with subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as responder:
        try:
            wait_for(lambda: listens_at(port), "openssl")
            with running(tmp_path, upstream, f'ocsp: {{responder: "http://127.0.0.1:{port}/"}}') as gateway:
                assert passes(gateway, ALICE, tmp_path)
                assert not passes(gateway, BOB, tmp_path)
        finally:
            responder.kill()


def listens_at(port: int) -> bool:
    """Whether somebody listens, without a connection: openssl answers one after the other."""
    tables = (Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6"))
    return any(re.search(rf":{port:04X} [0-9A-F]+:0000 0A ", table) for table in tables)


# By distribution points.


def listed(*those: Issued, number: int = 1) -> bytes:
    return ROOT.revoked(*those, number=number).public_bytes(Encoding.DER)


def test_a_list_that_a_certificate_names_is_fetched_when_it_is_shown(
    tmp_path: Path, upstream: Upstream, server: Server
) -> None:
    change = naming(list_url=f"{server.url}/mesh.crl")
    good, bad = ROOT.issue("CN=good", change=change), ROOT.issue("CN=bad", change=change)
    server.lists["/mesh.crl"] = listed(bad)
    with running(tmp_path, upstream, "distribution_points: [127.0.0.1], refresh: 1s") as gateway:
        assert passes(gateway, good, tmp_path)
        assert not passes(gateway, bad, tmp_path)
        assert passes(gateway, ROOT.issue("CN=other", change=change), tmp_path)
        with connect(gateway, good, tmp_path) as client:
            client.sendall(REQUEST)
            assert read_response(client)[0] == 200
            server.lists["/mesh.crl"] = listed(bad, good, number=2)
            wait_for(lambda: ended(client), "the end of the connection")
        assert not passes(gateway, good, tmp_path)


@pytest.mark.parametrize(("on_unknown", "expected"), [("refuse", False), ("allow", True)])
def test_a_list_that_is_not_there_or_not_where_the_file_allows(
    tmp_path: Path, upstream: Upstream, server: Server, on_unknown: str, expected: bool
) -> None:
    port = server.url.rpartition(":")[2]
    away = ROOT.issue("CN=away", change=naming(list_url=f"{server.url}/away.crl"))
    elsewhere = ROOT.issue("CN=else", change=naming(list_url=f"http://localhost:{port}/mesh.crl"))
    server.lists["/mesh.crl"] = listed()
    with running(tmp_path, upstream, f"distribution_points: [127.0.0.1], on_unknown: {on_unknown}") as gateway:
        assert passes(gateway, away, tmp_path) is expected
        before = len(server.asked)
        assert passes(gateway, elsewhere, tmp_path) is expected
        assert len(server.asked) == before


# The file.


@pytest.mark.parametrize(
    ("revocation", "told"),
    [
        ("refresh: 1m", "nothing would be known"),
        ("ocsp: {}", "nobody is asked"),
        ('ocsp: {responder: "mesh.crl"}', "responder"),
        ('ocsp: {responder: "ftp://a.example/"}', "responder"),
        ('ocsp: {hosts: ["http://a.example"]}', "hosts"),
    ],
)
def test_what_could_not_work_is_an_error_of_the_file(tmp_path: Path, revocation: str, told: str) -> None:
    GATEWAY.write(tmp_path / "gateway.pem", tmp_path / "gateway.key")
    (tmp_path / "mesh.pem").write_bytes(ROOT.certificate.public_bytes(Encoding.PEM))
    (tmp_path / "shop.yaml").write_text(SPEC)
    text = CONFIGURATION.replace("REVOCATION", revocation).replace("UPSTREAM", "http://127.0.0.1:9")
    (tmp_path / "portcullis.yaml").write_text(text)
    done = portcullis(tmp_path, "check", "portcullis.yaml")
    assert done.returncode == 2
    assert told in done.stdout + done.stderr
