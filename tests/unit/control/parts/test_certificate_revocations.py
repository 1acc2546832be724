from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.certificates.inventory import ConfiguredCertificate, configured_certificates
from portcullis.control.certificates.revocation_findings import KeptFindings
from portcullis.control.parts import certificate_revocations
from portcullis.control.parts.certificate_revocations import (
    PART,
    CertificateRevocations,
    CertificateRevocationsSettings,
)
from portcullis.engine.certificates import revocation
from portcullis.engine.certificates.messages import CertificateId
from portcullis.engine.config.load import load_configuration
from portcullis.stores.files import ConfigurationFiles
from portcullis.testing.certificates import Authority

FILE = """\
listeners:
  public: {bind: "127.0.0.1:1", tls: {certificate: a.pem, key: a.key}}
certificate_authorities:
  mesh: {private: {certificate: ca/mesh.pem, key: ca/mesh.key, bundle: [r.pem]}}
  first: {acme: {directory: "https://a/dir", terms_agreed: true}}
certificates:
  orders: {names: [orders.internal], authorities: [mesh], folder: certs/orders}
apis:
  shop: {hosts: ["*"], upstream: {targets: ["https://s:1"]}, versions: {v1: {spec: a.yaml}}, public: true}
"""


class Services:
    def __init__(self, folder: Path) -> None:
        self.files, self.state = ConfigurationFiles(folder / "p.yaml"), folder
        self.wall_s = time.time
        self.outgoing = None


@pytest.fixture
def part(tmp_path: Path) -> CertificateRevocations:
    services: Any = Services(tmp_path)
    made: CertificateRevocations = PART.make(services)  # type: ignore[assignment]
    return made


def test_settings_are_those_of_the_file() -> None:
    configuration = load_configuration(FILE, "p.yaml").configuration
    settings: Any = PART.of(configuration)
    assert settings.watched == tuple(configured_certificates(configuration))
    assert settings.own == ("ca/mesh.pem",)


def test_nothing_is_made_where_nothing_is_to_be_watched(part: CertificateRevocations) -> None:
    part.take_over(CertificateRevocationsSettings())
    assert part.watch is None
    assert part.routes() == ()


async def test_it_is_looked_regularly(
    part: CertificateRevocations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificate_revocations, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(revocation, "FIRST_SECONDS", 0.01)
    (tmp_path / "a.pem").write_bytes(Authority("root").issue().pem)
    watched = ConfiguredCertificate(CertificateId("a.pem", "a.key"), "a.pem", "a.key", (), ())
    part.take_over(CertificateRevocationsSettings((watched,)))
    running = asyncio.ensure_future(part.run())
    kept = KeptFindings(tmp_path)
    for _ in range(1000):
        if kept.latest():
            break
        await asyncio.sleep(0.01)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert [each.why for each in kept.latest().values()] == ["it names neither a responder nor a list"]
