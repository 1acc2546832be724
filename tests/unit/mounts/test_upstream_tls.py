"""TLS towards services: whom a connection is made with, and whom not."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Final

import pytest
from rows import rows

from portcullis.engine.public_key_pins import pin_of, written_pin
from portcullis.mounts.deadlines import Deadlines
from portcullis.mounts.judging_context import RefusedCertificateError
from portcullis.mounts.tls import TlsLayer, server_context
from portcullis.mounts.upstream_tls import UpstreamContext, UpstreamTls, upstream_context
from portcullis.testing import FakeClock, FakeTransport
from portcullis.testing.certificates import Authority, Issued

NAME: Final = "shop.internal"
ROOT: Final = Authority("root")
BETWEEN: Final = Authority("between", parent=ROOT)
SHOP: Final = BETWEEN.issue(dns=[NAME])
STRANGER: Final = Authority("stranger").issue(dns=[NAME])


class Ground:
    """The files of a service and of its authorities."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = self.write("ca.pem", ROOT.pem)

    def write(self, name: str, content: bytes) -> str:
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def pair(self, name: str, issued: Issued) -> tuple[str, str]:
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        issued.write(certificate, key)
        return str(certificate), str(key)

    def server(self, issued: Issued = SHOP) -> ssl.SSLContext:
        return server_context(*self.pair("server", issued))


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("tls"))


class Connected(asyncio.Protocol):
    """Whether an application got its connection."""

    made = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made = True


def failure(context: UpstreamContext, server: ssl.SSLContext, name: str = NAME) -> Exception | None:
    """Why no connection was made; ``None`` if one was."""
    application, failures, transport = Connected(), list[Exception](), FakeTransport()
    deadlines = Deadlines(FakeClock().now_ns)
    layer = TlsLayer(
        context, application, deadlines, 10**9, server_side=False, server_hostname=name, failed=failures.append
    )
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    service = server.wrap_bio(incoming, outgoing, server_side=True)
    layer.connection_made(transport)
    for _ in range(4):
        incoming.write(transport.take())
        try:
            service.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            failures.append(error)
        layer.data_received(outgoing.read())
    assert application.made is not bool(failures)
    return failures[0] if failures else None


def pins(*issued: Issued) -> tuple[bytes, ...]:
    return tuple(pin_of(each.certificate) for each in issued)


def test_certificate_and_name_are_verified(ground: Ground) -> None:
    context = upstream_context(UpstreamTls(ca=ground.ca))
    assert failure(context, ground.server()) is None
    assert isinstance(failure(context, ground.server(), "orders.internal"), ssl.SSLCertVerificationError)
    assert isinstance(failure(context, ground.server(STRANGER)), ssl.SSLCertVerificationError)


@rows("pinned", [(SHOP,), (BETWEEN,), (ROOT,), (STRANGER, SHOP)])
def test_a_key_of_the_verified_chain_may_be_pinned(ground: Ground, pinned: tuple[Issued, ...]) -> None:
    context = upstream_context(UpstreamTls(ca=ground.ca, pins=pins(*pinned)))
    assert failure(context, ground.server()) is None


def test_a_service_none_of_whose_keys_is_pinned_is_refused(ground: Ground) -> None:
    context = upstream_context(UpstreamTls(ca=ground.ca, pins=pins(STRANGER)))
    told = failure(context, ground.server())
    assert isinstance(told, RefusedCertificateError)
    assert str(told) == f"none of its keys is pinned, it shows {written_pin(*pins(SHOP))}"


def test_a_pin_does_not_stand_for_the_verification(ground: Ground) -> None:
    context = upstream_context(UpstreamTls(ca=ground.ca, pins=pins(STRANGER)))
    assert isinstance(failure(context, ground.server(STRANGER)), ssl.SSLCertVerificationError)


def test_without_verification_anyone_is_taken(ground: Ground) -> None:
    assert failure(upstream_context(UpstreamTls(verified=False)), ground.server(STRANGER), "other") is None


def test_without_verification_a_pin_is_that_of_the_certificate_itself(ground: Ground) -> None:
    # Whoever sends a chain of others' certificates along has not shown that these are its authorities.
    appended = Issued(STRANGER.certificate, STRANGER.key, (BETWEEN.certificate, ROOT.certificate))
    context = upstream_context(UpstreamTls(verified=False, pins=pins(BETWEEN, ROOT)))
    assert isinstance(failure(context, ground.server(appended)), RefusedCertificateError)
    own = upstream_context(UpstreamTls(verified=False, pins=pins(STRANGER)))
    assert failure(own, ground.server(STRANGER)) is None


def test_a_backup_in_use_is_told_once(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    context = upstream_context(UpstreamTls("the service of API shop", ca=ground.ca, pins=pins(STRANGER, SHOP)))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert failure(context, ground.server()) is None
    (line,) = caplog.messages
    assert line.startswith(f"the service of API shop shows the key of pin {written_pin(*pins(SHOP))} and no more")


def test_the_gateway_shows_its_certificate(ground: Ground) -> None:
    gateway = ROOT.issue("CN=gateway")
    certificate, key = ground.pair("gateway", gateway)
    server = ground.server()
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(ground.ca)
    server.maximum_version = ssl.TLSVersion.TLSv1_2  # in which the client learns in the handshake
    assert failure(upstream_context(UpstreamTls(ca=ground.ca)), server) is not None
    shown = UpstreamTls(ca=ground.ca, certificate=certificate, key=key)
    assert failure(upstream_context(shown), server) is None


def test_nothing_older_than_is_wanted_is_spoken(ground: Ground) -> None:
    server = ground.server()
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    assert failure(upstream_context(UpstreamTls(ca=ground.ca)), server) is None
    assert isinstance(failure(upstream_context(UpstreamTls(ca=ground.ca, tls13=True)), server), ssl.SSLError)
