from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rows import rows

from portcullis.control.api import create_control_api
from portcullis.control.gateway_access import GatewayFile, UnusableFile, listens, reached
from portcullis.control.key_client import RemoteKeys
from portcullis.control.keys import KeyService
from portcullis.stores.database.connection import Database

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str) -> Path:
        path = tmp_path / "portcullis.yaml"
        path.write_text(content)
        return path

    return write


@contextmanager
def _reached(file: Path) -> Iterator[str]:
    def local(database: Database, gateway: GatewayFile) -> str:
        return f"{type(database).__name__} of {gateway.path.name}"

    with reached(file, RemoteKeys, local) as found:
        yield found if isinstance(found, str) else type(found).__name__


def test_without_a_gateway_its_database_is_made_and_used(write: Write, tmp_path: Path) -> None:
    with _reached(write("state: {directory: state}\n")) as found:
        assert found == "Database of portcullis.yaml"
    assert (tmp_path / "state/portcullis.db").exists()


def test_a_running_gateway_is_asked(write: Write, service: KeyService, serve: Any) -> None:
    socket_path = serve(create_control_api(service))
    with _reached(write(f"state: {{directory: {socket_path.parent}}}\n")) as found:
        assert found == "RemoteKeys"
    assert not (socket_path.parent / "portcullis.db").exists()
    assert listens(socket_path)


def test_a_socket_that_was_left_behind_is_no_gateway(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a relative path is short enough for a Unix socket, wherever the test runs
    (tmp_path / "s").mkdir()
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind("s/control.sock")
    with _reached(write("state: {directory: s}\n")) as found:
        assert found.startswith("Database")


def test_what_the_file_declares_is_read_as_far_as_it_can_be(write: Write) -> None:
    gateway = GatewayFile(
        write("apis: 7\nplans: {gold: {}}\nroles: {a: ['x'], b: {permissions: ['y'], exclusive_with: [a]}, wrong: 7}\n")
    )
    assert (gateway.names("apis"), gateway.section("apis")) == (frozenset(), {})
    assert gateway.declared.plans == {"gold"}
    assert gateway.declared.roles == {"a", "b", "wrong"}
    assert gateway.declared.exclusive == {("a", "b")}


@rows(
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
def test_a_file_that_does_not_say_where_the_state_is_is_an_error(write: Write, content: str, complaint: str) -> None:
    with pytest.raises(UnusableFile, match=complaint):
        GatewayFile(write(content))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnusableFile, match="No such file"):
        GatewayFile(tmp_path / "missing.yaml")
