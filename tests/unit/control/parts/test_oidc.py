from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
from oidc_world import SOURCE, World

from portcullis.control.metrics import Metrics
from portcullis.control.parts import ControlServices
from portcullis.control.parts import oidc as part_module
from portcullis.control.parts.oidc import PART, Oidc, OidcSettings, sources_of
from portcullis.control.worker_hub import WorkerHub
from portcullis.engine.config.model import Configuration
from portcullis.engine.oidc import messages
from portcullis.engine.oidc.messages import encode
from portcullis.stores.database.browser_sessions import count_sessions
from portcullis.stores.files import ConfigurationFiles

ID = b"s" * 32
LOGIN = messages.LoginQuestion(SOURCE.realm, "code", None, "v", "n", ID)


class Hub(WorkerHub):
    """A hub without lines: what would be told, and what could be asked."""

    def __init__(self) -> None:
        super().__init__(Metrics(lambda: 0), lambda _lines: None)
        self.told: list[tuple[str, messages.SessionNews]] = []

    def publish(self, topic: str, known: bytes) -> None:
        self.told.append((topic, messages.decode_session_news(known)))

    async def ask(self, topic: str, message: Any) -> bytes:
        return await self._answers[topic](encode(message))

    def known(self, topic: str) -> bytes | None:
        return self._topics[topic]()


class Site:
    def __init__(self, directory: Path) -> None:
        self.world = World(directory)
        self.hub = Hub()
        nothing: Any = None
        files = ConfigurationFiles(directory)
        services = ControlServices(
            self.hub,
            self.world.database,
            files,
            directory,
            self.world.clock.wall_s,
            self.world.outgoing,
            nothing,
            nothing,
        )
        self.part: Oidc = PART.make(services)  # type: ignore[assignment]

    async def session(self) -> str:
        answer = await self.hub.ask(messages.SESSIONS, messages.SessionQuestion(SOURCE.realm, ID))
        return messages.decode_session_answer(answer).result


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


def test_every_question_of_a_worker_is_answered(site: Site) -> None:
    async def scenario() -> None:
        site.part.take_over(OidcSettings((SOURCE,)))
        found = await site.hub.ask(messages.PROVIDERS, messages.ProviderQuestion(SOURCE.realm))
        assert messages.decode_provider_answer(found).authorization_endpoint
        login = await site.hub.ask(messages.LOGINS, LOGIN)
        assert messages.decode_login_answer(login).result == "done"
        assert await site.session() == "done"
        told = await site.hub.ask(messages.BACK_CHANNEL, messages.BackChannelQuestion(SOURCE.realm, "x"))
        assert messages.decode_back_channel_answer(told).result == "refused"
        out = await site.hub.ask(messages.LOGOUTS, messages.LogoutQuestion(SOURCE.realm, ID))
        assert messages.decode_logout_answer(out).id_token
        assert site.hub.told[-1][0] == messages.SESSIONS
        assert await site.session() == "refused"

    run(scenario)


def test_a_worker_that_comes_forgets_what_it_was_told_before(site: Site) -> None:
    known = site.hub.known(messages.SESSIONS)
    assert known is not None
    assert messages.decode_session_news(known).whole


def test_sessions_outlive_a_reload(site: Site) -> None:
    async def scenario() -> None:
        site.part.take_over(OidcSettings((SOURCE,)))
        await site.hub.ask(messages.LOGINS, LOGIN)
        before = site.part.parties[SOURCE.realm]
        site.part.take_over(OidcSettings((msgspec.structs.replace(SOURCE, idle=600.0),)))
        assert site.part.parties[SOURCE.realm].results is before.results
        assert await site.session() == "done"

    run(scenario)


def test_a_question_that_is_ahead_of_the_settings_waits_for_them(site: Site) -> None:
    async def scenario() -> None:
        site.part.take_over(OidcSettings())
        asked = asyncio.ensure_future(site.session())
        await asyncio.sleep(0)
        site.part.take_over(OidcSettings((SOURCE,)))
        assert await asked == "refused"

    run(scenario)


def test_a_party_that_is_not_known_answers_no_question(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(part_module, "PATIENCE_SECONDS", 0.0)
        assert await site.session() == "unavailable"
        login = await site.hub.ask(messages.LOGINS, LOGIN)
        assert messages.decode_login_answer(login).result == "unavailable"
        out = await site.hub.ask(messages.LOGOUTS, messages.LogoutQuestion(SOURCE.realm, ID))
        assert messages.decode_logout_answer(out).result == "unavailable"
        told = await site.hub.ask(messages.BACK_CHANNEL, messages.BackChannelQuestion(SOURCE.realm, "x"))
        assert messages.decode_back_channel_answer(told).result == "unavailable"
        found = await site.hub.ask(messages.PROVIDERS, messages.ProviderQuestion(SOURCE.realm))
        assert not messages.decode_provider_answer(found).authorization_endpoint

    run(scenario)


def test_a_secret_that_is_missing_is_in_the_log_and_lets_nobody_in(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        secret = msgspec.structs.replace(SOURCE, secret="env:NOT_THERE", method="client_secret_basic")
        site.part.take_over(OidcSettings((secret,)))
        assert not site.part.parties

    run(scenario)
    assert "nobody can log in by people" in caplog.text


def test_sessions_that_are_over_are_swept(site: Site) -> None:
    async def scenario() -> None:
        site.part.take_over(OidcSettings((SOURCE,)))
        await site.hub.ask(messages.LOGINS, LOGIN)
        site.world.clock.advance(SOURCE.lifetime)
        running = asyncio.create_task(site.part.run())
        for _ in range(500):
            if not count(site):
                break
            await asyncio.sleep(0.01)
        assert not count(site)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    def count(site: Site) -> int:
        with site.world.database.reading() as connection:
            return count_sessions(connection)

    run(scenario)


def test_the_settings_are_the_identities_of_the_file() -> None:
    oidc = {"issuer": "https://id.example.com", "client_id": "web", "origin": "https://shop.example.com"}
    api = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "s.yaml"}}}
    file = {
        "listeners": {"public": {"bind": "127.0.0.1:0"}},
        "identities": {"people": {"oidc": oidc}, "partners": {"api_key": {}}},
        "apis": {"shop": api},
    }
    configuration = Configuration.model_validate(file)
    [source] = sources_of(configuration)
    assert (source.name, source.redirect_uri) == ("people", "https://shop.example.com/.portcullis/callback")
    settings = PART.of(configuration)
    assert msgspec.json.decode(msgspec.json.encode(settings), type=PART.settings) == settings
