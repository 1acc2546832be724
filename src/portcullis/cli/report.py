"""``portcullis report``: what the records show."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from portcullis.cli.output import Format, print_json

if TYPE_CHECKING:
    from portcullis.control.monitor_report import Group, MonitorReport

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


def _seconds(since: str) -> float:
    from portcullis.engine.config.values import parse_duration

    try:
        return parse_duration(since)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from error


def print_report(made: MonitorReport, console: Console) -> None:
    """What was read, a paragraph for each group, and what may be enforced as it is."""

    def line(*parts: str | tuple[str, str]) -> None:
        text = Text.assemble(*parts)
        text.rstrip()
        console.print(text, soft_wrap=True)

    if not made.records:
        what = f"{', '.join(made.files)}: no record" if made.files else "no file was written"
        line((made.log, "bold"), f": nothing to report on: {what} since {made.since}")
        if made.unreadable:
            line(f"{_count(made.unreadable, 'line')} could not be read")
        return
    line((made.log, "bold"), f": {_count(made.records, 'record')} since {made.since}, from {made.first} to {made.last}")
    if made.unreadable:
        line((f"{_count(made.unreadable, 'line')} could not be read", "yellow"))
    line()
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
