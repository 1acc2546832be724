from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from portcullis.cli import demo as command
from portcullis.demo.processes import Addresses, DemoError


def invoke(*arguments: str) -> Any:
    app = typer.Typer()
    app.command()(command.demo)
    return CliRunner().invoke(app, list(arguments))


def run_by(monkeypatch: pytest.MonkeyPatch, name: str, result: int | DemoError) -> list[tuple[Path, Addresses]]:
    """Replace what would start processes; returns what it was called with."""
    calls: list[tuple[Path, Addresses]] = []

    async def fake(directory: Path, addresses: Addresses, _console: object) -> int:
        calls.append((directory, addresses))
        await asyncio.sleep(0)
        if isinstance(result, DemoError):
            raise result
        return result

    monkeypatch.setattr(command, name, fake)
    return calls


@pytest.mark.parametrize("code", [0, 1])
def test_a_check_uses_free_ports_and_a_folder_of_its_own_and_tells_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    calls = run_by(monkeypatch, "check", code)
    assert invoke("--check", "--port", "8081").exit_code == code
    ((directory, addresses),) = calls
    assert addresses == Addresses(0, 0, 0)
    assert not directory.exists()


def test_a_demo_uses_the_ports_and_the_folder_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = run_by(monkeypatch, "play", 1)
    result = invoke("--port", "1", "--admin-port", "2", "--api-port", "3", "--directory", str(tmp_path))
    assert result.exit_code == 1
    assert calls == [(tmp_path, Addresses(1, 2, 3))]


def test_a_demo_that_was_stopped_ends_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "until_told_to_stop", lambda _work: None)
    result = invoke()
    assert result.exit_code == 0
    assert "Everything is stopped" in result.output


def test_a_check_that_was_stopped_has_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "until_told_to_stop", lambda _work: None)
    assert invoke("--check").exit_code == 130


def test_what_prevents_the_demo_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    run_by(monkeypatch, "play", DemoError("port 9000 can't be used"))
    result = invoke()
    assert result.exit_code == 2
    assert "port 9000 can't be used" in result.output
