"""``portcullis report``: what the records show."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from portcullis.cli.output import Format, lines_on, print_json

if TYPE_CHECKING:
    from portcullis.control.monitor_report import Group, MonitorReport
    from portcullis.control.permission_report import ConsumerUse, PermissionReport
    from portcullis.control.service_report import ServiceReport

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Say what the records show.",
)


@app.callback()
def root() -> None:
    """Say what the records show."""


@app.command()
def monitor(
    config: Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration file.")] = Path(
        "portcullis.yaml"
    ),
    since: Annotated[str, typer.Option(help="How far back to look: 30m, 24h, 7d.")] = "24h",
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TEXT,
) -> None:
    """What `mode: monitor` would have refused, from the access log: how often, whose calls, and which rule to change.

    Exits with 0 if nothing would have been refused or changed, 1 if something would, 2 if there are no records to
    judge by or the configuration can't be used.
    """
    from portcullis.cli.loading import guarded, read_configuration
    from portcullis.control.monitor_report import report
    from portcullis.stores.files import ConfigurationFiles

    start = time.time() - _seconds(since)
    with guarded(config):
        made = report(read_configuration(config), config, ConfigurationFiles(config), start)
    if output is Format.JSON:
        print_json(made)
    else:
        print_report(made, Console(highlight=False))
    raise typer.Exit(2 if not made.records else 1 if made.groups else 0)


@app.command()
def permissions(
    config: Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration file.")] = Path(
        "portcullis.yaml"
    ),
    since: Annotated[str, typer.Option(help="How far back to look: 24h, 7d, 90d.")] = "30d",
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TEXT,
) -> None:
    """What consumers were granted and never used, from the access log: roles, permissions, scopes, keys.

    With the operations that nobody called. Exits with 0 if everything was used, 1 if something was not, 2 if there are
    no records to judge by or the configuration can't be used.
    """
    from portcullis.cli.loading import guarded, read_configuration, usable_keys
    from portcullis.control.permission_report import report
    from portcullis.stores.clock import SystemClock
    from portcullis.stores.files import ConfigurationFiles

    start = time.time() - _seconds(since)
    with guarded(config):
        loaded = read_configuration(config)
        keys = usable_keys(loaded, config)
        made = report(loaded, config, ConfigurationFiles(config), SystemClock(), keys, start)
    if output is Format.JSON:
        print_json(made)
    else:
        print_permissions(made, Console(highlight=False))
    raise typer.Exit(2 if not made.records else 1 if made.consumers or made.operations else 0)


@app.command()
def services(
    config: Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration file.")] = Path(
        "portcullis.yaml"
    ),
    since: Annotated[str, typer.Option(help="How far back to look: 24h, 7d, 90d.")] = "30d",
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TEXT,
) -> None:
    """The call graph as it was used, from the access log: edges without a call, and calls that are none of it.

    Exits with 0 if every edge was used and nothing else was tried, 1 if not, 2 if there are no records to judge by or
    the configuration can't be used.
    """
    from portcullis.cli.loading import guarded, read_configuration
    from portcullis.control.service_report import report

    start = time.time() - _seconds(since)
    with guarded(config):
        made = report(read_configuration(config), config, start)
    if output is Format.JSON:
        print_json(made)
    else:
        print_services(made, Console(highlight=False))
    found = made.moves or any(not edge.calls for edge in made.edges)
    raise typer.Exit(2 if not made.records else 1 if found else 0)


def _seconds(since: str) -> float:
    from portcullis.engine.config.values import parse_duration

    try:
        return parse_duration(since)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from error


def print_report(made: MonitorReport, console: Console) -> None:
    """What was read, a paragraph for each group, and what may be enforced as it is."""
    line = lines_on(console)
    if not _print_what_was_read(made, line):
        return
    for group in made.groups:
        for parts in _paragraph(group):
            line(*parts)
        line()
    for rule in made.quiet:
        verdict = f"had nothing against any of {_count(rule.calls, 'call')}" if rule.calls else "has seen no call"
        line((rule.mode, "bold"), " ", (rule.mode_at, "cyan"), f": {verdict}")
    if made.quiet:
        line()
    line(*_summary(made))


def print_permissions(made: PermissionReport, console: Console) -> None:
    """What was read, a paragraph for each consumer, and the operations that nobody called."""
    line = lines_on(console)
    if not _print_what_was_read(made, line):
        return
    if not made.complete:
        line(
            ("there were too many pairs of keys and operations to keep all: some of this may have been used", "yellow")
        )
        line()
    for use in made.consumers:
        line((use.name, "bold"), f", {_count(use.calls, 'call')}")
        for what, names in _unused(use):
            line(f"  {what:<12}", names)
        line()
    for operation in made.operations:
        refused = f" ({_count(operation.refused, 'call')} refused)" if operation.refused else ""
        line("no call of ", (operation.operation, "bold"), f" of {operation.api} {operation.version}{refused}")
    if made.operations:
        line()
    if made.consumers or made.operations:
        counts = (_count(len(made.consumers), "consumer"), _count(len(made.operations), "operation"))
        line((f"{counts[0]} with something unused, {counts[1]} that nobody called", "bold yellow"))
    else:
        line(("everything that was granted was used", "bold green"))


def print_services(made: ServiceReport, console: Console) -> None:
    """What was read, calls that are none of the graph, and each edge with its calls."""
    line = lines_on(console)
    if not _print_what_was_read(made, line):
        return
    for move in made.moves:
        where = f"{move.operation or 'no operation'} of {move.api}"
        line((move.code, "bold red"), f": {move.caller} to ", (where, "bold"))
        line(f"  {_count(move.count, 'call')}, for example {move.request_id}")
    if not made.complete:
        line(("there were more kinds of refused calls than are kept", "yellow"))
    if made.moves:
        line()
    for edge in made.edges:
        calls = _count(edge.calls, "call") if edge.calls else "no call"
        line((edge.service, "bold"), f" may call {edge.may_call}: ", (calls, "" if edge.calls else "yellow"))
    unused = sum(not edge.calls for edge in made.edges)
    line()
    if unused or made.moves:
        refused = _count(sum(move.count for move in made.moves), "refused call")
        line((f"{_count(unused, 'edge')} without a call, {refused}", "bold yellow"))
    else:
        line(("every edge was used, and nothing else was tried", "bold green"))


def _unused(use: ConsumerUse) -> Iterator[tuple[str, str]]:
    """What of a consumer was not used, by what it is called."""
    if use.roles:
        yield "roles", ", ".join(use.roles)
    if use.permissions:
        yield "permissions", ", ".join(use.permissions)
    for key, scopes in use.scopes.items():
        yield "scopes", f"{', '.join(scopes)} of key {key}"
    if use.keys:
        yield "keys", ", ".join(use.keys)


def _print_what_was_read(made: MonitorReport | PermissionReport | ServiceReport, line: Callable[..., None]) -> bool:
    """Which records there are; whether there are any."""
    if not made.records:
        what = f"{', '.join(made.files)}: no record" if made.files else "no file was written"
        line((made.log, "bold"), f": nothing to report on: {what} since {made.since}")
        if made.unreadable:
            line(f"{_count(made.unreadable, 'line')} could not be read")
        return False
    line((made.log, "bold"), f": {_count(made.records, 'record')} since {made.since}, from {made.first} to {made.last}")
    if made.unreadable:
        line((f"{_count(made.unreadable, 'line')} could not be read", "yellow"))
    line()
    return True


def _paragraph(group: Group) -> list[list[str | tuple[str, str]]]:
    place = f" at {group.pointer}" if group.pointer else ""
    of = f" of {group.api} {group.version}" if group.api else ""
    who = ", ".join(group.consumers) or "callers without a consumer"
    more = group.consumer_count - len(group.consumers)
    lines: list[list[str | tuple[str, str]]] = [
        [(group.code or group.policy, "bold yellow"), place],
        ["  in      ", (group.operation or "no operation", "bold"), of],
        ["  calls   ", f"{group.count} of {group.of_calls}, by {who}", f" and {more} more" if more else ""],
        ["  from    ", f"{group.first} to {group.last}, for example {group.request_id}"],
    ]
    if group.found or group.allowed:
        words = [f"{group.found}" if group.found else "", f"allowed is {group.allowed}" if group.allowed else ""]
        lines.append(["  found   ", "; ".join(word for word in words if word)])
    if group.rule:
        lines.append(["  rule    ", group.rule, " ", (group.rule_at, "cyan")])
    if group.mode:
        lines.append(["  mode    ", group.mode, " ", (group.mode_at, "cyan")])
        lines.append(["  enforce ", f"{group.if_enforced}"])
    else:
        lines.append(["  mode    ", "nothing in the file monitors this any more"])
    return lines


def _summary(made: MonitorReport) -> list[str | tuple[str, str]]:
    if not made.groups:
        return [("nothing would have been refused", "bold green")]
    counts = ((made.refused, "refused"), (made.changed, "changed"))
    words = [f"{_count(count, 'call')} would have been {what}" for count, what in counts if count]
    return [(", ".join(words), "bold yellow")]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
