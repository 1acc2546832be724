"""Client certificates in handshakes, against OpenSSL's own client."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from portcullis.engine.authentication.live_revocation import LiveRevocation, told
from portcullis.engine.authentication.revocation import RevocationList, Revocations
from portcullis.engine.peer_certificate import PeerCertificate
from portcullis.mounts import client_certificates
from portcullis.mounts.client_certificates import (
    CLIENT_CERTIFICATE,
    ClientCertificates,
    ListenerContext,
    RefusedClients,
    end_revoked,
)
from portcullis.mounts.judging_context import RefusedCertificateError
from portcullis.mounts.tls import server_context
from portcullis.testing.certificates import Authority, Issued, pem_of
from portcullis.testing.transport import FakeTransport

NAME: Final = "gateway.example"
NEVER: Final = 4e9
VERSIONS: Final = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


class Ground:
    """Authorities, and the files of a listener that asks for certificates of one of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = Authority("root")
        self.below = Authority("below", self.root)
        Authority("servers").issue(dns=[NAME]).write(folder / "server.pem", folder / "server.key")
        (folder / "root.pem").write_bytes(self.root.pem)

    def listener(
        self,
        *,
        required: bool = True,
        lists: Sequence[bytes] = (),
        revocations: Revocations | None = None,
        live: LiveRevocation | None = None,
    ) -> ListenerContext:
        pems = [each.decode() for each in lists]
        asked = ClientCertificates(str(self.folder / "root.pem"), required, pems, len(lists) > 1, revocations, live)
        return server_context(str(self.folder / "server.pem"), str(self.folder / "server.key"), asked)

    def client(self, issued: Issued | None, version: ssl.TLSVersion = VERSIONS[1]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = version
        if issued is not None:
            issued.write(self.folder / "client.pem", self.folder / "client.key")
            context.load_cert_chain(self.folder / "client.pem", self.folder / "client.key")
        return context


def shake(
    listener: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends after a handshake; raises what the listener's end raises."""
    one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
    server_end = listener.wrap_bio(one, other, server_side=True)
    client_end = client.wrap_bio(other, one, session=session)
    for _ in range(10):
        with contextlib.suppress(ssl.SSLWantReadError):
            client_end.do_handshake()
        with contextlib.suppress(ssl.SSLWantReadError):
            server_end.do_handshake()
    server_end.write(b"x")
    assert client_end.read(1) == b"x"
    return server_end, client_end


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_certificate_of_a_client_is_told_with_its_chain(ground: Ground, version: ssl.TLSVersion) -> None:
    listener, issued = ground.listener(), ground.below.issue(dns=["a.example"])
    connection, _ = shake(listener, ground.client(issued, version))
    certificate = listener.judge(connection, time.time())
    assert certificate is not None
    assert certificate.der == issued.der
    assert list(certificate.chain()) == issued.chain_der


@pytest.mark.parametrize("version", VERSIONS)
def test_a_certificate_is_required_or_only_requested(ground: Ground, version: ssl.TLSVersion) -> None:
    nobody = ground.client(None, version)
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        shake(ground.listener(), nobody)
    listener = ground.listener(required=False)
    connection, _ = shake(listener, nobody)
    assert listener.judge(connection, time.time()) is None


def test_a_connection_without_a_certificate_is_none_of_a_listener_that_requires_one(ground: Ground) -> None:
    connection, _ = shake(ground.listener(required=False), ground.client(None))
    with pytest.raises(RefusedCertificateError, match="there is none"):
        ground.listener().judge(connection, time.time())


def test_a_listener_that_asks_for_none_sees_none(ground: Ground) -> None:
    listener = server_context(str(ground.folder / "server.pem"), str(ground.folder / "server.key"))
    connection, _ = shake(listener, ground.client(ground.below.issue()))
    assert listener.judge(connection, time.time()) is None
    assert not listener.options & ssl.OP_NO_TICKET


@pytest.mark.parametrize("required", [True, False])
def test_the_handshake_verifies_what_is_presented(ground: Ground, required: bool) -> None:
    listener = ground.listener(required=required)
    for issued in (
        Authority("root").issue(),
        ground.root.issue(ends=timedelta(minutes=-1)),
        ground.root.issue(starts=timedelta(minutes=1)),
        Issued(ground.below.issue().certificate, ground.below.issue().key) if required else Authority("x").issue(),
    ):
        with pytest.raises(ssl.SSLError):
            shake(listener, ground.client(issued))


def test_the_handshake_goes_by_lists_of_authorities(ground: Ground) -> None:
    good, bad = ground.below.issue(), ground.below.issue()
    lists = [pem_of(ground.root.revoked()), pem_of(ground.below.revoked(bad))]
    listener = ground.listener(lists=lists)
    shake(listener, ground.client(good))
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate revoked"):
        shake(listener, ground.client(bad))
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get certificate CRL"):
        shake(ground.listener(lists=lists[:1]), ground.client(good))
    revoked_authority = [pem_of(ground.root.revoked(ground.below)), pem_of(ground.below.revoked())]
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate revoked"):
        shake(ground.listener(lists=revoked_authority), ground.client(good))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_whole_chain_is_looked_up_in_what_is_revoked_now(ground: Ground, version: ssl.TLSVersion) -> None:
    live = LiveRevocation("refuse")
    listener = ground.listener(live=live)
    issued = ground.below.issue()
    issuer, root = ground.below.certificate, ground.root.certificate

    def known(*, leaf: bool = False, authority: bool = False) -> None:
        of_leaf = frozenset({issued.certificate.serial_number} if leaf else ())
        of_authority = frozenset({issuer.serial_number} if authority else ())
        lists = [
            RevocationList(issuer.subject.public_bytes(), "below", of_leaf, NEVER),
            RevocationList(root.subject.public_bytes(), "root", of_authority, NEVER),
        ]
        live.apply(told(lists))

    known()
    server_end, _ = shake(listener, ground.client(issued, version))
    certificate = listener.judge(server_end, time.time())
    assert certificate is not None
    assert certificate.refusal is not None
    assert certificate.refusal(time.time()) == ""
    for change in ({"leaf": True}, {"authority": True}):
        known(**change)
        assert certificate.refusal(time.time()) == "it has been revoked"
        with pytest.raises(RefusedCertificateError, match="it has been revoked"):
            listener.judge(server_end, time.time())
    live.apply(told([]))
    with pytest.raises(RefusedCertificateError, match="no list holds now"):
        listener.judge(server_end, time.time())


def test_the_whole_chain_is_looked_up_for_a_session_that_is_resumed_too(ground: Ground) -> None:
    live = LiveRevocation("refuse")
    listener = ground.listener(live=live)
    issued = ground.below.issue()
    issuer, root = ground.below.certificate, ground.root.certificate

    def known(*revoked: int) -> None:
        lists = [
            RevocationList(issuer.subject.public_bytes(), "below", frozenset(), NEVER),
            RevocationList(root.subject.public_bytes(), "root", frozenset(revoked), NEVER),
        ]
        live.apply(told(lists))

    known()
    client = ground.client(issued, ssl.TLSVersion.TLSv1_2)
    first, end = shake(listener, client)
    assert listener.judge(first, time.time()) is not None
    again, _ = shake(listener, client, end.session)
    assert again.session_reused
    assert listener.judge(again, time.time()) is not None
    known(issuer.serial_number)
    with pytest.raises(RefusedCertificateError, match="has been revoked"):
        listener.judge(again, time.time())
    known()
    listener._chains.clear()
    with pytest.raises(RefusedCertificateError, match="not known any more"):
        listener.judge(again, time.time())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_that_is_resumed_is_judged_by_what_is_known_now(ground: Ground, version: ssl.TLSVersion) -> None:
    issued = ground.root.issue(ends=timedelta(minutes=10))
    certificate = issued.certificate
    name, serial, now = certificate.issuer.public_bytes(), certificate.serial_number, time.time()
    listener = ground.listener(revocations=Revocations([RevocationList(name, "", frozenset(), now + 300)]))
    client = ground.client(issued, version)
    connection, end = shake(listener, client)
    assert listener.judge(connection, now) is not None
    again, _ = shake(listener, client, end.session)
    assert again.session_reused == (version is ssl.TLSVersion.TLSv1_2), "1.3 gets no tickets"
    assert listener.judge(again, now) is not None
    with pytest.raises(RefusedCertificateError, match="does not hold now"):
        listener.judge(again, now + 700)
    with pytest.raises(RefusedCertificateError, match="no list holds now"):
        listener.judge(again, now + 301)
    revoked = Revocations([RevocationList(name, "", frozenset({serial}), now + 600)])
    with pytest.raises(RefusedCertificateError, match="has been revoked"):
        ground.listener(revocations=revoked).judge(again, now)


def test_what_can_not_be_read_is_refused(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = ground.listener()
    connection, _ = shake(listener, ground.client(ground.root.issue(dns=["a.example"] * 101)))
    with pytest.raises(RefusedCertificateError, match="more than 100 alternative names"):
        listener.judge(connection, time.time())


def test_a_list_in_der_is_no_list_for_a_context(ground: Ground) -> None:
    with pytest.raises(UnicodeDecodeError):
        ground.listener(lists=[ground.root.revoked().public_bytes(Encoding.DER)])


def test_the_name_by_which_a_transport_is_asked() -> None:
    assert asyncio.Transport().get_extra_info(CLIENT_CERTIFICATE) is None


def test_the_log_says_why_and_not_without_end(
    ground: Ground, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(client_certificates.time, "monotonic", lambda: clock[0])
    refused = RefusedClients("internal")
    with caplog.at_level(logging.WARNING):
        for error in (ssl.SSLEOFError(8, "closed without close_notify"), ConnectionResetError(), TimeoutError()):
            refused.note(error)
        assert caplog.messages == []
        for _ in range(50):
            refused.note(RefusedCertificateError("it has been revoked"))
        clock[0] += 1.0
        for issued in (None, Authority("root").issue()):
            with pytest.raises(ssl.SSLError) as raised:
                shake(ground.listener(), ground.client(issued))
            refused.note(raised.value)
            clock[0] += 1.0
    assert caplog.messages[:2] == [
        "listener internal refused a client certificate: it has been revoked",
        "listener internal refused a client certificate: there is none (and 49 more before)",
    ]
    assert caplog.messages[2].startswith("listener internal refused a client certificate: ")
    assert len(caplog.messages) == 3


def test_connections_of_those_who_hold_no_more_are_broken_off(caplog: pytest.LogCaptureFixture) -> None:
    def transport(certificate: PeerCertificate | None) -> FakeTransport:
        made = FakeTransport()
        made._extra[CLIENT_CERTIFICATE] = certificate  # type: ignore[attr-defined]
        return made

    def certificate(refusal: Callable[[float], str] | None) -> PeerCertificate:
        made = PeerCertificate(b"")
        made.refusal = refusal
        return made

    revoked, fine, unchecked, without = (
        transport(certificate(lambda now: f"it has been revoked at {now}")),
        transport(certificate(lambda _now: "")),
        transport(certificate(None)),
        transport(None),
    )
    end_revoked([revoked, fine, unchecked, without], 5.0)
    assert [each.closed for each in (revoked, fine, unchecked, without)] == ["aborted", "", "", ""]
    assert caplog.messages == ["connections ended for their client's certificate, since it has been revoked at 5.0: 1"]
