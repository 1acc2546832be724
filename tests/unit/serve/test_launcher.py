from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from portcullis.control.state_paths import StatePaths
from portcullis.engine.config.load import load_configuration
from portcullis.serve.generations import indices_of
from portcullis.serve.launcher import Launcher
from portcullis.serve.listening import ListeningSockets
from portcullis.stores.shared_memory import SharedMemory

CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
apis: {shop: {hosts: ["*"], upstream: {targets: ["http://127.0.0.1:1"]}, versions: {v1: {spec: a.yaml}}}}
"""


def test_a_generation_is_a_process_in_whose_slot_nothing_is_counted_yet(tmp_path: Path) -> None:
    loaded = load_configuration(CONFIGURATION, "p.yaml")
    file = tmp_path / "p.yaml"
    sockets = ListeningSockets()
    sockets.open(loaded.configuration, 2, loaded)
    shared = SharedMemory(None, counter_slots=1024, connections=10, workers=512, now_ns=0)
    [index, *_] = indices_of(2, 2)
    assert shared.connections.acquire("192.0.2.1", index, 5)

    paths = StatePaths(loaded.configuration.state, file)
    launcher = Launcher(file, paths, sockets, shared, lambda _needed: None)
    generation = launcher.launch(7, loaded, 2, 2, 3.0)
    _, status = os.waitpid(generation.process, 0)
    assert os.waitstatus_to_exitcode(status) == 2
    progress, failed = generation.link.receive()
    assert (progress.word, failed.word) == ("progress", "failed")
    assert failed.diagnostics[0].pointer == "apis.shop.versions.v1.spec"
    assert (generation.number, generation.workers, generation.slot, generation.started) == (7, 2, 2, 3.0)
    assert shared.connections.count("192.0.2.1") == 0
    generation.link.close()
    sockets.close()


@pytest.mark.slow
def test_in_its_process_everything_but_its_sockets_is_forgotten(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    loaded = load_configuration(CONFIGURATION, "p.yaml")
    file = tmp_path / "p.yaml"
    sockets = ListeningSockets()
    sockets.open(loaded.configuration, 3, loaded)
    shared = SharedMemory(None, counter_slots=1024, connections=10, workers=512, now_ns=0)

    def forget(needed: list[socket.socket]) -> None:
        os.write(1, b"needs %d sockets\n" % len(needed))

    launcher = Launcher(file, StatePaths(loaded.configuration.state, file), sockets, shared, forget)
    generation = launcher.launch(1, loaded, 2, 0, 0.0)
    os.waitpid(generation.process, 0)
    assert capfd.readouterr().out == "needs 2 sockets\n"
    generation.link.close()
    sockets.close()
