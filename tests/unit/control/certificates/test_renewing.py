from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.acme.messages import AcmeOrder, Authority, Done, Failed, Result, Suggested
from portcullis.control.certificates.renewing import BusyError, ManagedCertificate, Renewer, RevocationError
from portcullis.control.certificates.states import CertificateFolder
from portcullis.engine.certificates.renewal import FIRST_PAUSE
from portcullis.engine.certificates.revocation import Finding
from portcullis.testing.certificates import Authority as Signer

ROOT = Signer("root")
DAY = 86_400.0
FIRST, SECOND = (Authority(name, f"https://{name}/dir", "") for name in ("first", "second"))
SHOP = ManagedCertificate("shop", ("shop.example",), (FIRST, SECOND), "http-01")


class Leases:
    def __init__(self) -> None:
        self.free = True
        self.given_back: list[str] = []

    def take(self, name: str, seconds: float) -> bool:
        return self.free

    def give_back(self, name: str) -> None:
        self.given_back.append(name)


class World:
    """Authorities that do as the test says: ``answers`` by name; a clock; a folder."""

    def __init__(self, folder: Path) -> None:
        self.now = datetime.now(UTC).timestamp()
        self.answers: dict[str, Result] = {}
        self.suggestion: Result = Done()
        self.asked: list[tuple[str, str]] = []
        self.leases = Leases()
        self.folder = CertificateFolder(folder)
        self.names = ["shop.example"]
        self.findings: dict[str, Finding] = {}
        self.renewer = Renewer(self.folder, self.leases, self.ask, lambda: self.now, lambda: 0.5, lambda: self.findings)

    def revoke(self) -> None:
        """Have its authority say that the one that is there is revoked."""
        held = self.folder.held("shop")
        assert held is not None
        self.findings = {held.fingerprint: Finding("revoked", self.now, self.now, "http://a/")}

    async def ask(self, order: AcmeOrder) -> Result:
        self.asked.append((order.what, order.authority.name))
        if order.what == "suggest":
            return self.suggestion
        answer = self.answers.get(order.authority.name, Done())
        if isinstance(answer, Done):
            starts = self.now - datetime.now(UTC).timestamp()
            issued = ROOT.issue(
                dns=self.names, starts=timedelta(seconds=starts), ends=timedelta(seconds=starts + 90 * DAY)
            )
            self.folder.path("shop").write_bytes(issued.pem)
            assert order.certificate == str(self.folder.path("shop"))
        return answer

    async def look(self, certificate: ManagedCertificate = SHOP) -> list[tuple[str, str]]:
        """What a look has asked for."""
        self.asked.clear()
        await self.renewer.look(certificate)
        return list(self.asked)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_what_is_not_there_is_got_and_then_left_alone(world: World, caplog: Any) -> None:
    assert await world.look() == [("obtain", "first")]
    assert await world.look() == [("suggest", "first")]
    assert await world.look() == []
    assert world.renewer.renewals == {("shop", "renewed"): 1}
    assert "certificate shop: issued by first for 90.0 days" in caplog.text
    assert world.leases.given_back == ["certificate shop"]


async def test_it_is_renewed_at_two_thirds_of_its_life(world: World) -> None:
    await world.look()
    world.now += 57 * DAY
    assert ("obtain", "first") not in await world.look()
    world.now += 3 * DAY
    assert ("obtain", "first") in await world.look()
    world.now += DAY
    assert ("obtain", "first") not in await world.look()


async def test_the_others_are_asked_in_their_order_where_one_fails(world: World) -> None:
    world.answers["first"] = Failed("first: no")
    assert await world.look() == [("obtain", "first"), ("obtain", "second")]
    # Who has issued it knows when it should be renewed.
    assert await world.look() == [("suggest", "second")]


async def test_a_renewal_that_fails_is_told_and_tried_again_later(world: World, caplog: Any) -> None:
    world.answers = {"first": Failed("first: no"), "second": Failed("second: no", 10.0)}
    await world.look()
    assert "certificate shop: first: no; second: no; there is none yet, the next attempt is in" in caplog.text
    assert await world.look() == []
    assert world.renewer.states["shop"].failures == 1
    assert world.renewer.next_at["shop"] > world.now
    world.now += FIRST_PAUSE * 1.25
    assert await world.look() == [("obtain", "first"), ("obtain", "second")]
    assert world.renewer.renewals == {("shop", "failed"): 2}


async def test_the_longest_wait_that_all_ask_for_is_waited(world: World) -> None:
    world.answers = {"first": Failed("no", DAY), "second": Failed("no", DAY / 2)}
    await world.look()
    assert world.renewer.next_at["shop"] == world.now + DAY / 2


async def test_a_gateway_that_dies_over_an_attempt_does_not_ask_again_at_once(world: World) -> None:
    async def die(_: AcmeOrder) -> Result:
        raise KeyboardInterrupt

    world.renewer._ask = die
    with pytest.raises(KeyboardInterrupt):
        await world.renewer.look(SHOP)
    again = World(world.folder.path("shop").parent)
    again.now = world.now
    assert await again.look() == []
    again.now += FIRST_PAUSE * 1.25
    assert await again.look() == [("obtain", "first")]


async def test_only_who_has_the_lease_asks(world: World) -> None:
    world.leases.free = False
    assert await world.look() == []
    world.leases.free = True
    assert await world.look() == [("obtain", "first")]


