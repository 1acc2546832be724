from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.api import create_control_api
from portcullis.control.key_access import UnusableFile, keys_of
from portcullis.control.key_client import RemoteKeys
from portcullis.control.key_orders import InvalidOrder, NewKey
from portcullis.control.keys import KeyService

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str) -> Path:
        path = tmp_path / "portcullis.yaml"
        path.write_text(content)
        return path

    return write


def test_before_the_first_start_the_database_is_made_and_used(write: Write, tmp_path: Path) -> None:
    file = write("state: {directory: state}\nplans: {gold: {}}\n")
    with keys_of(file) as keys:
        assert isinstance(keys, KeyService)
        issued = keys.create(NewKey("acme", "gold"))
        with pytest.raises(InvalidOrder, match="no plan 'free'"):
            keys.create(NewKey("globex", "free"))
    assert (tmp_path / "state/portcullis.db").exists()
    with keys_of(file) as keys:
        assert [record.id for record in keys.listing()] == [issued.key.id]


def test_a_running_gateway_is_asked(write: Write, service: KeyService, serve: Any) -> None:
    socket_path = serve(create_control_api(service))
    file = write(f"state: {{directory: {socket_path.parent}}}\n")
    with keys_of(file) as keys:
        assert isinstance(keys, RemoteKeys)
        keys.create(NewKey("acme"))
    assert len(service.listing()) == 1
    assert not (socket_path.parent / "portcullis.db").exists()


def test_a_socket_that_was_left_behind_is_no_gateway(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a relative path is short enough for a Unix socket, wherever the test runs
    (tmp_path / "s").mkdir()
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind("s/control.sock")
    with keys_of(write("state: {directory: s}\n")) as keys:
        assert isinstance(keys, KeyService)


def test_a_mistake_elsewhere_in_the_file_does_not_keep_anyone_from_the_keys(write: Write) -> None:
    with keys_of(write("apis: 7\nstate: {directory: state}\nplans: nonsense\n")) as keys:
        assert keys.listing() == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "must be a mapping"),
        ("- a", "must be a mapping"),
        ("a: [", "not readable as YAML"),
        ("!!python/object/apply:os.getcwd []", "not readable as YAML"),
        ("state: {director: x}", "state.director: "),
        ("state: 7", "state: "),
    ],
)
def test_a_file_that_does_not_say_where_the_keys_are_is_an_error(write: Write, content: str, complaint: str) -> None:
    with pytest.raises(UnusableFile, match=complaint), keys_of(write(content)):
        pass


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnusableFile, match="No such file"), keys_of(tmp_path / "missing.yaml"):
        pass
