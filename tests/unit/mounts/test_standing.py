"""Whether a caller still is who was let in."""

from __future__ import annotations

from typing import Any

from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.decision import Refuse
from portcullis.engine.exchange import Exchange
from portcullis.engine.identity import Identity
from portcullis.engine.request import RequestView
from portcullis.mounts.standing import CallerWatch


class Host:
    """What a watch needs of a gateway."""

    def __init__(self) -> None:
        self.time = 100.0
        self.work: list[Any] = []

    def wall(self) -> float:
        return self.time

    def now(self) -> int:
        return int(self.time * 1e9)

    def spawn(self, work: Any) -> None:
        self.work.append(work)


def watch(host: Any, look: Any, refused: list[Refuse], expires: float | None = None) -> CallerWatch:
    exchange = Exchange(RequestView("GET", "/", (), {}), "1", "1", 0, 0)
    exchange.facts.identify(Identity("jwt", "ada", name="staff", expires=expires), 1)
    return CallerWatch(host, exchange, look, refused.append)


def test_a_credential_ends_when_it_expires() -> None:
    host, refused = Host(), list[Refuse]()
    caller = watch(host, None, refused, expires=101.0)
    assert caller.look()
    host.time = 101.0
    assert not caller.look()
    (refusal,) = refused
    assert refusal.code.name == "authenticate.no_longer_valid"
    assert refusal.finding is not None
    assert refusal.finding.source == "#/identities/staff"


async def test_whoever_has_to_be_asked_is_asked_once_at_a_time() -> None:
    host, refused = Host(), list[Refuse]()

    async def answer(_request: object, _by: int, _asked: float) -> Refuse | None:
        return Refuse(FAILED)

    caller = watch(host, answer, refused)
    assert caller.look()
    assert caller.look()
    (work,) = host.work
    assert not refused
    await work
    assert [each.code.name for each in refused] == ["authenticate.no_longer_valid"]


async def test_how_long_ago_somebody_was_asked_is_told_to_who_looks() -> None:
    host, told = Host(), list[float]()

    async def fine() -> None:
        return None

    def look(_request: object, by: int, asked: float) -> Any:
        assert by == 1
        told.append(asked)
        return fine() if asked >= 2 else None

    caller = watch(host, look, [])
    for _ in range(4):
        host.time += 1
        caller.look()
        while host.work:
            await host.work.pop()
    assert told == [1, 2, 1, 2]
