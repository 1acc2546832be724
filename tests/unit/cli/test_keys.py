from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from rows import rows
from typer.testing import CliRunner

from portcullis.cli.keys import app
from portcullis.control.api import create_control_api
from portcullis.control.keys import KeyService
from portcullis.engine.api_key_format import is_well_formed
from portcullis.stores.database.connection import locate, open_database
from portcullis.stores.database.keys import KeyStore
from portcullis.stores.keys import WorkerKeyDirectory

Run = Callable[..., Result]


@pytest.fixture
def file(tmp_path: Path, migrated: Path) -> Path:
    """A configuration file, and the state directory beside it."""
    (tmp_path / ".portcullis").mkdir()
    shutil.copy(migrated, tmp_path / ".portcullis")
    path = tmp_path / "portcullis.yaml"
    path.write_text(
        "plans: {gold: {}, free: {}}\nroles: {clerk: [a], auditor: {permissions: [b], exclusive_with: [clerk]}}\n"
    )
    return path


@pytest.fixture
def run(file: Path) -> Run:
    """Runs ``portcullis keys`` with these arguments and the file; the exit code is checked."""

    def run(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [*arguments, "-c", str(file)])
        assert result.exit_code == code, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        return result

    return run


def _json(result: Result) -> Any:
    return json.loads(result.stdout)


def test_a_new_key_stands_alone_on_standard_output(run: Run) -> None:
    result = run("create", "acme", "--plan", "gold")
    key = result.stdout.removesuffix("\n")
    assert is_well_formed(key.encode())
    assert key not in result.stderr
    assert "shown this one time" in result.stderr


def test_everything_about_a_new_key_as_json(run: Run) -> None:
    options = (
        "--plan",
        "gold",
        "--role",
        "clerk",
        "--scope",
        "orders:read",
        "--scope",
        "orders:write",
        "--label",
        "live",
    )
    made = _json(run("create", "acme", *options, "--expires", "90d", "--format", "json"))
    assert is_well_formed(made["key"].encode())
    record = made["record"]
    assert (record["plan"], record["roles"], record["label"]) == ("gold", ["clerk"], "live")
    assert record["scopes"] == ["orders:read", "orders:write"]
    life = datetime.fromisoformat(record["expires"]) - datetime.now(UTC)
    assert timedelta(days=89) < life <= timedelta(days=90)


def test_the_list_shows_no_key(run: Run) -> None:
    made = _json(run("create", "acme", "--plan", "gold", "--scope", "[red]odd", "--format", "json"))
    text = run("list").stdout
    assert all(part in text for part in (made["record"]["id"], "acme", "gold", "[red]odd", "live", "never"))
    listed = run("list", "--format", "json")
    assert _json(listed) == [made["record"]]
    assert made["key"][-40:] not in text + listed.stdout
    assert _json(run("list", "--consumer", "globex", "--format", "json")) == []


def test_a_key_may_be_good_for_some_things_only(run: Run, file: Path) -> None:
    file.write_text("apis: {shop: {}}\n")
    places = ("--api", "shop", "--operation", "GET /orders", "--from", "10.0.0.0/8", "--from", "2001:db8::/32")
    made = _json(run("create", "acme", *places, "--environment", "test", "--format", "json"))["record"]
    assert (made["apis"], made["operations"]) == (["shop"], ["GET /orders"])
    assert (made["networks"], made["environment"]) == (["10.0.0.0/8", "2001:db8::/32"], "test")
    text = run("list").stdout
    assert "test" in text
    assert "GET /orders of shop from 10.0.0.0/8, 2001:db8::/32" in " ".join(text.split())
    new = run("rotate", made["id"]).stdout.strip()[4:12]
    [record] = [each for each in _json(run("list", "--format", "json")) if each["id"] == new]
    assert (record["apis"], record["networks"], record["environment"]) == (["shop"], made["networks"], "test")


def test_columns_that_are_empty_for_all_keys_are_left_out(run: Run) -> None:
    run("create", "acme")
    head = run("list").stdout.splitlines()[0]
    assert "environment" not in head
    assert "where" not in head
    assert "last used" in head


@pytest.mark.slow
def test_keys_that_soon_stop_working_are_listed_the_first_first(run: Run) -> None:
    ids = {
        days: _json(run("create", "acme", "--expires", f"{days}d", "--format", "json"))["record"]["id"]
        for days in (20, 10, 40, 5)
    }
    run("create", "acme")
    run("revoke", ids[5])
    run("rotate", ids[40], "--overlap", "1d")
    listed = _json(run("list", "--expiring", "30d", "--format", "json"))
    assert [record["id"] for record in listed] == [ids[40], ids[10], ids[20]]
    assert "--expiring is a duration" in run("list", "--expiring", "soon", code=2).stderr


def test_a_key_is_rotated_and_the_old_one_revoked(run: Run) -> None:
    old = _json(run("create", "acme", "--format", "json"))["record"]["id"]
    result = run("rotate", old, "--overlap", "1h")
    assert is_well_formed(result.stdout.strip().encode())
    assert "works until" in run("list").stdout
    assert "already replaced" in run("rotate", old, code=1).stderr
    assert run("revoke", old).stdout == f"Key {old} of acme is revoked.\n"
    assert _json(run("revoke", old, "--format", "json"))["state"] == "revoked"


def test_a_listing_is_imported_from_its_file(run: Run, tmp_path: Path) -> None:
    run("create", "acme")
    listing = tmp_path / "keys.json"
    listing.write_text(run("list", "--format", "json").stdout)
    assert run("import", str(listing)).stdout == "0 added, 0 changed, 1 as they were.\n"
    assert _json(run("import", str(listing), "--format", "json"))["unchanged"] == 1
    listing.write_text("[{}]")
    assert "missing required field" in run("import", str(listing), code=2).stderr
    assert "No such file" in run("import", str(tmp_path / "missing"), code=1).stderr