async def test_what_another_has_renewed_meanwhile_is_not_renewed_again(world: World) -> None:
    def take(name: str, seconds: float) -> bool:
        issued = ROOT.issue(dns=["shop.example"], ends=timedelta(days=90))
        world.folder.path("shop").write_bytes(issued.pem)
        return True

    world.leases.take = take  # type: ignore[method-assign]
    assert await world.look() == []


async def test_a_window_that_has_passed_renews_at_once_and_is_told_once(world: World, caplog: Any) -> None:
    await world.look()
    world.suggestion = Suggested(world.now - 2 * DAY, world.now - DAY, 3600.0, "https://a/why")
    world.answers = {"first": Failed("no"), "second": Failed("no")}
    assert await world.look() == [("suggest", "first"), ("obtain", "first"), ("obtain", "second")]
    world.now += 3700
    world.answers = {}
    assert await world.look() == [("suggest", "first"), ("obtain", "first")]
    assert caplog.text.count("its authority wants it replaced now (https://a/why)") == 1


async def test_an_authority_that_says_nothing_is_asked_again_hours_later(world: World) -> None:
    await world.look()
    world.suggestion = Failed("first: can't be reached")
    assert await world.look() == [("suggest", "first")]
    world.now += 3 * 3600
    assert await world.look() == []
    world.now += 4 * 3600
    assert await world.look() == [("suggest", "first")]


async def test_one_that_is_for_too_few_names_is_replaced(world: World) -> None:
    await world.look()
    more = ManagedCertificate("shop", ("shop.example", "www.shop.example"), (FIRST,), "http-01")
    world.names = ["shop.example", "www.shop.example"]
    assert ("obtain", "first") in await world.look(more)
    assert ("obtain", "first") not in await world.look(more)


def test_an_order_says_all_that_the_file_says() -> None:
    certificate = ManagedCertificate("shop", ("a",), (FIRST,), "dns-01", ("hook",), 5.0, "rsa-2048")
    order = certificate.order(FIRST, "obtain", "/x")
    assert (order.names, order.challenge, order.dns_hook, order.dns_wait) == (("a",), "dns-01", ("hook",), 5.0)
    assert (order.key, order.certificate) == ("rsa-2048", "/x")


async def test_a_new_one_is_got_now_whatever_the_age(world: World) -> None:
    await world.look()
    before = world.renewer.held(SHOP)
    world.asked.clear()
    assert (await world.renewer.renew_now(SHOP)).failures == 0
    after = world.renewer.held(SHOP)
    assert world.asked == [("obtain", "first")]
    assert before is not None
    assert after is not None
    assert after.serial != before.serial


async def test_one_that_is_revoked_is_replaced_at_once(world: World, caplog: Any) -> None:
    world.answers["first"] = Failed("no")
    await world.look()
    world.asked.clear()
    await world.renewer.renew_now(SHOP, revoke=1)
    assert world.asked == [("revoke", "second"), ("obtain", "first"), ("obtain", "second")]
    assert "certificate shop: revoked" in caplog.text


async def test_one_that_is_revoked_and_could_not_be_replaced_is_due_as_soon_as_may_be(world: World) -> None:
    await world.look()
    ask = world.renewer._ask

    async def only_revoke(order: AcmeOrder) -> Result:
        return Done() if order.what == "revoke" else Failed("away")

    world.renewer._ask = only_revoke
    assert (await world.renewer.renew_now(SHOP, revoke=1)).failures == 1
    world.renewer._ask = ask
    world.now += FIRST_PAUSE * 1.25
    assert await world.look() == [("obtain", "first")]


async def test_one_that_its_authority_calls_revoked_is_replaced_at_once(world: World, caplog: Any) -> None:
    await world.look()
    await world.look()
    world.revoke()
    assert await world.look() == [("obtain", "first")]
    assert "certificate shop: revoked, says http://a/; it is renewed now" in caplog.text
    assert await world.look() == [("suggest", "first")]
    # If the next one is revoked as well the pause grows.
    world.revoke()
    assert await world.look() == []
    assert "certificate shop: revoked, says http://a/; it is renewed in 60 s" in caplog.text
    world.now += 61.0
    assert await world.look() == [("obtain", "first")]


async def test_a_pause_that_is_on_is_kept_for_one_that_is_revoked(world: World) -> None:
    await world.look()
    world.revoke()
    world.answers = {"first": Failed("no", 3600.0), "second": Failed("no", 3600.0)}
    assert await world.look() == [("obtain", "first"), ("obtain", "second")]
    assert await world.look() == []
    world.now += 3601
    world.answers = {}
    assert await world.look() == [("obtain", "first")]


async def test_one_that_is_revoked_is_replaced_by_one_gateway_only(world: World) -> None:
    await world.look()
    world.revoke()
    world.leases.free = False
    assert await world.look() == []
    world.leases.free = True
    assert await world.look() == [("obtain", "first")]


async def test_one_that_was_imported_is_left_to_whoever_imports_the_next(world: World, caplog: Any) -> None:
    await world.look()
    world.revoke()
    assert await world.look(ManagedCertificate("shop", ("shop.example",), (), "http-01")) == []
    assert "it is renewed" not in caplog.text


async def test_one_that_is_not_revoked_is_not_replaced(world: World) -> None:
    await world.look()
    world.renewer._ask = _refuse
    with pytest.raises(RevocationError, match="already revoked"):
        await world.renewer.renew_now(SHOP, revoke=0)
    assert not world.folder.state("shop").revoked


async def _refuse(_: AcmeOrder) -> Result:
    return Failed("already revoked")


async def test_nobody_gets_one_twice_at_a_time(world: World) -> None:
    world.leases.free = False
    with pytest.raises(BusyError):
        await world.renewer.renew_now(SHOP)
