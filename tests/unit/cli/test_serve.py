"""``portcullis serve``: what it says, and with which exit code it ends."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from portcullis.cli.main import app
from portcullis.cli.serve import ConsoleAnnouncer
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.serve import supervisor as supervisor_module

WRONG = [Diagnostic("shop.yaml", 2, 3, "#/paths", "is wrong", "write it right")]


class Supervisor:
    """Stands for a gateway that ends as ``ending`` says."""

    made: list[tuple[Any, ...]]
    ending: Callable[[], int]

    def __init__(self, *arguments: Any) -> None:
        self.made.append(arguments)

    def run(self) -> int:
        return type(self).ending()


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> type[Supervisor]:
    class Made(Supervisor):
        made = []

    monkeypatch.setattr(supervisor_module, "Supervisor", Made)
    return Made


def raises(error: Exception) -> Callable[[], int]:
    def ending() -> int:
        raise error

    return ending


@pytest.mark.parametrize(
    ("ending", "code", "said"),
    [
        (lambda: 0, 0, ""),
        (lambda: 2, 2, ""),
        (raises(ConfigurationError(WRONG)), 2, "nothing was started"),
        (raises(OSError(errno.ENOMEM, "Cannot allocate memory")), 1, "nothing was started: Cannot allocate memory"),
    ],
)
def test_it_ends_as_the_gateway_does(
    supervisor: type[Supervisor], ending: Callable[[], int], code: int, said: str
) -> None:
    supervisor.ending = staticmethod(ending)
    result = CliRunner().invoke(app, ["serve", "-c", "p.yaml", "--workers", "3"])
    assert result.exit_code == code
    assert said in result.stderr
    assert result.stdout == ""


def test_the_gateway_gets_the_file_by_its_absolute_path_and_the_number_of_workers(
    supervisor: type[Supervisor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    supervisor.ending = staticmethod(lambda: 0)
    CliRunner().invoke(app, ["serve", "-c", "conf/p.yaml", "--workers", "3"])
    (file, load, _announcer, workers) = supervisor.made[0]
    assert (file, workers) == (tmp_path / "conf" / "p.yaml", 3)
    with pytest.raises(ConfigurationError, match="the file can't be read"):
        load()


@pytest.mark.parametrize("workers", ["0", "129", "many"])
def test_a_number_of_workers_that_can_not_be_is_a_usage_error(supervisor: type[Supervisor], workers: str) -> None:
    assert CliRunner().invoke(app, ["serve", "--workers", workers]).exit_code == 2
    assert supervisor.made == []


# What it says.


@pytest.fixture
def announcer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConsoleAnnouncer:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "shop.yaml").write_text("openapi: 3.1.0\n  paths: 7\n")
    return ConsoleAnnouncer(Path("conf/p.yaml"))


def test_the_ready_line_alone_stands_on_standard_output(
    announcer: ConsoleAnnouncer, capsys: pytest.CaptureFixture[str]
) -> None:
    announcer.ready({"public": "http://127.0.0.1:8080", "admin": "http://127.0.0.1:9901"})
    announcer.reloaded(2)
    announcer.note("worker 1 ended (killed by SIGKILL) [bold]it[/bold] is being replaced")
    announcer.progress("shop.yaml", 1, 2)
    out, err = capsys.readouterr()
    assert out == "portcullis ready: public http://127.0.0.1:8080, admin http://127.0.0.1:9901\n"
    assert err == (
        "portcullis: reloaded: generation 2 serves\n"
        "portcullis: worker 1 ended (killed by SIGKILL) [bold]it[/bold] is being replaced\n"
    )


@pytest.mark.parametrize(
    ("kept", "outcome"),
    [(True, "nothing was changed: the configuration before it stays in force"), (False, "nothing was started")],
)
def test_errors_are_told_with_the_line_they_are_about_and_what_came_of_them(
    announcer: ConsoleAnnouncer, capsys: pytest.CaptureFixture[str], kept: bool, outcome: str
) -> None:
    announcer.failed(WRONG, kept=kept)
    assert capsys.readouterr().err == (
        "conf/shop.yaml:2:3: error: #/paths: is wrong\n"
        "      2 |   paths: 7\n"
        "        |   ^\n"
        "  help: write it right\n"
        "\n"
        f"portcullis: {outcome}\n"
    )


class Broken:
    """A stream that can't be written to."""

    encoding = "utf-8"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def write(self, _text: str) -> int:
        raise self.error

    def flush(self) -> None:
        raise self.error

    def isatty(self) -> bool:
        return False


@pytest.mark.parametrize(
    "stream",
    [Broken(BrokenPipeError(errno.EPIPE, "x")), Broken(OSError(errno.ENOSPC, "x")), Broken(ValueError()), None],
)
def test_what_can_not_be_said_is_not_said_and_the_gateway_goes_on(
    announcer: ConsoleAnnouncer, monkeypatch: pytest.MonkeyPatch, stream: object
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        patch.setattr(sys, "stderr", stream)
        announcer.ready({"public": "http://127.0.0.1:8080"})
        announcer.failed(WRONG, kept=True)
        announcer.note("something")
