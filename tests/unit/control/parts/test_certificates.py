from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.certificates.inventory import ConfiguredCertificate
from portcullis.control.certificates.revocation_findings import KeptFindings
from portcullis.control.parts.certificates import DAY, PART, Certificates, CertificatesSettings
from portcullis.engine.certificates.messages import CertificateId, decode
from portcullis.engine.certificates.revocation import Finding
from portcullis.stores.files import ConfigurationFiles
from portcullis.testing.certificates import Authority

ROOT = Authority("root")
ID = CertificateId("a.pem", "a.key")
SHOWN = ConfiguredCertificate(ID, "a.pem", "a.key", ("listeners", "public", "tls"), ("listener public",), ("*",))
SETTINGS = CertificatesSettings((SHOWN,))


class Services:
    """What the part is made from, and what it says to workers."""

    def __init__(self, files: ConfigurationFiles) -> None:
        self.files, self.state = files, files.path("state")
        self.now = ROOT.certificate.not_valid_before_utc.timestamp() + 2.5 * DAY
        self.wall_s = lambda: self.now
        self.hub = self.metrics = self
        self.known: Any = None
        self.published: list[bytes] = []
        self.collectors: list[Any] = []

    def add(self, collector: Any) -> None:
        self.collectors.append(collector)

    def announce(self, topic: str, known: Any) -> None:
        self.known = known

    def publish(self, topic: str, known: bytes) -> None:
        self.published.append(known)


@pytest.fixture
def services(tmp_path: Path) -> Services:
    made = Services(ConfigurationFiles(tmp_path / "p.yaml"))
    write(made)
    return made


@pytest.fixture
def part(services: Any) -> Certificates:
    made: Certificates = PART.make(services)  # type: ignore[assignment]
    made.take_over(SETTINGS)
    return made


def write(services: Services, ends: timedelta = timedelta(days=90)) -> None:
    issued = ROOT.issue(dns=["shop.example"], starts=timedelta(days=-5), ends=ends)
    issued.write(services.files.path("a.pem"), services.files.path("a.key"))
    services.files.path("a.key").chmod(0o600)


async def test_what_is_found_is_handed_on_once_and_again_when_it_changes(
    part: Certificates, services: Services
) -> None:
    for _ in range(3):
        await part.look()
    assert len(services.published) == 1
    first = decode(services.known())
    assert first[0].id == ID
    write(services)
    await part.look()
    assert len(services.published) == 2
    assert decode(services.published[1])[0].digest != first[0].digest


async def test_a_pair_that_can_not_be_used_is_told_once_and_not_handed_on(
    part: Certificates, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    await part.look()
    before = services.known()
    services.files.path("a.key").write_text("nonsense")
    for _ in range(3):
        await part.look()
    assert [each.levelno for each in caplog.records] == [logging.ERROR]
    assert "the private key can't be read" in caplog.text
    assert "(what was served before serves on)" in caplog.text
    assert services.known() == before
    assert len(services.published) == 1
    write(services)
    await part.look()
    assert "is all right now" in caplog.text


async def test_the_days_before_the_end_are_told_as_they_come(
    part: Certificates, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    await part.look()
    told = {}
    for day in range(1, 93):
        services.now += DAY
        caplog.clear()
        await part.look()
        if caplog.records:
            told[day] = caplog.records[0].getMessage().rpartition(": ")[2]
    assert [text for text in told.values() if text.startswith("expires in")] == [
        "expires in 20 days",
        "expires in 6 days",
        "expires in 2 days",
        "expires in 12 hours",
    ]
    # What clients refuse is told every day.
    assert [day for day, text in told.items() if text.startswith("expired")] == [89, 90, 91, 92]


async def test_a_revocation_is_told_as_soon_as_it_is_known_and_daily_and_so_is_its_end(
    part: Certificates, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    await part.look()
    fingerprint = part.latest[ID].facts.fingerprint  # type: ignore[union-attr]
    kept = KeptFindings(services.state)
    kept.keep({fingerprint: Finding("revoked", 7.0, 7.0, "http://a/", 0.0)})
    for _ in range(3):
        await part.look()
    line = "portcullis: certificate a.pem of listener public: revoked since 1970-01-01 00:00 UTC, says http://a/"
    assert [(each.levelno, each.getMessage()) for each in caplog.records] == [(logging.ERROR, line)]
    assert [each.kind for each in part.latest[ID].problems] == ["revoked"]
    services.now += DAY
    await part.look()
    assert len(caplog.records) == 2
    kept.keep({fingerprint: Finding("good", 8.0, 8.0, "http://a/")})
    await part.look()
    assert "is all right now" in caplog.text
    assert len(services.published) == 1


async def test_certificates_that_the_file_names_no_more_are_forgotten(part: Certificates) -> None:
    await part.look()
    part.take_over(CertificatesSettings())
    assert part.latest == part.usable == {}
    await part.look()


async def test_nothing_is_told_before_anything_is_known(part: Certificates, services: Services) -> None:
    assert services.known() is None
    assert part.routes() == ()
