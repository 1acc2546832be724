"""``portcullis keys``: API keys and the consumers they belong to.

A running gateway is asked through its control socket and its workers know within a second; without one the database
is changed directly. A new key is printed once, alone on standard output; it is never an argument, for those are seen
by everyone on the machine and kept in shell histories.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from portcullis.cli.output import Format, print_json
from portcullis.control.control_client import NoControlProcess
from portcullis.control.gateway_access import UnusableFile
from portcullis.control.key_access import keys_of
from portcullis.control.key_client import Keys
from portcullis.control.key_file import read_key_file
from portcullis.control.key_orders import (
    InvalidOrder,
    IssuedKey,
    KeyRecord,
    KeyServiceError,
    NewKey,
    Rotation,
)
from portcullis.engine.api_key_format import PREFIX, is_id, mask
from portcullis.engine.config.values import parse_duration
from portcullis.stores.database.connection import DatabaseError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Make, list, rotate and revoke API keys.",
)

_PIPED_WIDTH: Final = 240
_USUAL_FILE: Final = Path("portcullis.yaml")
_OFTEN_EMPTY: Final = ("environment", "where")


class Environments(StrEnum):
    """What a key is for."""

    LIVE = "live"
    TEST = "test"


File = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration file.")]
Output = Annotated[Format, typer.Option("--format", help="How to print.")]
KeyId = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `keys list` shows it; never the key.")]


@app.command()
def create(
    consumer: Annotated[str, typer.Argument(help="Whose key it is; made if there is no such consumer yet.")],
    *,
    config: File = _USUAL_FILE,
    plan: Annotated[str | None, typer.Option(help="Plan of the consumer.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="A role of the consumer; may be repeated.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="A scope of the key; may be repeated.")] = None,
    label: Annotated[str, typer.Option(help="Where it is used, such as eu-1 or staging.")] = "",
    expires: Annotated[str | None, typer.Option(help="After how long (90d) or when (2027-01-31) it expires.")] = None,
    api: Annotated[list[str] | None, typer.Option(help="An API where it works; may be repeated. Default: all.")] = None,
    operation: Annotated[
        list[str] | None, typer.Option(help="An operation where it works, 'GET /orders/{id}'; may be repeated.")
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="NETWORK", help="From where it works, 10.0.0.0/8; may be repeated."),
    ] = None,
    environment: Annotated[Environments | None, typer.Option(help="What it is for.")] = None,
    output: Output = Format.TEXT,
) -> None:
    """Make a key and print it, this one time."""
    with _keys(config) as keys:
        order = NewKey(
            consumer=consumer,
            plan=plan,
            roles=tuple(role) if role else None,
            scopes=tuple(scope or ()),
            label=label,
            expires=_moment(expires) if expires is not None else None,
            apis=tuple(api or ()),
            operations=tuple(operation or ()),
            networks=tuple(network or ()),
            environment=environment.value if environment is not None else "",
        )
        _print_issued(keys.create(order), output)


@app.command("list")
def list_keys(
    config: File = _USUAL_FILE,
    consumer: Annotated[str | None, typer.Option(help="Only keys of this consumer.")] = None,
    expiring: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only keys that work now and stop within this time: 30d.")
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """List keys: ids, owners, where they work and when they were last used, never the keys themselves."""
    with _keys(config) as keys:
        until = None if expiring is None else datetime.now(UTC) + timedelta(seconds=_seconds(expiring, "--expiring"))
        records = keys.listing(consumer)
        if until is not None:
            records = [each for each in records if _works(each) and each.ends is not None and each.ends <= until]
            records.sort(key=lambda each: each.ends or until)
    if output is Format.JSON:
        print_json(records)
    else:
        _console().print(_table(records))


@app.command()
def rotate(
    key_id: KeyId,
    config: File = _USUAL_FILE,
    overlap: Annotated[str, typer.Option(help="How long the old key still works: 0s, 24h, 30d.")] = "24h",
    output: Output = Format.TEXT,
) -> None:
    """Make a key that replaces another, and print it, this one time. Both work until the overlap ends."""
    _check_id(key_id)
    with _keys(config) as keys:
        _print_issued(keys.rotate(key_id, Rotation(_seconds(overlap, "the overlap"))), output)


@app.command()
def revoke(key_id: KeyId, config: File = _USUAL_FILE, output: Output = Format.TEXT) -> None:
    """Refuse a key from now on, for good."""
    _check_id(key_id)
    with _keys(config) as keys:
        record = keys.revoke(key_id)
    if output is Format.JSON:
        print_json(record)
    else:
        typer.echo(f"Key {record.id} of {record.consumer} is revoked.")


@app.command("import")
def import_keys(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Records as `keys list --format json` prints them.")],
    config: File = _USUAL_FILE,
    output: Output = Format.TEXT,
) -> None:
    """Make keys known by their hashes, from a file of JSON, JSON lines or YAML; all or nothing."""
    with _keys(config) as keys:
        imported = keys.import_records(read_key_file(file.read_bytes()))
    if output is Format.JSON:
        print_json(imported)
    else:
        typer.echo(f"{imported.added} added, {imported.changed} changed, {imported.unchanged} as they were.")


@contextmanager
def _keys(config: Path) -> Iterator[Keys]:
    """The keys of the gateway of ``config``; whatever goes wrong with them ends the command with a sentence."""
    try:
        with keys_of(config) as keys:
            yield keys
    except (InvalidOrder, UnusableFile) as error:
        _fail(str(error), 2)
    except NoControlProcess:
        _fail("the gateway has just stopped; try again", 1)
    except (KeyServiceError, DatabaseError) as error:
        _fail(str(error), 1)
    except OSError as error:
        _fail(f"{error.filename or 'the control socket'}: {error.strerror or error}", 1)


def _print_issued(issued: IssuedKey, output: Format) -> None:
    record = issued.record
    if output is Format.JSON:
        print_json({"key": issued.key.reveal(), "record": record})
        return
    expires = f", expires {_day(record.expires)}" if record.expires is not None else ""
    typer.echo(f"Key {record.id} of {record.consumer}{expires}. It is shown this one time:", err=True)
    typer.echo(issued.key.reveal())


def _table(records: list[KeyRecord]) -> Table:
    """The records; a column that is empty for all of them is left out, if it often is."""
    columns: list[tuple[str, Callable[[KeyRecord], str]]] = [
        ("id", lambda record: record.id),
        ("consumer", lambda record: record.consumer),
        ("plan", lambda record: record.plan),
        ("roles", lambda record: " ".join(record.roles)),
        ("label", lambda record: record.label),
        ("scopes", lambda record: " ".join(record.scopes)),
        ("environment", lambda record: record.environment),
        ("where", _where),
        ("state", _state),
        ("created", lambda record: _day(record.created)),
        ("expires", lambda record: _day(record.expires) or "never"),
        ("last used", lambda record: _minute(record.last_used) or "never"),
    ]
    shown = [
        (name, cell) for name, cell in columns if name not in _OFTEN_EMPTY or any(cell(record) for record in records)
    ]
    table = Table(*(name for name, _ in shown), box=None)
    for record in records:
        table.add_row(*(Text(cell(record)) for _, cell in shown))
    return table


def _where(record: KeyRecord) -> str:
    """Where a key works, if not everywhere."""
    told = [", ".join(record.operations), " ".join(("of", *record.apis)) if record.apis else ""]
    return " ".join(filter(None, [*told, f"from {', '.join(record.networks)}" if record.networks else ""]))


def _works(record: KeyRecord) -> bool:
    return record.state in ("live", "rotating")


def _state(record: KeyRecord) -> str:
    if record.state == "rotating" and record.works_until is not None:
        return f"works until {record.works_until:%Y-%m-%d %H:%M}Z"
    return record.state or ""


def _minute(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}Z" if moment is not None else ""


def _day(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}" if moment is not None else ""


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=_PIPED_WIDTH)


def _check_id(text: str) -> None:
    if is_id(text):
        return
    if mask(text) != text:
        _fail("that is a key, and arguments are no place for one: revoke it by its id, which `keys list` shows", 2)
    _fail(f"an id has 8 small letters and digits (a key begins with {PREFIX}, its id and _)", 2)


def _moment(text: str) -> datetime:
    try:
        return datetime.now(UTC) + timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidOrder("an expiry is a duration (90d), a day (2027-01-31) or a time in RFC 3339") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _seconds(text: str, what: str) -> float:
    try:
        return parse_duration(text)
    except ValueError:
        raise InvalidOrder(f"{what} is a duration: 0s, 30m, 24h or 30d") from None


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"portcullis keys: {mask(message)}", err=True)
    raise typer.Exit(code)
