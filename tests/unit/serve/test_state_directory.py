from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from portcullis.control.state_paths import StatePaths
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.load import LoadedConfiguration, load_configuration
from portcullis.serve.forking import fork
from portcullis.serve.state_directory import MAX_SOCKET_PATH, StateLock, placed_state, take_state

CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
apis: {shop: {hosts: ["*"], upstream: {targets: ["http://127.0.0.1:1"]}, versions: {v1: {spec: a.yaml}}}}
"""


def load(state: str = "") -> LoadedConfiguration:
    return load_configuration(CONFIGURATION + (f"state:\n  directory: {state}\n" if state else ""), "p.yaml")


def take(folder: Path, state: str = "") -> StateLock:
    loaded = load(state)
    return take_state(StatePaths(loaded.configuration.state, folder / "p.yaml"), loaded)


def refusal(folder: Path, state: str = "") -> Diagnostic:
    with pytest.raises(ConfigurationError) as caught:
        take(folder, state).close()
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def test_it_is_made_for_its_own_user_and_held_until_it_is_let_go(tmp_path: Path) -> None:
    lock = take(tmp_path)
    assert stat.S_IMODE((tmp_path / ".portcullis").stat().st_mode) == 0o700
    refused = refusal(tmp_path)
    assert refused.message == f"another gateway uses {tmp_path}/.portcullis (process {os.getpid()})"
    lock.close()
    take(tmp_path).close()


def test_a_process_that_died_holds_nothing(tmp_path: Path) -> None:
    process = fork("gateway", lambda: take(tmp_path))
    os.waitpid(process, 0)
    take(tmp_path).close()


def test_a_child_that_has_let_go_of_its_copy_does_not_hold_it(tmp_path: Path) -> None:
    lock = take(tmp_path)
    read, write = os.pipe()

    def child() -> None:
        os.close(write)
        lock.close()
        os.read(read, 1)

    process = fork("child", child)
    lock.close()
    # The child may not have come to it yet; that it does is all that is needed.
    while True:
        try:
            take(tmp_path).close()
            break
        except ConfigurationError:
            continue
    os.close(write)
    os.close(read)
    os.waitpid(process, 0)


def test_letting_go_in_a_child_does_not_take_the_parents_away(tmp_path: Path) -> None:
    lock = take(tmp_path)
    os.waitpid(fork("child", lock.close), 0)
    assert "another gateway" in refusal(tmp_path).message
    lock.close()


def test_what_can_not_be_made_is_told_at_the_key(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = refusal(tmp_path, "file/state")
    assert (refused.line, refused.pointer) == (4, "state.directory")
    assert refused.message == f"{tmp_path}/file/state can't be used: Not a directory"


def test_what_can_not_be_written_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "open", full)
    assert refusal(tmp_path).message == f"{tmp_path}/.portcullis can't be used: No space left on device"


def test_the_lock_is_never_somebody_elses_file(tmp_path: Path) -> None:
    (tmp_path / ".portcullis").mkdir(mode=0o700)
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".portcullis" / "lock").symlink_to(tmp_path / "precious")
    assert "can't be used" in refusal(tmp_path).message
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_full_disk_does_not_keep_it_from_being_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    lock = take(tmp_path)
    assert refusal(tmp_path).message == f"another gateway uses {tmp_path}/.portcullis"
    lock.close()


def test_a_path_that_is_too_long_for_sockets_is_told_before_anything_is_made(tmp_path: Path) -> None:
    refused = refusal(tmp_path, "d" * MAX_SOCKET_PATH)
    assert f"{MAX_SOCKET_PATH} are possible" in refused.message
    assert list(tmp_path.iterdir()) == []


def test_a_diagnostic_about_the_state_has_a_place_only_where_the_file_speaks_of_it() -> None:
    wrong = Diagnostic("", 0, 0, "state.directory", "wrong")
    assert str(placed_state(load(), wrong)) == "p.yaml: error: state.directory: wrong"
    assert str(placed_state(load("here"), wrong)) == "p.yaml:4:3: error: state.directory: wrong"
