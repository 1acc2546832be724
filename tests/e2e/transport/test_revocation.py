"""Client certificates that are revoked while the gateway runs: by files and URLs, deltas, for open connections too."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from commands import portcullis
from cryptography.hazmat.primitives.serialization import Encoding
from gateway import Gateway, private_bytes, read_response, serving, wait_for
from items_shop import SPEC
from revocation_server import REQUEST, RevocationServer, answered, ended
from upstream import Upstream

from portcullis.testing.certificates import Authority, Issued, pem_of

ROOT = Authority("mesh")
ISSUING = Authority("issuing", ROOT)
OTHER = Authority("other")
SERVER = Authority("servers")
GATEWAY = SERVER.issue("CN=gateway", dns=["gateway.example"])
ALICE, BOB = (ISSUING.issue(f"CN={name}", dns=[f"{name}.example"]) for name in ("alice", "bob"))
CONFIGURATION = """\
listeners:
  public:
    bind: "127.0.0.1:0"
    tls:
      certificate: gateway.pem
      key: gateway.key
      client_ca: mesh.pem
      revocation: {lists: [LISTS], refresh: 1s, ON_UNKNOWN}
  admin: {bind: "127.0.0.1:0"}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    public: true
outgoing: {timeout: 1s}
observe: {access_log: {path: access.jsonl}}
"""
Lists = Callable[..., None]


@pytest.fixture
def server() -> Iterator[RevocationServer]:
    running = RevocationServer()
    yield running
    running.stop()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    running = Upstream()
    yield running
    running.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    GATEWAY.write(tmp_path / "gateway.pem", tmp_path / "gateway.key")
    (tmp_path / "mesh.pem").write_bytes(
        ROOT.certificate.public_bytes(Encoding.PEM) + ISSUING.certificate.public_bytes(Encoding.PEM)
    )
    write(tmp_path, "root.crl", pem_of(ROOT.revoked(number=1)))
    write(tmp_path, "issuing.crl", pem_of(ISSUING.revoked(number=1)))
    return tmp_path


def write(folder: Path, name: str, data: bytes) -> None:
    """As whoever publishes a list should: whole, by renaming."""
    (folder / "new").write_bytes(data)
    (folder / "new").rename(folder / name)


def configuration(*lists: str, on_unknown: str = "on_unknown: refuse") -> str:
    return CONFIGURATION.replace("LISTS", ", ".join(f'"{each}"' for each in lists)).replace("ON_UNKNOWN", on_unknown)


def connect(gateway: Gateway, issued: Issued, folder: Path, version: ssl.TLSVersion | None = None) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=SERVER.der)
    if version is not None:
        context.maximum_version = version
    issued.write(folder / "client.pem", folder / "client.key")
    context.load_cert_chain(folder / "client.pem", folder / "client.key")
    return context.wrap_socket(gateway.connect(), server_hostname="gateway.example")


def passes(gateway: Gateway, issued: Issued, folder: Path, version: ssl.TLSVersion | None = None) -> bool:
    return answered(lambda: connect(gateway, issued, folder, version))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_whoever_is_revoked_is_refused_within_seconds_and_open_connections_end(
    folder: Path, upstream: Upstream, version: ssl.TLSVersion
) -> None:
    files = configuration("root.crl", "issuing.crl")
    with serving(folder, SPEC, files, upstream.url, workers=2) as gateway:
        workers = gateway.workers()
        assert all(passes(gateway, each, folder, version) for each in (ALICE, BOB))
        with connect(gateway, ALICE, folder, version) as alice, connect(gateway, BOB, folder, version) as bob:
            for client in (alice, bob):
                client.sendall(REQUEST)
                assert read_response(client)[0] == 200
            write(folder, "issuing.crl", pem_of(ISSUING.revoked(ALICE, number=2)))
            wait_for(lambda: ended(alice), "the connection of whoever was revoked to end", 5)
            assert not any(passes(gateway, ALICE, folder, version) for _ in range(4))
            bob.settimeout(10)
            bob.sendall(REQUEST)
            assert read_response(bob)[0] == 200
        assert passes(gateway, BOB, folder, version)
        assert gateway.workers() == workers
        assert "connections ended for their client's certificate, since it has been revoked: 1" in gateway.errors()
        assert "listener public refused a client certificate: it has been revoked" in gateway.errors()


def test_an_authority_that_is_revoked_takes_all_its_certificates_along(folder: Path, upstream: Upstream) -> None:
    with serving(folder, SPEC, configuration("root.crl", "issuing.crl"), upstream.url) as gateway:
        assert passes(gateway, ALICE, folder)
        write(folder, "root.crl", pem_of(ROOT.revoked(ISSUING, number=2)))
        wait_for(lambda: not passes(gateway, ALICE, folder), "the authority to be refused", 5)


def test_lists_are_fetched_and_kept_while_their_server_is_away(
    folder: Path, upstream: Upstream, server: RevocationServer
) -> None:
    urls = [f"{server.url}/{name}" for name in ("root.crl", "issuing.crl")]
    server.lists["/root.crl"] = (folder / "root.crl").read_bytes()
    server.lists["/issuing.crl"] = ISSUING.revoked(BOB, number=5).public_bytes(Encoding.DER)
    with serving(folder, SPEC, configuration(*urls), upstream.url) as gateway:
        wait_for(lambda: passes(gateway, ALICE, folder), "the lists", 5)
        assert not passes(gateway, BOB, folder)
        for wrong in (b"", b"garbage", pem_of(OTHER.revoked()), pem_of(ISSUING.revoked(key=OTHER.key, number=9))):
            server.lists["/issuing.crl"] = wrong
            asked = len(server.asked)
            wait_for(lambda asked=asked: len(server.asked) > asked + 1, "the lists to be asked for", 30)
            assert [passes(gateway, each, folder) for each in (ALICE, BOB)] == [True, False]
        del server.lists["/issuing.crl"]
        server.lists["/issuing.crl"] = pem_of(ISSUING.revoked(number=4))  # an older one, played back
        wait_for(lambda: "issuing.crl can't be used" in gateway.errors(), "a word in the log")
        assert not passes(gateway, BOB, folder)
        metrics = httpx.get(f"{gateway.urls['admin']}/metrics").text
        assert 'portcullis_revocation_lists_left_seconds{listener="public"} 3' in metrics
        assert 'portcullis_revocation_list_failures_total{listener="public"}' in metrics
    server.lists.clear()
    with serving(folder, SPEC, configuration(*urls), upstream.url) as gateway:
        assert [passes(gateway, each, folder) for each in (ALICE, BOB)] == [True, False]


@pytest.mark.parametrize(("on_unknown", "passed"), [("on_unknown: refuse", False), ("on_unknown: allow", True)])
def test_the_file_says_what_becomes_of_those_no_list_decides_about(
    folder: Path, upstream: Upstream, server: RevocationServer, on_unknown: str, passed: bool
) -> None:
    """The server of one list is so slow that it is as good as away, and the other one runs out."""
    server.pause = 3.0
    lists = (f"{server.url}/root.crl", "issuing.crl")
    with serving(folder, SPEC, configuration(*lists, on_unknown=on_unknown), upstream.url) as gateway:
        assert passes(gateway, ALICE, folder) is passed
        wait_for(lambda: "no answer in 1 s; there is none to go by" in gateway.errors(), "a word in the log")
        short = ISSUING.revoked(BOB, ends=timedelta(seconds=5), number=2)
        write(folder, "issuing.crl", pem_of(short))
        wait_for(lambda: not passes(gateway, BOB, folder), "the short list", 4)
        time.sleep(max(0.0, short.next_update_utc.timestamp() - time.time()) + 0.1)
        assert passes(gateway, ALICE, folder) is passed
        assert not passes(gateway, BOB, folder)  # whoever was revoked stays so


def test_a_delta_adds_to_a_list_and_takes_from_it(folder: Path, upstream: Upstream) -> None:
    write(folder, "issuing.crl", pem_of(ISSUING.revoked(BOB, number=7)))
    write(folder, "delta.crl", pem_of(ISSUING.revoked(number=7, base=7)))
    with serving(folder, SPEC, configuration("root.crl", "issuing.crl", "delta.crl"), upstream.url) as gateway:
        assert [passes(gateway, each, folder) for each in (ALICE, BOB)] == [True, False]
        write(folder, "delta.crl", pem_of(ISSUING.revoked(ALICE, number=8, base=7, removed=[BOB])))
        wait_for(lambda: [passes(gateway, each, folder) for each in (ALICE, BOB)] == [False, True], "the delta", 5)


def test_a_large_list_is_told_in_time_and_held_in_little_memory(
    folder: Path, upstream: Upstream, server: RevocationServer
) -> None:
    many = ISSUING.revoked(BOB, number=3, more=range(10**20, 10**20 + 100_000))
    server.lists["/issuing.crl"] = many.public_bytes(Encoding.DER)
    lists = ("root.crl", f"{server.url}/issuing.crl")
    with serving(folder, SPEC, configuration(*lists), upstream.url) as gateway:
        (worker,) = gateway.workers()
        wait_for(lambda: passes(gateway, ALICE, folder), "the list", 30)
        assert not passes(gateway, BOB, folder)
        assert private_bytes(worker) < 24 * 1024 * 1024  # 2 MB of it are the list


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("      client_ca: mesh.pem\n", ""), "no client certificates are asked for"),
        (lambda text: text.replace("revocation:", "crl: [root.crl]\n      revocation:"), "crl is read at reloads only"),
        (lambda text: text.replace('"root.crl"', '"nowhere.crl"'), "nowhere.crl can't be read"),
        (lambda text: text.replace('"root.crl"', '"mesh.pem"'), "it is no revocation list in PEM or DER"),
        (lambda text: text.replace('"root.crl"', '"other.crl"'), "which is none of the authorities that are known"),
        (lambda text: text.replace('"root.crl"', '"http://u:p@pki.example/"'), "a URL such as http://pki.example.com"),
    ],
)
def test_mistakes_of_the_file_are_told(folder: Path, change: Callable[[str], str], told: str) -> None:

    (folder / "other.crl").write_bytes(pem_of(OTHER.revoked()))
    (folder / "shop.yaml").write_text(SPEC)
    text = change(configuration("root.crl", "issuing.crl")).replace("UPSTREAM", "http://127.0.0.1:9")
    (folder / "portcullis.yaml").write_text(text)
    done = portcullis(folder, "check", "portcullis.yaml")
    assert done.returncode == 2
    assert told in done.stdout + done.stderr
    assert "portcullis.yaml:" in done.stdout + done.stderr
