from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.metrics import Metrics
from portcullis.control.parts import ControlServices
from portcullis.control.parts.relations import PART, Relations, RelationSettings
from portcullis.control.relations.orders import PageOrder, RelationStoreFailed
from portcullis.control.worker_hub import WorkerHub
from portcullis.engine.config.load import load_configuration
from portcullis.engine.relations.keeping import KEEP, decode_kept, encode_tuples
from portcullis.engine.relations.tuples import parse_tuple
from portcullis.stores.relations.schema import open_for_reading

SETTINGS = RelationSettings({"user": ["staff"], "order": {"owner": ["user"]}})


class World:
    def __init__(self, state: Path) -> None:
        self.hub = WorkerHub(Metrics(lambda: 0), lambda _lines: None)
        nothing: Any = None
        part = PART.make(ControlServices(self.hub, nothing, nothing, state, lambda: 0.0, nothing, nothing, nothing))
        assert isinstance(part, Relations)
        self.part = part

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.part.take_over(SETTINGS)
        task = asyncio.create_task(self.part.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def keep(self, *texts: str) -> list[bool]:
        async with asyncio.timeout(10):
            return decode_kept(await self.hub._answers[KEEP](encode_tuples(list(map(parse_tuple, texts)))))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_what_a_worker_asks_to_keep_is_there_when_it_is_answered(world: World) -> None:
    async with world.running():
        assert await world.keep("order:1#owner@user:alice", "order:2#owner@user:alice") == [True, True]
        assert sorted(world.part.service.page(PageOrder()).tuples) == [
            "order:1#owner@user:alice",
            "order:2#owner@user:alice",
        ]
        assert await world.keep("order:1#owner@user:bob") == [False]


async def test_all_who_wait_are_served_and_of_two_that_want_the_same_the_first_one_gets_it(world: World) -> None:
    async with world.running():
        answers = await asyncio.gather(
            *(world.keep(f"order:{number % 100}#owner@user:{number}") for number in range(300))
        )
        assert answers == [[True]] * 100 + [[False]] * 200
        assert len(world.part.service.page(PageOrder(most=1000)).tuples) == 100


async def test_what_can_not_be_kept_is_an_error_for_whoever_asked_and_others_are_served_later(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    async with world.running():

        def fail(_tuples: object) -> list[bool]:
            raise OSError("no disk")

        with monkeypatch.context() as broken:
            broken.setattr(world.part.service, "keep", fail)
            with pytest.raises(OSError):
                await world.keep("order:1#owner@user:alice")
        with pytest.raises(ValueError):
            async with asyncio.timeout(5):
                await world.hub._answers[KEEP](b"nonsense")
        assert await world.keep("order:1#owner@user:alice") == [True]
    assert "relations could not be kept: OSError" in caplog.text


async def test_whoever_stopped_waiting_does_no_harm(world: World) -> None:
    async with world.running():
        waiting = asyncio.create_task(world.keep("order:1#owner@user:alice"))
        await asyncio.sleep(0)
        waiting.cancel()
        assert await world.keep("order:2#owner@user:alice") == [True]


async def test_leftovers_of_an_import_are_removed_at_the_start(world: World, tmp_path: Path) -> None:
    (tmp_path / "relations.db.import").write_bytes(b"x")
    async with world.running():
        assert await world.keep("order:1#owner@user:alice") == [True]
        assert not (tmp_path / "relations.db.import").exists()


async def test_a_file_that_can_not_be_used_does_not_end_the_process(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "relations.db").write_bytes(b"no database" * 100)
    async with world.running():
        with pytest.raises(RelationStoreFailed):
            await world.keep("order:1#owner@user:alice")
        (tmp_path / "relations.db").unlink()
        assert await world.keep("order:1#owner@user:alice") == [True]
    assert "relations.db: file is not a database" in caplog.text


async def test_a_reload_waits_for_nobody_who_writes(world: World, tmp_path: Path) -> None:
    async with world.running():
        await world.keep("order:1#owner@user:alice")
        with world.part.service.importing() as running:
            running.take(["order:2#owner@user:bob"])
            world.part.take_over(RelationSettings({**SETTINGS.types, "folder": {"owner": ["user"]}}))
            running.finish(replace=False)
        assert await world.keep("folder:1#owner@user:alice") == [True]
    with closing(open_for_reading(tmp_path / "relations.db")) as connection:
        assert {"folder", "folder#owner"} <= {name for (name,) in connection.execute("SELECT name FROM names")}


async def test_without_relations_there_is_no_file(world: World, tmp_path: Path) -> None:
    world.part.take_over(RelationSettings())
    await world.part._prepare()
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - not by a Path, in a function that is async


def test_commands_find_it(world: World) -> None:
    paths = [getattr(route, "path", "") for route in world.part.routes()]
    assert paths == [f"/v1/relations/{action}" for action in ("add", "remove", "check", "page", "import")]


def test_the_settings_are_what_the_file_declares() -> None:
    text = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {staff: {api_key: {}}}
relations: {user: [staff], order: {owner: [user]}}
apis: {shop: {hosts: ["*"], upstream: {targets: ["http://127.0.0.1:9"]}, versions: {v1: {spec: x}}}}
"""
    assert PART.of(load_configuration(text, "portcullis.yaml").configuration) == SETTINGS
