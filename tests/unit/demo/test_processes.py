from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import pytest
import yaml

from portcullis.demo import processes
from portcullis.demo.processes import Addresses, DemoError, claim, listen, stop, write_files


def test_the_files_are_written_with_the_ports_asked_for(tmp_path: Path) -> None:
    configuration = yaml.safe_load(write_files(tmp_path, Addresses(public=1111, admin=2222, api=3333)).read_text())
    assert configuration["listeners"]["public"]["bind"] == "127.0.0.1:1111"
    assert configuration["listeners"]["admin"]["bind"] == "127.0.0.1:2222"
    assert configuration["apis"]["bookshop"]["upstream"]["targets"] == ["http://127.0.0.1:3333"]
    assert (tmp_path / configuration["apis"]["bookshop"]["versions"]["v1"]["spec"]).is_file()


def test_what_an_earlier_demo_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "portcullis.db").touch()
    (tmp_path / "access.jsonl").touch()
    (tmp_path / "mine.txt").touch()
    write_files(tmp_path, Addresses())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bookshop.yaml", "mine.txt", "portcullis.yaml"]


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    with claim(tmp_path / "demo"), pytest.raises(DemoError, match="another demo"), claim(tmp_path / "demo"):
        pass
    with claim(tmp_path / "demo"):
        pass


def test_a_port_that_is_taken_is_told_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(DemoError, match="can't be used"):
        listen(other.getsockname()[1])


async def test_output_before_the_ready_line_is_passed_over() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"something else\nportcullis ready: public http://127.0.0.1:1, admin http://127.0.0.1:2\n")
    assert await processes._ready(reader) == ("http://127.0.0.1:1", "http://127.0.0.1:2")


async def test_a_gateway_that_ends_before_it_is_ready_is_an_error() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"no\n")
    reader.feed_eof()
    with pytest.raises(DemoError, match="did not start"):
        await processes._ready(reader)


async def test_a_gateway_that_never_gets_ready_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "READY_WITHIN_S", 0.01)
    with pytest.raises(DemoError, match="did not start"):
        await processes._ready(asyncio.StreamReader())


async def child(code: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"up\n"
    return process


async def test_a_process_is_asked_to_stop() -> None:
    process = await child("import signal; print('up', flush=True); signal.pause()")
    await stop(process)
    assert process.returncode == -15


@pytest.mark.slow
async def test_a_process_that_will_not_stop_is_made_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_WITHIN_S", 0.05)
    process = await child(
        "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True)\nwhile True: signal.pause()"
    )
    await stop(process)
    assert process.returncode == -9


async def test_a_process_that_has_ended_is_left_alone() -> None:
    process = await child("print('up', flush=True)")
    await process.wait()
    await stop(process)
    assert process.returncode == 0
