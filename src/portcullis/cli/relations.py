"""``portcullis relations``: who is what to which object.

A running gateway is asked through its control socket, and every worker knows of a change at once; without one the file
of relations is changed directly.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, NoReturn, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from portcullis.cli.output import Format, print_json
from portcullis.control.control_client import NoControlProcess
from portcullis.control.gateway_access import UnusableFile
from portcullis.control.relations.access import relations_of
from portcullis.control.relations.client import Relations
from portcullis.control.relations.files import Kind, UnreadableLine, kind_of, read_lines, written
from portcullis.control.relations.orders import Changed, CheckOrder, InvalidTuples, PageOrder, RelationServiceError
from portcullis.engine.relations.tuples import parse_object
from portcullis.stores.relations.listing import MAX_PAGE, TupleFilter

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Add, remove, import, export, check and list relations.",
)

_USUAL_FILE: Final = Path("portcullis.yaml")
_STANDARD: Final = Path("-")

File = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration file.")]
Output = Annotated[Format, typer.Option("--format", help="How to print.")]
Tuples = Annotated[
    list[str], typer.Argument(metavar="TUPLE...", help="Such as order:17#owner@user:alice, and @group:staff#member.")
]
Written = Annotated[
    Kind | None, typer.Option("--as", help="How tuples are written; default: by the file's name, else tuples.")
]


@app.command()
def add(tuples: Tuples, config: File = _USUAL_FILE, output: Output = Format.TEXT) -> None:
    """Add tuples: all of them, or none."""
    with _relations(config) as relations:
        _print_changed(relations.add(tuples), output)


@app.command()
def remove(tuples: Tuples, config: File = _USUAL_FILE, output: Output = Format.TEXT) -> None:
    """Remove tuples: all of them, or none."""
    with _relations(config) as relations:
        _print_changed(relations.remove(tuples), output)


@app.command()
def check(
    tuple_: Annotated[str, typer.Argument(metavar="TUPLE", help="Such as order:17#viewer@user:alice.")],
    config: File = _USUAL_FILE,
    output: Output = Format.TEXT,
) -> None:
    """Say whether a relation holds, by itself or as it follows from others; 1 if it does not."""
    with _relations(config) as relations:
        checked = relations.check(CheckOrder(tuple_))
    if output is Format.JSON:
        print_json(checked)
    else:
        typer.echo("yes" if checked.related else "no")
    raise typer.Exit(0 if checked.related else 1)


@app.command("list")
def list_tuples(
    config: File = _USUAL_FILE,
    object_: Annotated[str, typer.Option("--object", help="Only of this object (order:17).")] = "",
    type_: Annotated[str, typer.Option("--type", help="Only of objects of this type.")] = "",
    relation: Annotated[str, typer.Option(help="Only this relation of the type.")] = "",
    subject: Annotated[str, typer.Option(help="Only with this subject (user:alice, group:staff#member).")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    output: Output = Format.TEXT,
) -> None:
    """List tuples as they were written; what follows from them `relations check` says."""
    wanted = _filter(object_, type_, relation, subject)
    with _relations(config) as relations:
        found = list(_pages(relations, wanted, limit + 1))
    if output is Format.JSON:
        print_json({"tuples": found[:limit], "more": len(found) > limit})
        return
    for each in found[:limit]:
        typer.echo(each)
    if len(found) > limit:
        typer.echo(f"There are more than {limit}; --limit takes another number.", err=True)


@app.command("import")
def import_tuples(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Tuples, one a line; - is standard input.")],
    *,
    config: File = _USUAL_FILE,
    replace: Annotated[bool, typer.Option("--replace", help="Remove all tuples that are not in the file.")] = False,
    kind: Written = None,
    output: Output = Format.TEXT,
) -> None:
    """Add the tuples of a file, however many: all of them, or none. Requests see the old state until it is done."""
    with _source(file) as source, _bar(source) as (seen, told):
        lines = read_lines(source, kind or kind_of(file), seen)
        with _relations(config) as relations:
            changed = relations.import_tuples(lines, replace=replace, told=told)
    _print_changed(changed, output)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; - is standard output.")] = _STANDARD,
    config: File = _USUAL_FILE,
    kind: Written = None,
) -> None:
    """Write all tuples, one a line, as `relations import` reads them."""
    with _relations(config) as relations, _target(file) as target:
        for line in written(_pages(relations, TupleFilter(), None), kind or kind_of(file)):
            target.write(line)


def _pages(relations: Relations, wanted: TupleFilter, most: int | None) -> Iterator[str]:
    """At most ``most`` of the tuples that are ``wanted``, asked for page by page."""
    after = ""
    while most is None or most > 0:
        size = MAX_PAGE if most is None else min(most, MAX_PAGE)
        page = relations.page(PageOrder(wanted, after, size)).tuples
        yield from page
        if len(page) < size:
            return
        after = page[-1]
        most = None if most is None else most - len(page)


def _filter(object_: str, type_: str, relation: str, subject: str) -> TupleFilter:
    object_id = kind = subject_id = ""
    try:
        if object_:
            type_of_it, object_id = parse_object(object_)
            if type_ not in ("", type_of_it):
                _fail("--type is not that of --object", 2)
            type_ = type_of_it
        if subject:
            name, _, members = subject.partition("#")
            kind, subject_id = parse_object(name)
            kind += f"#{members}" if members else ""
    except ValueError as error:
        _fail(str(error), 2)
    if relation and not type_:
        _fail("a relation is of a type: say --type or --object too", 2)
    return TupleFilter(type_, object_id, f"{type_}#{relation}" if relation else "", kind, subject_id)


@contextmanager
def _relations(config: Path) -> Iterator[Relations]:
    """The relations of the gateway of ``config``; whatever goes wrong with them ends the command with a sentence."""
    try:
        with relations_of(config) as relations:
            yield relations
    except (InvalidTuples, UnreadableLine, UnusableFile) as error:
        _fail(str(error), 2)
    except NoControlProcess:
        _fail("the gateway has just stopped; try again", 1)
    except RelationServiceError as error:
        _fail(str(error), 1)
    except OSError as error:
        _fail(f"{error.filename or 'the control socket'}: {error.strerror or error}", 1)


@contextmanager
def _source(file: Path) -> Iterator[BinaryIO]:
    if file == _STANDARD:
        yield sys.stdin.buffer
        return
    try:
        source = file.open("rb")
    except OSError as error:
        _fail(f"{file}: {error.strerror}", 2)
    with source:
        yield source


@contextmanager
def _target(file: Path) -> Iterator[TextIO]:
    if file == _STANDARD:
        yield sys.stdout
        sys.stdout.flush()
        return
    with file.open("w", encoding="utf-8") as target:
        yield target


@contextmanager
def _bar(source: BinaryIO) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """What is told of bytes that were read, and of tuples that were taken: a bar on a terminal, else nothing."""
    console = Console(stderr=True)
    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        size = _size(source)
        task = progress.add_task("importing", total=size)

        def told(count: int) -> None:
            progress.update(task, description=f"importing, {count:,} tuples")

        yield (lambda size: progress.advance(task, size)), told


def _size(source: BinaryIO) -> int | None:
    """The bytes of a file; ``None`` for what has no size, such as a pipe."""
    if not source.seekable():
        return None
    size = source.seek(0, 2)
    source.seek(0)
    return size or None


def _print_changed(changed: Changed, output: Format) -> None:
    if output is Format.JSON:
        print_json(changed)
        return
    parts = [f"{changed.added} added"] if changed.added or not changed.removed else []
    parts += [f"{changed.removed} removed"] if changed.removed else []
    typer.echo(f"{changed.given} given: {', '.join(parts)}.")


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"portcullis relations: {message}", err=True)
    raise typer.Exit(code)
