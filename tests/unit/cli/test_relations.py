from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from portcullis.cli import relations as commands
from portcullis.cli.relations import app
from portcullis.control.api import create_control_api
from portcullis.control.keys import KeyService
from portcullis.control.relations.routes import relation_routes
from portcullis.control.relations.service import RelationService
from portcullis.stores.database.connection import locate, open_database
from portcullis.stores.database.keys import KeyStore

Run = Callable[..., Result]
DECLARED = {"user": ["staff"], "group": {"member": ["user"]}, "order": {"owner": ["user"], "viewer": ["group#member"]}}
FILE = f"relations: {json.dumps(DECLARED)}\n"
TUPLES = ["group:staff#member@user:bob", "order:1#owner@user:alice", "order:1#viewer@group:staff#member"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "portcullis.yaml"
    path.write_text(FILE)
    return path


@pytest.fixture
def run(file: Path) -> Run:
    """Runs ``portcullis relations`` with these arguments and the file; the exit code is checked."""

    def run(*arguments: str, code: int = 0, **options: Any) -> Result:
        result = CliRunner().invoke(app, [*arguments, "-c", str(file)], **options)
        assert result.exit_code == code, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        return result

    return run


def test_tuples_are_added_listed_checked_and_removed(run: Run) -> None:
    assert run("add", *TUPLES).stdout == "3 given: 3 added.\n"
    assert run("add", TUPLES[0]).stdout == "1 given: 0 added.\n"
    assert run("list").stdout.splitlines() == TUPLES
    assert run("check", "order:1#viewer@user:bob").stdout == "yes\n"
    assert run("check", "order:1#owner@user:bob", code=1).stdout == "no\n"
    assert run("remove", TUPLES[0], "group:x#member@user:y").stdout == "2 given: 1 removed.\n"
    assert run("check", "order:1#viewer@user:bob", code=1).stdout == "no\n"


def test_everything_is_there_as_json(run: Run) -> None:
    assert json.loads(run("add", *TUPLES, "--format", "json").stdout) == {"given": 3, "added": 3, "removed": 0}
    assert json.loads(run("list", "--limit", "2", "--format", "json").stdout) == {"tuples": TUPLES[:2], "more": True}
    assert json.loads(run("check", TUPLES[1], "--format", "json").stdout) == {"related": True}
    assert json.loads(run("check", "order:1#owner@user:x", "--format", "json", code=1).stdout) == {"related": False}
    assert json.loads(run("remove", TUPLES[1], "--format", "json").stdout)["removed"] == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--object", "order:1"], TUPLES[1:]),
        (["--type", "group"], TUPLES[:1]),
        (["--type", "order", "--relation", "viewer"], TUPLES[2:]),
        (["--object", "order:1", "--relation", "owner"], TUPLES[1:2]),
        (["--subject", "user:alice"], TUPLES[1:2]),
        (["--subject", "group:staff#member"], TUPLES[2:]),
        (["--object", "order:2"], []),
    ],
)
def test_lists_can_be_narrowed(run: Run, options: list[str], expected: list[str]) -> None:
    run("add", *TUPLES)
    assert run("list", *options).stdout.splitlines() == expected


def test_a_long_list_says_that_there_is_more(run: Run) -> None:
    run("add", *TUPLES)
    listed = run("list", "--limit", "1")
    assert listed.stdout == f"{TUPLES[0]}\n"
    assert "There are more than 1" in listed.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "order:1"], "a tuple is written order:17#owner@user:alice"),
        (["add", "order:1#ownr@user:a"], 'order has no relation ownr: did you mean "owner"?'),
        (["check", "order:1#ownr@user:a"], "order has no relation ownr"),
        (["list", "--object", "order"], "an object is written order:17"),
        (["list", "--subject", "user:*"], "there is no * for everybody"),
        (["list", "--object", "order:1", "--type", "group"], "--type is not that of --object"),
        (["list", "--relation", "owner"], "a relation is of a type: say --type or --object too"),
        (["import", "gone.txt"], "gone.txt: No such file or directory"),
    ],
)
def test_what_makes_no_sense_is_told(run: Run, arguments: list[str], message: str) -> None:
    result = run(*arguments, code=2)
    assert message in result.stderr
    assert result.stderr.startswith("portcullis relations: ")


