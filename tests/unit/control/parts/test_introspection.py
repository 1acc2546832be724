from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.metrics import Metrics
from portcullis.control.parts import ControlServices, introspection
from portcullis.control.parts.introspection import PART, Introspection, IntrospectionSettings, sources_of
from portcullis.control.worker_hub import WorkerHub
from portcullis.engine.authentication.introspection_messages import (
    TOPIC,
    IntrospectionAnswer,
    IntrospectionQuestion,
    IntrospectionSource,
    decode_answer,
    encode,
)
from portcullis.engine.config.model import Configuration
from portcullis.stores.files import ConfigurationFiles

SOURCE = IntrospectionSource("https://id.example.com/introspect", "gateway", "file:secret.txt")
OTHER = IntrospectionSource("https://other.example.com/introspect", "gateway", "file:secret.txt")


class Calls:
    """Stands for the calls to others: says who was asked, and with what."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def post_form(self, url: str, form: dict[str, str], *, fields: dict[str, str]) -> Any:
        del form
        self.asked.append((url, fields["authorization"]))
        return {"active": True, "sub": "alice"}


class World:
    def __init__(self, folder: Path) -> None:
        (folder / "secret.txt").write_text("s3cret\n")
        self.hub, self.calls = WorkerHub(Metrics(lambda: 0), lambda _lines: None), Calls()
        nothing: Any = None
        outgoing: Any = self.calls
        files = ConfigurationFiles(folder / "portcullis.yaml")
        part = PART.make(ControlServices(self.hub, nothing, files, folder, lambda: 0.0, outgoing, nothing, nothing))
        assert isinstance(part, Introspection)
        self.part = part

    def go_by(self, *sources: IntrospectionSource) -> None:
        self.part.take_over(IntrospectionSettings(sources))

    async def ask(self, source: IntrospectionSource, token: str = "abc") -> IntrospectionAnswer:
        answer = self.hub._answers[TOPIC]
        return decode_answer(await answer(encode(IntrospectionQuestion(source.digest, token))))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_worker_is_told_what_the_issuer_says(world: World) -> None:
    world.go_by(SOURCE)
    assert (await world.ask(SOURCE)).result == "active"
    assert world.calls.asked == [(SOURCE.endpoint, "Basic Z2F0ZXdheTpzM2NyZXQ=")]
    assert b'portcullis_introspections_total{endpoint="https://id.example.com/introspect"' in (
        world.hub.metrics.exposition()
    )
    assert list(world.part.routes()) == []


async def test_nobody_is_asked_whom_the_file_does_not_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(introspection, "PATIENCE_SECONDS", 0.01)
    world.go_by(SOURCE)
    assert (await world.ask(OTHER)).result == "unavailable"
    assert world.calls.asked == []


async def test_a_worker_that_is_ahead_of_a_reload_waits(world: World) -> None:
    world.go_by(SOURCE)
    asking = asyncio.create_task(world.ask(OTHER))
    await asyncio.sleep(0.01)
    world.go_by(OTHER)
    assert (await asking).result == "active"


async def test_a_worker_of_before_a_reload_ends_what_it_has(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(introspection, "PATIENCE_SECONDS", 0.01)
    world.go_by(SOURCE)
    world.go_by(OTHER)
    assert (await world.ask(SOURCE)).result == "active"
    world.go_by(OTHER)
    assert (await world.ask(SOURCE)).result == "unavailable"


async def test_a_secret_is_read_again_at_a_reload(world: World, tmp_path: Path) -> None:
    world.go_by(SOURCE)
    await world.ask(SOURCE)
    (tmp_path / "secret.txt").write_text("other")
    world.go_by(SOURCE)
    await world.ask(SOURCE)
    assert world.calls.asked[1] == (SOURCE.endpoint, "Basic Z2F0ZXdheTpvdGhlcg==")
    assert world.part.endpoints[SOURCE.digest].results == {"active": 2}


async def test_a_secret_that_is_gone_is_told_and_is_no_grant(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    (tmp_path / "secret.txt").unlink()
    world.go_by(SOURCE)
    assert (await world.ask(SOURCE)).result == "unavailable"
    assert "secret.txt can't be read: No such file or directory" in caplog.text


def test_whom_a_file_names() -> None:
    api = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "s.yaml"}}}
    said: Callable[[str], dict[str, Any]] = lambda client: {  # noqa: E731
        "introspection": {"endpoint": SOURCE.endpoint, "client": {"id": client, "secret": "file:secret.txt"}}
    }
    identities = {"a": said("gateway"), "b": said("gateway"), "c": said("other"), "d": {"api_key": {}}}
    listeners = {"public": {"bind": "127.0.0.1:0"}}
    configuration = Configuration.model_validate(
        {"listeners": listeners, "identities": identities, "apis": {"shop": api}}
    )
    assert [source.client for source in sources_of(configuration)] == ["gateway", "other"]
    assert PART.of(configuration) == IntrospectionSettings(sources_of(configuration))
