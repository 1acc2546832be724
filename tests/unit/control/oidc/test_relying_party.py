from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
from oidc_world import ISSUER, SOURCE, World
from rows import rows

from portcullis.control.oidc import relying_party
from portcullis.control.oidc.relying_party import MAX_CALLS, PAUSE_SECONDS
from portcullis.control.oidc.sealing import digest_of
from portcullis.control.oidc.sessions import Sessions
from portcullis.engine.oidc.messages import LoginAnswer
from portcullis.stores.database.connection import DatabaseError

ID, OTHER = b"s" * 32, b"o" * 32


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


def test_a_login_begins_a_session_with_the_claims_of_the_id_token(world: World) -> None:
    async def scenario() -> None:
        assert await world.log_in() == LoginAnswer("done", subject="alice")
        answer = await world.party.session(ID)
        claims = json.loads(answer.claims)
        assert (claims["sub"], claims["scope"]) == ("alice", "openid email")
        assert answer.until == world.clock.wall_s() + 60
        assert answer.ends == world.clock.wall_s() + SOURCE.lifetime
        assert (await world.party.session(OTHER)).result == "refused"
        [form] = world.provider.forms
        assert form == {
            "grant_type": "authorization_code",
            "code": "code",
            "redirect_uri": SOURCE.redirect_uri,
            "code_verifier": "v",
            "client_id": "web",
        }

    run(scenario)


@rows(
    ("issuer", "names_itself", "result"),
    [
        (None, False, "done"),
        (None, True, "refused"),
        (ISSUER, True, "done"),
        (ISSUER, False, "done"),
        ("https://evil.example", False, "refused"),
        ("", True, "refused"),
    ],
)
def test_an_answer_of_another_issuer_reaches_no_token_endpoint(
    tmp_path: Path, issuer: str | None, names_itself: bool, result: str
) -> None:
    async def scenario() -> None:
        world = World(tmp_path)
        world.provider.metadata["authorization_response_iss_parameter_supported"] = names_itself
        assert (await world.log_in(issuer=issuer)).result == result
        assert bool(world.provider.forms) == (result == "done")
        world.database.close()

    (tmp_path / "portcullis.db").unlink(missing_ok=True)
    run(scenario)


@rows(
    ("path", "status", "result"),
    [
        ("/token", 400, "refused"),
        ("/token", 401, "unavailable"),
        ("/token", 500, "unavailable"),
        ("/token", 0, "unavailable"),
        ("/keys", 0, "unavailable"),
        ("/keys", 404, "unavailable"),
        ("/.well-known/openid-configuration", 0, "unavailable"),
    ],
)
def test_what_the_provider_does_not_do_is_told_apart(tmp_path: Path, path: str, status: int, result: str) -> None:
    async def scenario() -> None:
        world = World(tmp_path)
        world.provider.fail(path, status)
        assert (await world.log_in()).result == result
        assert (await world.party.session(ID)).result == "refused"
        world.database.close()

    run(scenario)


def test_a_nonce_of_another_login_is_refused(world: World) -> None:
    async def scenario() -> None:
        world.provider.nonce = "another"
        assert (await world.log_in()).result == "refused"

    run(scenario)


def test_the_session_before_ends(world: World) -> None:
    async def scenario() -> None:
        await world.log_in(OTHER)
        await world.log_in(ID, replaces=OTHER)
        assert (await world.party.session(OTHER)).result == "refused"
        assert digest_of(OTHER) in world.told

    run(scenario)


def test_tokens_are_renewed_before_they_end_once_however_many_ask(world: World) -> None:
    async def scenario() -> None:
        await world.log_in()
        world.provider.extra = {"refresh_token": "refresh-1"}
        world.clock.advance(200)
        answers = await asyncio.gather(*(world.party.session(ID) for _ in range(20)))
        assert {answer.result for answer in answers} == {"done"}
        await world.settled()
        refreshes = [form for form in world.provider.forms if form["grant_type"] == "refresh_token"]
        assert [form["refresh_token"] for form in refreshes] == ["refresh-0"]
        world.clock.advance(250)
        await world.party.session(ID)
        await world.settled()
        assert world.provider.forms[-1]["refresh_token"] == "refresh-1"
        assert digest_of(ID) in world.told

    run(scenario)


def test_one_whose_tokens_have_ended_waits_for_the_new_ones(world: World) -> None:
    async def scenario() -> None:
        await world.log_in()
        world.clock.advance(400)
        world.provider.changes = {"groups": ["a"], "nonce": None}
        answer = await world.party.session(ID)
        assert json.loads(answer.claims)["groups"] == ["a"]

    run(scenario)


def test_nobody_waits_long_for_a_renewal_and_is_let_in_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        await world.log_in()
        world.clock.advance(400)
        gate = asyncio.Event()
        post_form = world.provider.post_form

        async def slow(*args: Any, **kwargs: Any) -> Any:
            await gate.wait()
            return await post_form(*args, **kwargs)

        world.provider.post_form = slow  # type: ignore[method-assign]
        monkeypatch.setattr(relying_party, "WAIT_SECONDS", 0.01)
        answer = await world.party.session(ID)
        assert (answer.result, answer.until) == ("done", world.clock.wall_s() + 10)
        gate.set()
        await world.settled()
        assert (await world.party.session(ID)).until == world.clock.wall_s() + 60
        assert len(world.provider.forms) == 2

    run(scenario)


def test_a_renewal_that_is_refused_ends_the_session(world: World) -> None:
    async def scenario() -> None:
        await world.log_in()
        world.clock.advance(400)
        world.provider.fail("/token", 400)
        assert (await world.party.session(ID)).result == "refused"
        world.provider.failing.clear()
        assert (await world.party.session(ID)).result == "refused"

    run(scenario)


