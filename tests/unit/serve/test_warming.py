"""Documents loaded by several processes for the one that compiles them all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.load import LoadedConfiguration, load_configuration
from portcullis.engine.documents import Documents
from portcullis.engine.ports import Ports
from portcullis.serve import warming
from portcullis.serve.warming import warm
from portcullis.stores.document_cache import DocumentFiles
from portcullis.stores.files import ConfigurationFiles
from portcullis.testing import FakeClock, FakeCounters, FakeKeys

PORTS = Ports(FakeClock(), FakeCounters(), FakeKeys())


def estate(folder: Path, count: int, broken: int = -1) -> LoadedConfiguration:
    """``count`` APIs, each with a document of its own; that of the ``broken``th is none."""
    apis = {}
    for number in range(count):
        paths = {f"/orders{number}": {"get": {"responses": {"200": {"description": "ok"}}}}}
        document = {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": paths}
        name = f"api{number}.json"
        (folder / name).write_text("{" if number == broken else json.dumps(document))
        apis[f"api{number}"] = {
            "hosts": [f"h{number}"],
            "base_path": "/",
            "upstream": {"targets": ["http://127.0.0.1:9"]},
            "versions": {"v1": {"spec": name}},
            "public": True,
        }
    text = json.dumps({"listeners": {"public": {"bind": "127.0.0.1:0"}}, "apis": apis})
    return load_configuration(text, "portcullis.yaml")


@pytest.fixture(autouse=True)
def small_documents_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "MIN_BYTES", 0)


def test_what_is_missing_is_loaded_by_children_and_told_by_name(tmp_path: Path) -> None:
    loaded = estate(tmp_path, 5)
    files, cache = ConfigurationFiles(tmp_path / "portcullis.yaml"), DocumentFiles(tmp_path / "cache")
    told: list[str] = []
    assert warm(loaded, files, PORTS, cache, told.append, processes=2) == 5
    assert sorted(told) == [f"api{number}.json" for number in range(5)]
    assert all(Documents(files, cache).is_kept(f"api{number}.json") for number in range(5))
    assert warm(loaded, files, PORTS, cache, told.append, processes=2) == 0
    snapshot = compile_snapshot(loaded, files, PORTS, None, cache)
    assert len(snapshot.operations) == 5


@pytest.mark.slow
def test_no_child_is_left(tmp_path: Path) -> None:
    files, cache = ConfigurationFiles(tmp_path / "portcullis.yaml"), DocumentFiles(tmp_path / "cache")
    warm(estate(tmp_path, 3), files, PORTS, cache, lambda _name: None, processes=3)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.slow
def test_a_document_that_can_not_be_used_is_left_for_others_to_find(tmp_path: Path) -> None:
    loaded = estate(tmp_path, 4, broken=1)
    files, cache = ConfigurationFiles(tmp_path / "portcullis.yaml"), DocumentFiles(tmp_path / "cache")
    warm(loaded, files, PORTS, cache, lambda _name: None, processes=2)
    assert [Documents(files, cache).is_kept(f"api{number}.json") for number in range(4)] == [True, False, True, True]


def test_a_file_that_can_not_be_read_is_left_for_others_to_find(tmp_path: Path) -> None:
    loaded = estate(tmp_path, 3)
    (tmp_path / "api1.json").unlink()
    files, cache = ConfigurationFiles(tmp_path / "portcullis.yaml"), DocumentFiles(tmp_path / "cache")
    assert warm(loaded, files, PORTS, cache, lambda _name: None, processes=2) == 2


@pytest.mark.parametrize(("count", "processes"), [(1, 2), (3, 1)])
def test_one_process_is_no_help(tmp_path: Path, count: int, processes: int) -> None:
    files, cache = ConfigurationFiles(tmp_path / "portcullis.yaml"), DocumentFiles(tmp_path / "cache")
    assert warm(estate(tmp_path, count), files, PORTS, cache, lambda _name: None, processes=processes) == 0


def test_small_estates_are_compiled_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "MIN_BYTES", 10**6)
    files, cache = ConfigurationFiles(tmp_path / "portcullis.yaml"), DocumentFiles(tmp_path / "cache")
    assert warm(estate(tmp_path, 3), files, PORTS, cache, lambda _name: None, processes=2) == 0
