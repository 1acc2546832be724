from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import argon2
import pytest
from click.testing import Result
from rows import rows
from typer.testing import CliRunner

from portcullis.cli import users as module
from portcullis.cli.users import app
from portcullis.control.api import create_control_api
from portcullis.control.keys import KeyService
from portcullis.control.users import access
from portcullis.control.users.passwords import PasswordHasher
from portcullis.control.users.routes import user_routes
from portcullis.control.users.service import UserService
from portcullis.stores.database.connection import DatabaseError, locate, open_database
from portcullis.stores.database.keys import KeyStore
from portcullis.stores.database.migrate import bring_up_to_date
from portcullis.stores.database.users import UserStore

Run = Callable[..., Result]
PASSWORD = "correct horse battery"
HASHER = PasswordHasher(argon2.Parameters(argon2.low_level.Type.ID, 19, 16, 32, 1, 7 * 1024, 1))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(access, "PasswordHasher", lambda: HASHER)
    path = tmp_path / "portcullis.yaml"
    path.write_text("plans: {gold: {}, free: {}}\nroles: {clerk: [a], auditor: [b]}\n")
    return path


@pytest.fixture
def run(file: Path) -> Run:
    """Runs ``portcullis users`` with these arguments and the file; the exit code is checked."""

    def run(*arguments: str, code: int = 0, say: str | bytes = PASSWORD) -> Result:
        result = CliRunner().invoke(app, [*arguments, "-c", str(file)], input=say)
        assert result.exit_code == code, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        assert PASSWORD not in result.output
        return result

    return run


def _json(result: Result) -> Any:
    return json.loads(result.stdout)


def test_a_user_is_made_listed_changed_and_removed(run: Run) -> None:
    assert run("add", "alice", "--plan", "gold", "--role", "clerk", "--password-stdin").stdout == (
        "User alice can call now.\n"
    )
    text = run("list").stdout
    assert all(part in text for part in ("alice", "gold", "clerk", "active"))
    assert run("passwd", "alice", "--password-stdin").stdout == "User alice has a new password.\n"
    assert run("set-roles", "alice", "--role", "auditor", "--plan", "free").stdout == (
        "User alice has the roles: auditor.\n"
    )
    assert run("set-roles", "alice").stdout == "User alice has the roles: none.\n"
    assert run("disable", "alice").stdout == "User alice is disabled.\n"
    assert run("enable", "alice").stdout == "User alice can call again.\n"
    assert run("remove", "alice").stdout == "User alice is removed.\n"
    assert _json(run("list", "--format", "json")) == []


def test_everything_about_a_user_as_json_but_the_hash(run: Run) -> None:
    made = _json(run("add", "alice", "--role", "clerk", "--scope", "a", "--password-stdin", "--format", "json"))
    assert (made["name"], made["roles"], made["scopes"], made["state"]) == ("alice", ["clerk"], ["a"], "active")
    listed = run("list", "--format", "json")
    assert _json(listed) == [made]
    assert "argon2id" not in listed.stdout
    assert _json(run("disable", "alice", "--format", "json"))["state"] == "disabled"


def test_users_are_exported_with_hashes_and_imported(run: Run, tmp_path: Path) -> None:
    run("add", "alice", "--password-stdin")
    exported = run("export").stdout
    assert "$argon2id$" in exported
    listing = tmp_path / "users.json"
    listing.write_text(exported)
    assert run("import", str(listing)).stdout == "0 added, 0 changed, 1 as they were.\n"
    listing.write_text(exported.replace('"alice"', '"bob"'))
    assert _json(run("import", str(listing), "--format", "json"))["added"] == 1
    listing.write_text("- {name: carol, password: hunter2}")
    assert "argon2id hash" in run("import", str(listing), code=2).stderr
    listing.write_text("- {nam: carol}")
    assert "nam" in run("import", str(listing), code=2).stderr
    assert "No such file" in run("import", str(tmp_path / "missing"), code=1).stderr


