from __future__ import annotations

import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from portcullis.serve.unix_listener import UnixListener


@pytest.fixture
def path() -> Iterator[Path]:
    # The path of a Unix socket has at most 107 bytes; a test's own folder may be deeper.
    folder = Path(tempfile.mkdtemp(prefix="pcl-"))
    yield folder / "control.sock"
    shutil.rmtree(folder)


def connect(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_it_listens_for_its_own_user_alone(path: Path) -> None:
    listener = UnixListener(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    connect(path)
    listener.close()
    assert not path.exists()


def test_what_a_process_that_died_has_left_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    listener = UnixListener(path)
    connect(path)
    listener.close()


def test_the_socket_of_a_successor_is_left_alone(path: Path) -> None:
    first = UnixListener(path)
    second = UnixListener(path)
    first.close()
    connect(path)
    second.close()
    second.close()


def test_where_it_can_not_be_nothing_is_left_open(path: Path) -> None:
    with pytest.raises(OSError, match="No such file or directory"):
        UnixListener(path.parent / "nowhere" / "control.sock")
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        UnixListener(path)
