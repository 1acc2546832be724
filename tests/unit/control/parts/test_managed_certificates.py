from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from portcullis.control.acme import running
from portcullis.control.acme.messages import AcmeOrder, Authority, Done, Present, Result
from portcullis.control.parts import managed_certificates
from portcullis.control.parts.managed_certificates import (
    PART,
    CertificateSettings,
    ManagedCertificates,
    ManagedCertificatesSettings,
)
from portcullis.engine.certificates.challenges import decode
from portcullis.engine.config.load import load_configuration
from portcullis.stores.database.connection import Database, DatabaseError
from portcullis.stores.files import ConfigurationFiles

FILE = """\
listeners:
  public: {bind: "127.0.0.1:1", tls: {managed: shop}}
  plain: {bind: "127.0.0.1:2", redirect: https}
outgoing: {proxy: "http://proxy.example:3128", ca: roots.pem}
certificate_authorities:
  first: {acme: {directory: "https://a/dir", terms_agreed: true}}
  second:
    acme:
      directory: "https://b/dir"
      terms_agreed: true
      ca: own.pem
      external_account: {key_id: kid, key: "env:EAB"}
certificates:
  shop: {names: [shop.example], authorities: [first, second], challenge: http-01, key: rsa-2048}
apis:
  shop: {hosts: ["*"], upstream: {targets: ["https://s:1"]}, versions: {v1: {spec: a.yaml}}, public: true}
"""
ORDER = AcmeOrder("obtain", Authority("first", "", ""), "")


class Services:
    def __init__(self, database: Database, folder: Any) -> None:
        self.database, self.files, self.state = database, ConfigurationFiles(folder / "p.yaml"), folder
        self.wall_s = lambda: 1_800_000_000.0
        self.hub = self.metrics = self
        self.published: list[bytes] = []
        self.known: Any = None

    def add(self, collector: Any) -> None:
        pass

    def announce(self, topic: str, known: Any) -> None:
        self.known = known

    def publish(self, topic: str, known: bytes) -> None:
        self.published.append(known)


@pytest.fixture
def services(database: Database, tmp_path: Any) -> Services:
    return Services(database, tmp_path)


@pytest.fixture
def part(services: Any, monkeypatch: pytest.MonkeyPatch) -> ManagedCertificates:
    monkeypatch.setattr(managed_certificates, "SHOWN_SECONDS", 0.0)
    made: ManagedCertificates = PART.make(services)  # type: ignore[assignment]
    return made


def test_settings_are_those_of_the_file() -> None:
    settings: Any = PART.of(load_configuration(FILE, "p.yaml").configuration)
    first, second = settings.authorities
    assert (first.ca, first.proxy, first.key) == ("roots.pem", "http://proxy.example:3128", "")
    assert (second.ca, second.key_id, second.key) == ("own.pem", "kid", "env:EAB")
    assert settings.certificates == (
        CertificateSettings("shop", ("shop.example",), ("first", "second"), "http-01", (), 30.0, "rsa-2048"),
    )


async def test_challenges_are_told_while_an_order_lasts(
    part: ManagedCertificates, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run_acme(order: AcmeOrder, present: Any) -> Result:
        await present(Present("http-01", "token", "value"))
        await present(Present("tls-alpn-01", "shop.example", "PEM"))
        assert decode(services.known()).http == {"token": "value"}
        return Done()

    monkeypatch.setattr(running, "run_acme", run_acme)
    assert await part._carry_out(ORDER) == Done()
    told = [decode(each) for each in services.published]
    assert [(each.http, each.tls) for each in told] == [
        ({"token": "value"}, {}),
        ({"token": "value"}, {"shop.example": "PEM"}),
        ({}, {}),
    ]


async def test_each_certificate_is_looked_at_and_trouble_with_one_hinders_no_other(
    part: ManagedCertificates, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings: Any = PART.of(load_configuration(FILE.replace("[first, second]", "[first]"), "p.yaml").configuration)
    part.take_over(settings)
    assert part.renewer is not None
    outcomes = iter([DatabaseError("away"), RuntimeError("odd"), None, None])
    looked = asyncio.Event()

    async def look(_: Any) -> None:
        outcome = next(outcomes, None)
        if outcome is not None:
            raise outcome
        looked.set()

    async def no_pause(_: float) -> None:
        await real(0)

    real = asyncio.sleep
    monkeypatch.setattr(part.renewer, "look", look)
    monkeypatch.setattr(managed_certificates.asyncio, "sleep", no_pause)
    running_part = asyncio.ensure_future(part.run())
    await asyncio.wait_for(looked.wait(), 5)
    running_part.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running_part
    assert "portcullis: certificate shop" in caplog.text


def test_nothing_is_made_where_nothing_is_managed(part: ManagedCertificates) -> None:
    part.take_over(ManagedCertificatesSettings())
    assert part.renewer is None
    assert len(part.routes()) == 2  # which say that there is nothing