@rows(
    ("arguments", "code", "complaint"),
    [
        (("create", "acme", "--plan", "gld"), 2, "there is no plan 'gld'; the configuration declares: free, gold"),
        (("create", "acme", "--role", "boss"), 2, "there is no role 'boss'"),
        (
            ("create", "acme", "--role", "clerk", "--role", "auditor"),
            2,
            "nobody may hold the roles auditor and clerk together: they exclude each other",
        ),
        (("create", "a b"), 2, "names of consumers"),
        (("create", "acme", "--scope", "a b"), 2, "a scope is"),
        (("create", "acme", "--api", "mail"), 2, "there is no API 'mail'; the configuration declares: none"),
        (("create", "acme", "--api", "a b"), 2, "letters, digits"),
        (("create", "acme", "--operation", "get /orders"), 2, "methods are written in capitals: GET"),
        (("create", "acme", "--from", "10.0.0.1/8"), 2, "a prefix without host bits"),
        (("create", "acme", "--environment", "prod"), 2, "environment"),
        (("create", "acme", "--expires", "soon"), 2, "an expiry is"),
        (("create", "acme", "--expires", "2001-01-01"), 2, "past"),
        (("create", "acme", "--expires", "999999999d"), 2, "an expiry is"),
        (("rotate", "zzzzzzzz"), 1, "no key of this id"),
        (("rotate", "zzzzzzzz", "--overlap", "1 day"), 2, "the overlap is a duration"),
        (("rotate", "zzzzzzzz", "--overlap", "91d"), 2, "90 days"),
        (("revoke", "zzzzzzzz"), 1, "no key of this id"),
        (("revoke", "acme"), 2, "an id has 8"),
        (("destroy",), 2, "No such command"),
        (("create",), 2, "Missing argument"),
    ],
)
def test_what_goes_wrong_is_told_in_a_sentence(run: Run, arguments: tuple[str, ...], code: int, complaint: str) -> None:
    assert complaint in run(*arguments, code=code).stderr


def test_a_day_is_when_it_begins_in_utc(run: Run) -> None:
    made = _json(run("create", "acme", "--expires", "2099-12-31", "--format", "json"))
    assert made["record"]["expires"] == "2099-12-31T00:00:00Z"


@pytest.mark.parametrize("command", ["revoke", "rotate"])
def test_a_key_as_argument_is_refused_and_not_repeated(run: Run, command: str) -> None:
    key = run("create", "acme").stdout.strip()
    result = run(command, key, code=2)
    assert "arguments are no place for one" in result.stderr
    assert key[-40:] not in result.output


def test_a_consumer_with_another_plan_is_a_conflict(run: Run) -> None:
    run("create", "acme", "--plan", "gold")
    assert "exists with plan gold, not plan free" in run("create", "acme", "--plan", "free", code=1).stderr


def test_a_file_that_is_missing_or_no_configuration_is_told(run: Run, file: Path) -> None:
    file.write_text("state: {directory: [}")
    assert "not readable as YAML" in run("list", code=2).stderr
    file.unlink()
    assert "No such file" in run("list", code=2).stderr


def test_a_state_directory_that_is_no_folder_is_told(run: Run, file: Path) -> None:
    file.write_text(f"state: {{directory: {file}/s}}")
    assert "Not a directory" in run("list", code=1).stderr


def test_a_database_that_cannot_be_read_is_told(run: Run, file: Path) -> None:
    (file.parent / "db").write_text("no database at all, but a file that is long enough" * 20)
    file.write_text("state: {records: 'sqlite:///db'}")
    assert "not a database" in run("list", code=1).stderr


@pytest.fixture
def gateway(file: Path, tmp_path: Path, serve: Callable[[Any], Path]) -> Iterator[WorkerKeyDirectory]:
    """A control process that runs, and the keys as one of its workers knows them."""
    database = open_database(locate(None, tmp_path / ".portcullis", tmp_path))
    service = KeyService(KeyStore(database))
    service.declare(["gold"], [])
    worker = WorkerKeyDirectory()
    service.subscribe(worker.apply)
    worker.apply(service.encode_snapshot())
    folder = serve(create_control_api(service)).parent
    file.write_text(f"state: {{directory: {folder}}}\nplans: {{other: {{}}}}\n")
    yield worker
    database.close()


@pytest.mark.slow
def test_a_running_gateway_does_what_the_commands_ask(run: Run, gateway: WorkerKeyDirectory) -> None:
    made = _json(run("create", "acme", "--plan", "gold", "--format", "json"))
    digest = bytes.fromhex(made["record"]["digest"].removeprefix("sha256:"))
    grant = gateway.find(digest)
    assert grant is not None
    assert grant.usable_until > 0
    new = run("rotate", made["record"]["id"], "--overlap", "10m").stdout.strip()
    assert len(gateway) == 2
    run("revoke", made["record"]["id"])
    grant = gateway.find(digest)
    assert grant is not None
    assert grant.revoked
    states = {record["id"]: record["state"] for record in _json(run("list", "--format", "json"))}
    assert states == {made["record"]["id"]: "revoked", new[4:12]: "live"}


def test_the_plans_that_count_are_those_of_the_running_gateway(run: Run, gateway: WorkerKeyDirectory) -> None:
    assert "the configuration declares: gold" in run("create", "acme", "--plan", "other", code=2).stderr
