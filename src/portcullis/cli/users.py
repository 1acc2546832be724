"""``portcullis users``: users with passwords, for callers that prove themselves by Basic.

A running gateway is asked through its control socket and its workers know within a second; without one the database is
changed directly. A password is never an argument, for those are seen by everyone on the machine and kept in shell
histories: it is asked for, or read from a file or from standard input.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from portcullis.cli.output import Format, print_json
from portcullis.control.control_client import NoControlProcess
from portcullis.control.gateway_access import UnusableFile
from portcullis.control.record_file import read_records
from portcullis.control.users.access import users_of
from portcullis.control.users.client import Users
from portcullis.control.users.orders import (
    InvalidUserOrder,
    NewPassword,
    NewRoles,
    NewUser,
    UserRecord,
    UserServiceError,
)
from portcullis.stores.database.connection import DatabaseError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Make, list, change and remove users with passwords.",
)

_PIPED_WIDTH: Final = 200
_MAX_PASSWORD_FILE: Final = 4096
_USUAL_FILE: Final = Path("portcullis.yaml")

File = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration file.")]
Output = Annotated[Format, typer.Option("--format", help="How to print.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
Plan = Annotated[str | None, typer.Option(help="Plan of the user.")]
Roles = Annotated[list[str] | None, typer.Option("--role", help="A role of the user; may be repeated.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
FromFile = Annotated[
    Path | None, typer.Option("--password-file", metavar="FILE", help="Read the password from a file.")
]


@app.command()
def add(
    name: Name,
    *,
    config: File = _USUAL_FILE,
    plan: Plan = None,
    role: Roles = None,
    scope: Annotated[list[str] | None, typer.Option(help="A scope of the user; may be repeated.")] = None,
    password_stdin: FromStdin = False,
    password_file: FromFile = None,
    output: Output = Format.TEXT,
) -> None:
    """Make a user. The password is asked for, or read from a file or from standard input."""
    with _users(config) as users:
        password = _password(password_file, from_stdin=password_stdin)
        roles = tuple(role) if role else None
        _print_done(users.add(NewUser(name, password, plan, roles, tuple(scope or ()))), "can call now", output)


@app.command("list")
def list_users(config: File = _USUAL_FILE, output: Output = Format.TEXT) -> None:
    """List users: names, plans, roles and state."""
    with _users(config) as users:
        records = users.listing()
    if output is Format.JSON:
        print_json(records)
    else:
        _console().print(_table(records))


@app.command()
def passwd(
    name: Name,
    config: File = _USUAL_FILE,
    password_stdin: FromStdin = False,
    password_file: FromFile = None,
    output: Output = Format.TEXT,
) -> None:
    """Give a user another password. The old one is refused from now on."""
    with _users(config) as users:
        password = _password(password_file, from_stdin=password_stdin)
        _print_done(users.set_password(name, NewPassword(password)), "has a new password", output)


@app.command("set-roles")
def set_roles(
    name: Name, config: File = _USUAL_FILE, role: Roles = None, plan: Plan = None, output: Output = Format.TEXT
) -> None:
    """Give a user exactly these roles (none: no roles), and another plan if one is named. Its keys have them too."""
    with _users(config) as users:
        record = users.set_roles(name, NewRoles(tuple(role or ()), plan))
    _print_done(record, f"has the roles: {', '.join(record.roles) or 'none'}", output)


@app.command()
def disable(name: Name, config: File = _USUAL_FILE, output: Output = Format.TEXT) -> None:
    """Refuse a user from now on, until it is enabled again."""
    with _users(config) as users:
        _print_done(users.set_disabled(name, disabled=True), "is disabled", output)


@app.command()
def enable(name: Name, config: File = _USUAL_FILE, output: Output = Format.TEXT) -> None:
    """Accept a user again that was disabled."""
    with _users(config) as users:
        _print_done(users.set_disabled(name, disabled=False), "can call again", output)


@app.command()
def remove(name: Name, config: File = _USUAL_FILE, output: Output = Format.TEXT) -> None:
    """Remove a user for good. Keys of the same name stay."""
    with _users(config) as users:
        _print_done(users.remove(name), "is removed", output)


@app.command("export")
def export(config: File = _USUAL_FILE) -> None:
    """Print all users with the hashes of their passwords, as JSON that can be imported. Keep it as you keep hashes."""
    with _users(config) as users:
        print_json(users.export())


@app.command("import")
def import_users(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Records as `users export` prints them.")],
    config: File = _USUAL_FILE,
    output: Output = Format.TEXT,
) -> None:
    """Make users known by the hashes of their passwords, from a file of JSON, JSON lines or YAML; all or nothing."""
    with _users(config) as users:
        try:
            records = read_records(file.read_bytes(), UserRecord)
        except ValueError as error:
            raise InvalidUserOrder(str(error)) from error
        imported = users.import_records(records)
    if output is Format.JSON:
        print_json(imported)
    else:
        typer.echo(f"{imported.added} added, {imported.changed} changed, {imported.unchanged} as they were.")


@contextmanager
def _users(config: Path) -> Iterator[Users]:
    """The users of the gateway of ``config``; whatever goes wrong with them ends the command with a sentence."""
    try:
        with users_of(config) as users:
            yield users
    except (InvalidUserOrder, UnusableFile) as error:
        _fail(str(error), 2)
    except NoControlProcess:
        _fail("the gateway has just stopped; try again", 1)
    except (UserServiceError, DatabaseError) as error:
        _fail(str(error), 1)
    except OSError as error:
        _fail(f"{error.filename or 'the control socket'}: {error.strerror or error}", 1)


def _password(file: Path | None, *, from_stdin: bool) -> str:
    """The password, without the line break at its end."""
    if file is not None and from_stdin:
        raise InvalidUserOrder("the password is in a file or comes from standard input, not both")
    if file is not None:
        with file.open("rb") as opened:
            return _text(opened.read(_MAX_PASSWORD_FILE + 1))
    if from_stdin:
        return _text(sys.stdin.buffer.read(_MAX_PASSWORD_FILE + 1))
    if not sys.stdin.isatty():
        raise InvalidUserOrder("nobody can be asked for the password: use --password-stdin or --password-file")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password


def _text(content: bytes) -> str:
    if len(content) > _MAX_PASSWORD_FILE:
        raise InvalidUserOrder("that is too long for a password")
    try:
        return content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise InvalidUserOrder("the password is not readable as UTF-8") from None


def _print_done(record: UserRecord, what: str, output: Format) -> None:
    if output is Format.JSON:
        print_json(record)
    else:
        typer.echo(f"User {record.name} {what}.")


def _table(records: list[UserRecord]) -> Table:
    table = Table("name", "plan", "roles", "scopes", "state", "created", "password changed", box=None)
    for record in records:
        cells = (
            record.name,
            record.plan,
            " ".join(record.roles),
            " ".join(record.scopes),
            record.state or "",
            _day(record.created),
            _day(record.password_changed),
        )
        table.add_row(*map(Text, cells))
    return table


def _day(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}" if moment is not None else ""


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=_PIPED_WIDTH)


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"portcullis users: {message}", err=True)
    raise typer.Exit(code)
