from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest

from portcullis.control.acme.proving import Proof, challenge_certificate
from portcullis.engine.certificates.challenges import Challenges, encode
from portcullis.engine.client_hello import ClientHelloReader
from portcullis.mounts.acme_challenges import AcmeChallenges, ChallengeConnection, HelloReader
from portcullis.mounts.admission import Admission, Gate
from portcullis.mounts.deadlines import Deadlines
from portcullis.testing.transport import FakeTransport


def pem(name: str = "shop.example") -> str:
    proof: Any = Proof.__new__(Proof)
    proof.name, proof.key_authorization = name, "token.thumbprint"
    return challenge_certificate(proof)


def hello(name: str, protocols: list[str]) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(protocols)
    said = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), said, server_hostname=name).do_handshake()
    return said.read()


@pytest.fixture
def challenges() -> AcmeChallenges:
    made = AcmeChallenges()
    made.apply(encode(Challenges({"token": "token.thumbprint"}, {"shop.example": pem()})))
    return made


def test_a_token_is_answered_while_its_challenge_is_open(challenges: AcmeChallenges) -> None:
    answer = challenges.answer("GET", "/.well-known/acme-challenge/token")
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"token.thumbprint")
    challenges.apply(encode(Challenges()))
    assert challenges.answer("GET", "/.well-known/acme-challenge/token") is None
    assert not challenges.in_tls


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/.well-known/acme-challenge/other"),
        ("GET", "/.well-known/acme-challenge/"),
        ("GET", "/.well-known/acme-challenge/token?x"),
        ("GET", "/.well-known/acme-challenge/../acme-challenge/token"),
        ("POST", "/.well-known/acme-challenge/token"),
        ("GET", "/token"),
    ],
)
def test_nothing_else_is_answered(challenges: AcmeChallenges, method: str, target: str) -> None:
    assert challenges.answer(method, target) is None


def test_only_an_authority_that_asks_for_an_open_name_gets_the_challenge(challenges: AcmeChallenges) -> None:
    def context(name: str, protocol: str) -> ssl.SSLContext | None:
        read = ClientHelloReader().feed(hello(name, [protocol]))
        assert read is not None
        return challenges.context(read)

    found = context("shop.example", "acme-tls/1")
    assert found is not None
    assert context("shop.example", "acme-tls/1") is found
    assert context("shop.example", "http/1.1") is None
    assert context("other.example", "acme-tls/1") is None


class Served(asyncio.Protocol):
    def __init__(self) -> None:
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data


class Transport(FakeTransport):
    """One whose protocol may change."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol


class Anybody:
    """Counts by address that let everybody in."""

    def acquire(self, address: str, worker: int, limit: int) -> bool:
        return bool(address) and worker == 0 and limit >= 0

    def release(self, address: str, worker: int) -> None:
        pass


class Reading:
    """A connection that is being read, on a clock that stands still."""

    def __init__(self, challenges: AcmeChallenges, places: int = 10) -> None:
        self.now = 0
        self.gate = Gate(Anybody(), 0, places, places, ())
        self.admissions: list[Admission] = []
        self.usual, self.challenge = Served(), Served()
        self.contexts: list[ssl.SSLContext] = []
        self.deadlines = Deadlines(lambda: self.now)
        self.transport = Transport()

        def usual(admission: Admission) -> asyncio.Protocol:
            self.admissions.append(admission)
            return self.usual

        def challenged(context: ssl.SSLContext, admission: Admission) -> asyncio.Protocol:
            self.contexts.append(context)
            self.admissions.append(admission)
            return self.challenge

        self.reader = HelloReader(challenges, usual, challenged, self.deadlines, 10, Admission(self.gate))
        self.reader.connection_made(self.transport)


def test_clients_are_passed_on_with_all_they_said(challenges: AcmeChallenges) -> None:
    reading, said = Reading(challenges), hello("shop.example", ["http/1.1"])
    reading.reader.data_received(said[:20])
    assert reading.usual.received == b""
    reading.reader.data_received(said[20:])
    assert reading.usual.received == said
    assert reading.transport.protocol is reading.usual
    reading.now = 100
    reading.deadlines.sweep()
    assert not reading.transport.is_closing()


def test_an_authority_gets_the_challenge(challenges: AcmeChallenges) -> None:
    reading, said = Reading(challenges), hello("shop.example", ["acme-tls/1"])
    reading.reader.data_received(said)
    assert reading.challenge.received == said
    assert len(reading.contexts) == 1


def test_who_does_not_say_hello_is_cut_off(challenges: AcmeChallenges) -> None:
    reading = Reading(challenges)
    assert reading.reader.eof_received() is False
    reading.now = 100
    reading.deadlines.sweep()
    assert reading.transport.is_closing()
    reading.reader.connection_lost(None)


def test_who_has_not_said_hello_has_a_place_under_the_caps(challenges: AcmeChallenges) -> None:
    reading, full = Reading(challenges), Reading(challenges, places=0)
    assert (reading.gate.open, full.gate.refused, full.transport.closed) == (1, 1, "aborted")
    full.reader.data_received(hello("shop.example", ["http/1.1"]))
    assert full.usual.received == b""
    reading.reader.data_received(hello("shop.example", ["http/1.1"]))
    (admission,) = reading.admissions
    assert admission.admit(reading.transport)  # who takes over counts it no second time
    assert reading.gate.open == 1
    admission.release()
    assert reading.gate.open == 0
    gone = Reading(challenges)
    gone.reader.connection_lost(None)
    assert gone.gate.open == 0


def test_what_is_no_hello_is_passed_on_for_tls_to_refuse(challenges: AcmeChallenges) -> None:
    reading = Reading(challenges)
    reading.reader.data_received(b"GET / HTTP/1.1")
    assert reading.usual.received == b"GET / HTTP/1.1"


def test_a_connection_that_has_proven_a_name_ends() -> None:
    transport = FakeTransport()
    ChallengeConnection().connection_made(transport)
    assert transport.is_closing()