@rows(
    "changes",
    [
        {"sub": "mallory"},
        {"iss": "https://evil.example"},
        {"aud": "other"},
        {"sid": "s-2"},
        {"nonce": "x"},
        {"azp": "x"},
    ],
)
def test_a_renewal_by_another_login_ends_the_session(tmp_path: Path, changes: dict[str, Any]) -> None:
    async def scenario() -> None:
        world = World(tmp_path)
        await world.log_in()
        world.clock.advance(400)
        world.provider.changes = changes
        assert (await world.party.session(ID)).result == "refused"
        world.database.close()

    run(scenario)


def test_a_provider_that_is_away_is_waited_for_and_not_pestered(world: World) -> None:
    async def scenario() -> None:
        await world.log_in()
        world.provider.fail("/token")
        world.clock.advance(301)
        for _ in range(5):
            assert (await world.party.session(ID)).result == "done"
        assert len(world.provider.forms) == 2
        world.clock.advance(SOURCE.keep)
        assert (await world.party.session(ID)).result == "unavailable"
        world.provider.failing.clear()
        world.clock.advance(PAUSE_SECONDS)
        assert (await world.party.session(ID)).result == "done"

    run(scenario)


def test_without_a_refresh_token_a_session_lasts_as_long_as_it_may(world: World) -> None:
    async def scenario() -> None:
        world.provider.extra = {}
        await world.log_in()
        for _ in range(10):
            world.clock.advance(SOURCE.idle - 1)
            assert (await world.party.session(ID)).result == "done"
            await world.settled()
        assert len(world.provider.forms) == 1
        world.clock.advance(SOURCE.idle + 1)
        assert (await world.party.session(ID)).result == "refused"

    run(scenario)


def test_logging_out_gives_the_id_token_once(world: World) -> None:
    async def scenario() -> None:
        await world.log_in()
        assert (await world.party.log_out(ID)).id_token.count(".") == 2
        assert await world.party.log_out(ID) == await world.party.log_out(OTHER)
        assert (await world.party.session(ID)).result == "refused"

    run(scenario)


def test_the_provider_ends_sessions_and_each_of_its_tokens_works_once(world: World) -> None:
    async def scenario() -> None:
        await world.log_in(ID)
        await world.log_in(OTHER)
        token = world.provider.logout_token(sub="alice")
        assert (await world.party.back_channel(token)).ended == 2
        assert (await world.party.back_channel(token)).result == "refused"
        assert {digest_of(ID), digest_of(OTHER)} <= set(world.told)
        assert (await world.party.back_channel(world.provider.id_token())).result == "refused"
        world.provider.signers = [world.provider.signers[0].__class__("ES256", "unknown")]
        world.provider.fail("/keys")
        world.clock.advance(10)
        assert (await world.party.back_channel(world.provider.logout_token(sub="alice"))).result == "unavailable"

    run(scenario)


def test_a_log_out_that_the_database_can_not_take_may_be_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> int:
        raise DatabaseError("the disk is full")

    async def scenario() -> None:
        await world.log_in(ID)
        token = world.provider.logout_token(sub="alice")
        with monkeypatch.context() as patch:
            patch.setattr(Sessions, "end_of", broken)
            assert (await world.party.back_channel(token)).result == "unavailable"
        assert (await world.party.back_channel(token)).ended == 1
        assert (await world.party.back_channel(token)).result == "refused"

    run(scenario)


def test_a_log_out_that_comes_while_the_login_is_under_way_is_heeded(world: World) -> None:
    async def scenario() -> None:
        await world.log_in(OTHER)
        post_form = world.provider.post_form

        async def slow(*args: Any, **kwargs: Any) -> Any:
            answer = await post_form(*args, **kwargs)
            world.clock.advance(1)
            await world.party.back_channel(world.provider.logout_token(sid="s-1"))
            return answer

        world.provider.post_form = slow  # type: ignore[method-assign]
        assert (await world.log_in(ID)).result == "refused"
        assert (await world.party.session(ID)).result == "refused"

    run(scenario)


def test_only_so_many_logins_are_under_way_and_others_wait_a_while(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        gate = asyncio.Event()
        post_form = world.provider.post_form

        async def slow(*args: Any, **kwargs: Any) -> Any:
            await gate.wait()
            return await post_form(*args, **kwargs)

        world.provider.post_form = slow  # type: ignore[method-assign]
        logins = [asyncio.ensure_future(world.log_in(bytes([n]) * 32)) for n in range(MAX_CALLS)]
        await asyncio.sleep(0)
        waits = asyncio.ensure_future(world.log_in(b"w" * 32))
        await asyncio.sleep(0)
        monkeypatch.setattr(relying_party, "WAIT_SECONDS", 0.01)
        assert (await world.log_in()).result == "unavailable"
        monkeypatch.setattr(relying_party, "MAX_LOGINS", MAX_CALLS + 1)
        assert (await world.log_in()).result == "unavailable"
        gate.set()
        assert (await waits).result == "done"
        assert {answer.result for answer in await asyncio.gather(*logins)} == {"done"}
        assert (await world.log_in()).result == "done"

    run(scenario)


def test_a_reload_does_not_renew_what_is_being_renewed(world: World, tmp_path: Path) -> None:
    async def scenario() -> None:
        await world.log_in()
        world.clock.advance(200)
        await world.party.session(ID)
        (tmp_path / "new").mkdir()
        other = World(tmp_path / "new", msgspec.structs.replace(SOURCE, idle=60.0))
        other.party.follow(world.party)
        assert other.party.renewals is world.party.renewals
        assert other.party.results is world.party.results
        await world.settled()
        assert len(other.party.renewals) == 0
        other.database.close()

    run(scenario)
