"""``portcullis tokens``: the clients of the gateway's own token service, and its tokens.

A running gateway is asked through its control socket and its workers know within a second; without one the database is
changed directly. New secrets and tokens are printed once, alone on standard output; tokens to be inspected or revoked
are read from standard input: arguments are seen by everyone on the machine and kept in shell histories.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from portcullis.cli.output import Format, lines_on, print_json
from portcullis.control.control_client import NoControlProcess
from portcullis.control.gateway_access import UnusableFile
from portcullis.control.token_service.access import tokens_of
from portcullis.control.token_service.client import Tokens
from portcullis.control.token_service.client_keys import MAX_TEXT
from portcullis.control.token_service.orders import (
    ClientRecord,
    InvalidTokenOrder,
    IssuedClient,
    NewClient,
    NewToken,
    RevocationById,
    RevocationDone,
    SecretRotation,
    TokenServiceError,
    TokenText,
)
from portcullis.engine.config.values import parse_duration
from portcullis.stores.database.connection import DatabaseError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Issue, inspect and revoke tokens of the gateway's own token service; manage its clients.",
)
clients = typer.Typer(no_args_is_help=True, help="Make, list, rotate and remove clients of the token service.")
app.add_typer(clients, name="clients")

MAX_TOKEN: Final = 64 * 1024
_PIPED_WIDTH: Final = 240
_USUAL_FILE: Final = Path("portcullis.yaml")

File = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration file.")]
Output = Annotated[Format, typer.Option("--format", help="How to print.")]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="Its public keys, which sign for it: a JWK set, or one key in PEM."),
]
ClientId = Annotated[str, typer.Argument(metavar="CLIENT", help="The client's id.")]


@app.command()
def issue(
    client: ClientId,
    *,
    config: File = _USUAL_FILE,
    subject: Annotated[str | None, typer.Option(help="Whom it is about; default: the client.")] = None,
    audience: Annotated[str | None, typer.Option(help="For whom it is, if the client has several audiences.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="A scope of the client; default: all of them.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="A role of the subject; may be repeated.")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="A refresh token too, to go on with.")] = False,
    output: Output = Format.TEXT,
) -> None:
    """Issue a token and print it, this one time."""
    order = NewToken(client, subject, audience, tuple(scope) if scope else None, tuple(role or ()), refresh)
    with _tokens(config) as tokens:
        issued = tokens.issue(order)
    if output is Format.JSON:
        print_json(issued)
        return
    about = f"{issued.claims['sub']}, for {issued.claims['aud']}, {issued.expires_in} s"
    typer.echo(f"Token {issued.claims['jti']} about {about}. It is shown this one time:", err=True)
    typer.echo(issued.access_token)
    if issued.refresh_token:
        typer.echo(f"Refresh token of family {issued.claims['sid']}:", err=True)
        typer.echo(issued.refresh_token)


@app.command()
def inspect(config: File = _USUAL_FILE, output: Output = Format.TEXT) -> None:
    """Say what the access token on standard input is; ends with 1 if it does not hold."""
    with _tokens(config) as tokens:
        found = tokens.inspect(TokenText(_read_token()))
    if output is Format.JSON:
        print_json(found)
    else:
        line = lines_on(Console(highlight=False))
        line(("It holds.", "green") if found.active else (f"It does not hold. {found.reason}.", "red"))
        for name, value in found.claims.items():
            line(f"  {name:<10} ", str(value))
    if not found.active:
        raise typer.Exit(1)


@app.command()
def revoke(
    token_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The jti of a token, or the sid of a family; not a token.")
    ] = None,
    config: File = _USUAL_FILE,
    output: Output = Format.TEXT,
) -> None:
    """Revoke the token on standard input, or by --id: an access token, or a refresh token with its family."""
    with _tokens(config) as tokens:
        done = tokens.revoke(TokenText(_read_token())) if token_id is None else _revoke_by_id(tokens, token_id)
    if output is Format.JSON:
        print_json(done)
    else:
        typer.echo("It is revoked." if done.revoked else "It held no more: there was nothing to revoke.")


@clients.command("add")
def add_client(
    client: ClientId,
    *,
    audience: Annotated[list[str], typer.Option(help="An audience that it may ask tokens for; may be repeated.")],
    config: File = _USUAL_FILE,
    scope: Annotated[list[str] | None, typer.Option(help="A scope that it may ask for; may be repeated.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="A role of its own tokens; may be repeated.")] = None,
    grant: Annotated[
        list[str] | None, typer.Option(help="client_credentials (default), refresh_token or token_exchange.")
    ] = None,
    serves: Annotated[
        list[str] | None, typer.Option(help="An audience that it is itself, whose tokens it may exchange.")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="Without a secret, for refresh tokens alone.")] = False,
    key: KeyFile = None,
    output: Output = Format.TEXT,
) -> None:
    """Make a client and print its secret, this one time; one with a --key has none, and signs (private_key_jwt)."""
    grants = tuple(grant) if grant else (("refresh_token",) if public else ("client_credentials",))
    order = NewClient(
        client,
        tuple(audience),
        tuple(scope or ()),
        tuple(role or ()),
        grants,
        tuple(serves or ()),
        public,
        _read_keys(key),
    )
    with _tokens(config) as tokens:
        _print_issued(tokens.add_client(order), output)


@clients.command("list")
def list_clients(config: File = _USUAL_FILE, output: Output = Format.TEXT) -> None:
    """List clients: what they may ask for, never their secrets."""
    with _tokens(config) as tokens:
        records = tokens.list_clients()
    if output is Format.JSON:
        print_json(records)
    else:
        (Console() if sys.stdout.isatty() else Console(width=_PIPED_WIDTH)).print(_table(records))


@clients.command("rotate")
def rotate_secret(
    client: ClientId,
    config: File = _USUAL_FILE,
    overlap: Annotated[str, typer.Option(help="How long what it had still works: 0s, 24h, 30d.")] = "24h",
    key: KeyFile = None,
    output: Output = Format.TEXT,
) -> None:
    """Give a client another secret and print it, this one time, or other keys. Both work until the overlap ends."""
    keys = _read_keys(key)
    with _tokens(config) as tokens:
        _print_issued(tokens.rotate_secret(client, SecretRotation(_seconds(overlap), keys)), output)


@clients.command("remove")
def remove_client(client: ClientId, config: File = _USUAL_FILE, output: Output = Format.TEXT) -> None:
    """Remove a client for good, and refuse all its tokens."""
    with _tokens(config) as tokens:
        record = tokens.remove_client(client)
    if output is Format.JSON:
        print_json(record)
    else:
        typer.echo(f"Client {record.id} is removed, and its tokens are revoked.")


@contextmanager
def _tokens(config: Path) -> Iterator[Tokens]:
    """The token service of the gateway of ``config``; whatever goes wrong ends the command with a sentence."""
    try:
        with tokens_of(config) as tokens:
            yield tokens
    except (InvalidTokenOrder, UnusableFile) as error:
        _fail(str(error), 2)
    except NoControlProcess:
        _fail("the gateway has just stopped; try again", 1)
    except (TokenServiceError, DatabaseError) as error:
        _fail(str(error), 1)
    except OSError as error:
        _fail(f"{error.filename or 'the control socket'}: {error.strerror or error}", 1)


def _revoke_by_id(tokens: Tokens, token_id: str) -> RevocationDone:
    if token_id.count(".") > 1:
        _fail("that is a token, and arguments are no place for one: give it on standard input", 2)
    return tokens.revoke_by_id(RevocationById(token_id))


def _read_keys(file: Path | None) -> str:
    """The public keys in ``file``, or nothing."""
    if file is None:
        return ""
    try:
        with file.open("rb") as stream:
            text = stream.read(MAX_TEXT + 1).decode()
    except OSError as error:
        _fail(f"{file}: {error.strerror or error}", 2)
    except UnicodeDecodeError:
        _fail(f"{file}: neither a JWK set nor a public key in PEM", 2)
    if not text.strip():
        _fail(f"{file}: it is empty; give a JWK set, or a public key in PEM", 2)
    return text


def _read_token() -> str:
    """The token on standard input."""
    if sys.stdin.isatty():
        typer.echo("Paste the token, then press Enter:", err=True)
    text = sys.stdin.readline(MAX_TOKEN + 1).strip()
    if not text or len(text) > MAX_TOKEN:
        _fail("give the token on standard input, on one line", 2)
    return text


def _print_issued(issued: IssuedClient, output: Format) -> None:
    if output is Format.JSON:
        print_json(issued)
        return
    if issued.client.proof == "key":
        typer.echo(f"Client {issued.client.id} signs with its key: it has no secret.")
        return
    if not issued.secret:
        typer.echo(f"Client {issued.client.id} is made. It is public: it has no secret.")
        return
    typer.echo(f"Secret of client {issued.client.id}. It is shown this one time:", err=True)
    typer.echo(issued.secret)


def _table(records: list[ClientRecord]) -> Table:
    table = Table("id", "audiences", "scopes", "roles", "grants", "serves", "proof", "created", box=None)
    for record in records:
        cells = (
            record.id,
            " ".join(record.audiences),
            " ".join(record.scopes),
            " ".join(record.roles),
            " ".join(record.grants),
            " ".join(record.serves),
            "none (public)" if record.public else f"{record.proof} of {record.secret_changed:%Y-%m-%d}",
            f"{record.created:%Y-%m-%d}" if record.created else "",
        )
        table.add_row(*map(Text, cells))
    return table


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError:
        raise InvalidTokenOrder("the overlap is a duration: 0s, 30m, 24h or 30d") from None


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"portcullis tokens: {message}", err=True)
    raise typer.Exit(code)