def test_a_password_is_read_from_a_file_without_the_end_of_its_line(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_bytes(PASSWORD.encode() + b"\r\n")
    run("add", "alice", "--password-file", str(secret))
    secret.write_bytes(b"x" * 5000)
    assert "too long" in run("passwd", "alice", "--password-file", str(secret), code=2).stderr
    secret.write_bytes(b"\xff" * 20)
    assert "not readable as UTF-8" in run("passwd", "alice", "--password-file", str(secret), code=2).stderr
    assert "No such file" in run("passwd", "alice", "--password-file", str(tmp_path / "none"), code=1).stderr
    both = ("--password-stdin", "--password-file", str(secret))
    assert "not both" in run("passwd", "alice", *both, code=2).stderr


def test_a_password_is_asked_for_twice_where_there_is_somebody_to_ask(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def prompt(_text: str, **options: Any) -> str:
        asked.append(options)
        return PASSWORD

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(module.typer, "prompt", prompt)
    monkeypatch.setattr(module.sys, "stdin", Terminal())
    assert module._password(None, from_stdin=False) == PASSWORD
    assert asked == [{"hide_input": True, "confirmation_prompt": True, "err": True}]


def test_a_password_is_no_argument_and_nobody_is_waited_for(run: Run) -> None:
    assert "use --password-stdin" in run("add", "alice", code=2).stderr
    assert run("add", "alice", "something else", code=2).stderr


@rows(
    ("arguments", "code", "complaint"),
    [
        (("add", "alice", "--plan", "gld", "--password-stdin"), 2, "there is no plan 'gld'"),
        (("add", "a:b", "--password-stdin"), 2, "names of consumers"),
        (("set-roles", "alice", "--role", "boss"), 2, "there is no role 'boss'"),
        (("passwd", "nobody", "--password-stdin"), 1, "there is no user 'nobody'"),
        (("remove", "nobody"), 1, "portcullis users list shows them"),
        (("disable", "nobody"), 1, "there is no user"),
    ],
)
def test_what_does_not_work_is_a_sentence(run: Run, arguments: tuple[str, ...], code: int, complaint: str) -> None:
    result = run(*arguments, code=code)
    assert complaint in result.stderr
    assert result.stderr.startswith("portcullis users: ")


def test_a_short_password_is_refused_without_being_repeated(run: Run) -> None:
    result = run("add", "alice", "--password-stdin", say="hunter2", code=2)
    assert "at least 12 characters" in result.stderr
    assert "hunter2" not in result.output


def test_a_file_that_says_nothing_is_a_sentence(run: Run, file: Path) -> None:
    file.write_text("passwords: {min_length: 3}\n")
    assert "passwords.min_length" in run("list", code=2).stderr
    file.write_text("state: 7\n")
    assert "state" in run("list", code=2).stderr


def test_a_database_that_fails_is_a_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise DatabaseError("no disk")

    monkeypatch.setattr(UserStore, "listing", fail)
    assert run("list", code=1).stderr == "portcullis users: no disk\n"


@pytest.fixture
def running(file: Path, serve: Any) -> Iterator[UserService]:
    """A gateway that runs, with the state that the file names."""
    folder = file.parent / ".other"
    folder.mkdir()
    database = open_database(locate(None, folder, folder))
    bring_up_to_date(database)
    users = UserService(UserStore(database), HASHER)
    socket_path = serve(create_control_api(KeyService(KeyStore(database)), user_routes(users)))
    file.write_text(f"state: {{directory: {socket_path.parent}}}\n")
    yield users
    database.close()


def test_a_running_gateway_is_asked(run: Run, running: UserService) -> None:
    run("add", "alice", "--password-stdin")
    assert [record.name for record in running.listing()] == ["alice"]
    assert "there is a user alice already" in run("add", "alice", "--password-stdin", code=1).stderr
