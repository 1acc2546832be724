"""The root of the command line."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from rows import rows
from typer.testing import CliRunner

from portcullis import __version__
from portcullis.cli import main as root
from portcullis.cli.main import COMMANDS, app, load_command, main

RUNNER = CliRunner()


def test_help_lists_every_command_and_loads_none() -> None:
    code = (
        "import sys\n"
        "from portcullis.cli.main import main\n"
        "sys.argv = ['portcullis', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'pydantic', 'sqlalchemy', 'uvloop', 'yaml', 'portcullis.engine.config.model'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in COMMANDS:
        assert f" {name} " in done.stdout


@rows("name", COMMANDS)
def test_every_command_can_be_loaded_and_says_what_the_list_says(name: str) -> None:
    command = load_command(name)
    assert command.name == name
    assert COMMANDS[name][1].split()[0] == (command.help or "").split()[0]


def test_paragraphs_of_help_are_not_broken_where_the_source_is() -> None:
    command = load_command("check")
    assert command.help.count("\n") == 2
    assert all("\n" not in (sub.help or "") for sub in load_command("keys").commands.values())


def test_completion_knows_commands_and_their_options() -> None:
    for words, expected in (("portcullis ch", "check"), ("portcullis check --f", "--format"), ("portcullis x --f", "")):
        environment = {
            "_PORTCULLIS_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        }
        done = RUNNER.invoke(app, [], env=environment, prog_name="portcullis")
        assert done.exit_code == 0
        assert expected in done.output


def test_the_version_is_printed() -> None:
    assert RUNNER.invoke(app, ["--version"]).output == f"portcullis {__version__}\n"


def test_no_command_prints_the_list() -> None:
    assert "explain" in RUNNER.invoke(app, []).output


def test_a_mistyped_command_is_a_usage_error_with_a_suggestion() -> None:
    result = RUNNER.invoke(app, ["chek"])
    assert result.exit_code == 2
    assert "Did you mean 'check'?" in result.output


@rows("arguments", [["check", "--nothing"], ["--nothing"], ["keys", "nothing"], ["check", "a", "b"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    assert RUNNER.invoke(app, arguments).exit_code == 2


def run_main(monkeypatch: pytest.MonkeyPatch, function: Any, *arguments: str) -> int:
    monkeypatch.setattr(root, "COMMANDS", {"fail": ("fake:fail", "Fail.")})
    monkeypatch.setattr(root.importlib, "import_module", lambda _name: SimpleNamespace(fail=function))
    monkeypatch.setattr(sys, "argv", ["portcullis", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def boom() -> None:
    raise RuntimeError("boom\nboom")


def test_a_bug_is_told_in_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(monkeypatch, boom, "fail") == 70
    err = capsys.readouterr().err
    assert err.startswith("portcullis: internal error: RuntimeError: boom boom\n")
    assert "Traceback" not in err


def test_whoever_asks_gets_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PORTCULLIS_TRACEBACK", "1")
    assert run_main(monkeypatch, boom, "fail") == 70
    assert "Traceback" in capsys.readouterr().err


def test_exit_codes_of_commands_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise typer.Exit(1)

    assert run_main(monkeypatch, refuse, "fail") == 1
    assert run_main(monkeypatch, lambda: None, "fail") == 0


def test_an_interrupted_command_is_no_bug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    assert run_main(monkeypatch, interrupt, "fail") in (1, 130)
    assert "internal error" not in capsys.readouterr().err
