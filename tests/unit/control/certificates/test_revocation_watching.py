from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from portcullis.control.certificates.inventory import ConfiguredCertificate
from portcullis.control.certificates.revocation_asking import NobodyToAskError, NotToldError
from portcullis.control.certificates.revocation_findings import KeptFindings
from portcullis.control.certificates.revocation_watching import RevocationWatch
from portcullis.engine.certificates.messages import CertificateId
from portcullis.engine.certificates.revocation import DAY, FIRST_SECONDS, Finding, Told
from portcullis.stores.files import ConfigurationFiles
from portcullis.testing.certificates import Authority, pem_of

ROOT = Authority("root")
MESH = Authority("mesh", ROOT)
A, B = (ConfiguredCertificate(CertificateId(managed=name), f"{name}.pem", f"{name}.pem", (), ()) for name in "ab")
GOOD, REVOKED = Told("good", "http://a/"), Told("revoked", "http://a/", 7.0, "superseded")


class World:
    """Certificates in a folder, and what is said of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = time.time()
        self.asked = 0
        self.outcome: Told | Exception = GOOD
        self.watch = self.restarted()
        self.watch.take_over((A,), ())

    def restarted(self) -> RevocationWatch:
        files, kept = ConfigurationFiles(self.folder / "p.yaml"), KeptFindings(self.folder / "state")
        return RevocationWatch(files, kept, self.ask, lambda: self.now, lambda: 1.0)

    async def ask(self, chain: Sequence[x509.Certificate]) -> Told:
        self.asked += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def put(self, name: str = "a", authority: Authority = ROOT) -> x509.Certificate:
        issued = authority.issue(dns=[f"{name}.example"], ends=timedelta(days=90))
        (self.folder / f"{name}.pem").write_bytes(issued.pem)
        return issued.certificate

    async def look(self, seconds: float = 0.0) -> int:
        """How often somebody was asked, ``seconds`` later."""
        self.now += seconds
        before = self.asked
        await self.watch.look()
        return self.asked - before

    def known(self) -> list[Finding]:
        return list(KeptFindings(self.folder / "state").latest().values())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_certificate_is_asked_about_soon_after_a_start_and_then_daily(world: World) -> None:
    world.put()
    assert await world.look() == 0
    assert await world.look(FIRST_SECONDS) == 1
    assert [each.status for each in world.known()] == ["good"]
    assert await world.look(DAY / 2) == 0
    world.outcome = REVOKED
    assert await world.look(DAY / 2) == 1
    (found,) = world.known()
    assert (found.status, found.since, found.reason) == ("revoked", 7.0, "superseded")


async def test_another_certificate_is_asked_about_soon_and_the_one_before_forgotten(world: World) -> None:
    world.put()
    await world.look()
    world.outcome = REVOKED
    await world.look(FIRST_SECONDS)
    world.put()
    world.outcome = GOOD
    assert await world.look() == 0
    assert await world.look(FIRST_SECONDS) == 1
    assert [each.status for each in world.known()] == ["good"]


async def test_what_is_known_is_known_after_a_restart_which_asks_again(world: World) -> None:
    world.put()
    await world.look()
    world.outcome = REVOKED
    await world.look(FIRST_SECONDS)
    world.outcome = NotToldError("http://a/: no answer")
    world.watch = world.restarted()
    world.watch.take_over((A,), ())
    await world.look()
    assert await world.look(FIRST_SECONDS) == 1
    (found,) = world.known()
    assert (found.status, found.since, found.why) == ("revoked", 7.0, "http://a/: no answer")


async def test_that_nobody_answers_is_told_once_and_so_is_its_end(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.put()
    world.outcome = NotToldError("http://a/: no answer")
    await world.look()
    for _ in range(10):
        await world.look(DAY)
    assert [each.status for each in world.known()] == ["unknown"]
    world.outcome = GOOD
    await world.look(DAY)
    assert [each.getMessage() for each in caplog.records] == [
        "portcullis: certificate a: nobody says whether it is revoked: http://a/: no answer",
        "portcullis: certificate a: http://a/ says again whether it is revoked",
    ]


async def test_that_there_is_nobody_to_ask_is_not_told_at_all(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.put()
    world.outcome = NobodyToAskError("it names nobody")
    await world.look()
    await world.look(FIRST_SECONDS)
    assert [(each.status, each.why) for each in world.known()] == [("unknown", "it names nobody")]
    assert not caplog.records


async def test_what_is_odd_about_one_hinders_no_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.put()
    world.watch.take_over((B, A), ())
    (world.folder / "b.pem").write_text("nonsense")
    world.outcome = TypeError("odd")
    await world.look()
    assert await world.look(FIRST_SECONDS) == 1
    assert "it can't be asked about (TypeError)" in caplog.text
    world.put("b")
    world.outcome = GOOD
    await world.look()
    assert await world.look(FIRST_SECONDS) == 1
    world.watch.take_over((), ())
    assert await world.look(2 * DAY) == 0


async def test_one_that_has_ended_is_not_asked_about(world: World) -> None:
    world.put()
    await world.look()
    assert await world.look(91 * DAY) == 0


async def test_what_can_not_be_kept_is_told_once_and_kept_later(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.put()
    (world.folder / "state").write_text("a file")
    await world.look()
    for _ in range(3):
        await world.look(FIRST_SECONDS)
    assert caplog.text.count("what is known of revocations can't be kept") == 1
    (world.folder / "state").unlink()
    assert await world.look() == 0
    assert [each.status for each in world.known()] == ["good"]


# An authority of one's own.


def own(world: World, authority: Authority = MESH, file: str = "mesh") -> None:
    """Have its files where the gateway issues by it."""
    (world.folder / f"{file}.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    (world.folder / f"{file}.crl").write_bytes(pem_of(authority.revoked(ends=timedelta(days=7))))


async def test_the_list_of_an_own_authority_is_looked_at_as_soon_as_it_changes(world: World) -> None:
    own(world)
    world.watch.take_over((A,), ("mesh.pem",))
    certificate = world.put(authority=MESH)
    await world.look()
    assert [(each.status, each.source) for each in world.known()] == [("good", str(world.folder / "mesh.crl"))]
    listed = MESH.revoked(more=[certificate.serial_number], ends=timedelta(days=7))
    (world.folder / "mesh.crl").write_bytes(pem_of(listed))
    await world.look(2.0)
    assert [each.status for each in world.known()] == ["revoked"]
    assert world.asked == 0


async def test_a_list_that_has_run_out_says_nothing_of_what_it_does_not_name(world: World) -> None:
    own(world)
    world.watch.take_over((A,), ("mesh.pem",))
    world.put(authority=MESH)
    await world.look()
    await world.look(8 * DAY)
    assert [each.status for each in world.known()] == ["unknown"]
    assert "has expired" in world.known()[0].why


async def test_the_list_of_the_next_authority_of_the_same_name_is_for_both(world: World) -> None:
    certificate = world.put(authority=MESH)
    following = Authority("mesh", ROOT)
    own(world, following)
    listed = following.revoked(more=[certificate.serial_number], ends=timedelta(days=7))
    (world.folder / "mesh.crl").write_bytes(pem_of(listed))
    world.watch.take_over((A,), ("mesh.pem",))
    await world.look()
    assert [each.status for each in world.known()] == ["revoked"]


async def test_of_two_own_authorities_of_one_name_the_one_that_has_signed_it_decides(world: World) -> None:
    other = Authority("mesh", ROOT)
    own(world, other, "other")
    own(world)
    world.put(authority=MESH)
    world.watch.take_over((A,), ("other.pem", "mesh.pem"))
    await world.look()
    assert [each.source for each in world.known()] == [str(world.folder / "mesh.crl")]


async def test_without_a_list_of_its_own_authority_it_is_asked_about_like_others(world: World) -> None:
    own(world)
    (world.folder / "mesh.crl").unlink()
    world.watch.take_over((A,), ("mesh.pem", "missing.pem"))
    world.put(authority=MESH)
    await world.look()
    assert await world.look(FIRST_SECONDS) == 1