@pytest.mark.parametrize("name", ["all.jsonl", "all.csv", "all.txt"])
def test_what_was_exported_is_imported(run: Run, tmp_path: Path, name: str) -> None:
    run("add", *TUPLES)
    exported = tmp_path / name
    run("export", str(exported))
    run("remove", *TUPLES[:2])
    assert run("import", str(exported)).stdout == "3 given: 2 added.\n"
    assert run("list").stdout.splitlines() == TUPLES
    assert run("export").stdout.splitlines() == TUPLES


def test_an_import_replaces_where_that_is_said(run: Run) -> None:
    run("add", *TUPLES)
    source = {"input": f"{TUPLES[1]}\n\norder:2#owner@user:alice\n"}
    assert run("import", "-", "--replace", **source).stdout == "2 given: 1 added, 2 removed.\n"
    assert run("import", "-", "--as", "jsonl", input="").stdout == "0 given: 0 added.\n"


def test_wrong_lines_are_told_and_nothing_is_imported(run: Run) -> None:
    refused = run("import", "-", input="order:1#owner@user:alice\norder:1\n\norder:1#x@user:a\n", code=2)
    assert "line 2: 'order:1': a tuple is written" in refused.stderr
    assert "line 4: 'order:1#x@user:a': order has no relation x" in refused.stderr
    refused = run("import", "-", "--as", "csv", input="object,subject\n", code=2)
    assert "line 1: the columns are object, relation, subject" in refused.stderr
    assert run("list").stdout == ""


def test_a_page_is_followed_by_the_next(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "MAX_PAGE", 2)
    run("add", *TUPLES, "order:2#owner@user:alice")
    assert len(run("list").stdout.splitlines()) == 4
    assert len(run("export").stdout.splitlines()) == 4
    assert len(run("list", "--limit", "3").stdout.splitlines()) == 3


@pytest.mark.slow
def test_a_running_gateway_is_asked(
    tmp_path: Path, migrated: Path, serve: Callable[[Any], Path], run: Run, file: Path
) -> None:
    service = RelationService(tmp_path / "elsewhere.db")
    service.declare(DECLARED)
    service.prepare()
    database = open_database(locate(None, migrated.parent, migrated.parent))
    socket = serve(create_control_api(KeyService(KeyStore(database)), relation_routes(service)))
    file.write_text(f"{FILE}state: {{directory: {socket.parent}}}\n")
    assert run("add", *TUPLES).stdout == "3 given: 3 added.\n"
    assert run("import", "-", input="".join(f"order:{n}#owner@user:a\n" for n in range(3000))).stdout.startswith(
        "3000 given"
    )
    assert run("check", "order:1#viewer@user:bob").stdout == "yes\n"
    assert "line 1: 'x'" in run("import", "-", input="x\n", code=2).stderr
    service.close()
    database.close()


def test_a_file_that_can_not_be_used_is_told_of(run: Run, tmp_path: Path, file: Path) -> None:
    (tmp_path / ".portcullis").mkdir()
    (tmp_path / ".portcullis/relations.db").write_bytes(b"no database" * 100)
    assert "file is not a database" in run("list", code=1).stderr
    file.write_text("relations: [")
    assert "is not readable as YAML" in run("list", code=2).stderr
    file.write_text("{}")
    (tmp_path / ".portcullis/relations.db").unlink()
    assert "declares no relations" in run("add", TUPLES[0], code=2).stderr


def test_where_it_can_not_be_written_an_export_says_so(run: Run, tmp_path: Path) -> None:
    run("add", *TUPLES)
    assert "No such file or directory" in run("export", str(tmp_path / "x/y.csv"), code=1).stderr


def test_a_terminal_sees_how_far_an_import_has_come(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    source = tmp_path / "all.txt"
    source.write_text("x" * 1000)
    with source.open("rb") as opened, commands._bar(opened) as (seen, told):
        seen(500)
        told(1234)
        told(5678)
    assert "5,678 tuples" in written.getvalue()
    assert "50%" in written.getvalue()
