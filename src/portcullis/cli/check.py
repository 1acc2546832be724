"""``portcullis check``: compile everything that a configuration file says, and start nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from portcullis.cli.loading import named_from_here, read_configuration
from portcullis.cli.output import Format, print_diagnostics, print_json
from portcullis.control.examine import Served, ServedVersion, examine
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.json_schema import configuration_schema
from portcullis.stores.files import ConfigurationFiles

_PIPED_WIDTH = 200


class Report(msgspec.Struct, frozen=True):
    """The outcome. ``served`` is ``None`` where there are errors."""

    file: str
    errors: int
    warnings: int
    diagnostics: list[Diagnostic]
    served: Served | None


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration file.")] = Path("portcullis.yaml"),
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TEXT,
    json_schema: Annotated[
        bool, typer.Option("--json-schema", help="Print the JSON Schema of configuration files, for editors, and exit.")
    ] = False,
) -> None:
    """Compile everything that a configuration file says, and start nothing.

    Reads the file, all OpenAPI documents and certificates it names, and compiles them as the gateway would. Every
    error is told, with its place and what would be right. Exits with 0 if the gateway could start, 2 if not.
    """
    if json_schema:
        print_json(configuration_schema())
        return
    report = report_on(file)
    if output is Format.JSON:
        print_json(report)
    else:
        console = Console(highlight=False)
        if not console.is_terminal:
            console.width = _PIPED_WIDTH
        _print(report, console)
    raise typer.Exit(2 if report.errors else 0)


def report_on(file: Path) -> Report:
    """Check the configuration at ``file``."""
    served = None
    warnings: tuple[Diagnostic, ...] = ()
    try:
        loaded = read_configuration(file)
        warnings = loaded.warnings
        examined = examine(loaded, ConfigurationFiles(file))
        served, warnings = examined.served, (*warnings, *examined.warnings)
        errors: list[Diagnostic] = []
    except ConfigurationError as error:
        errors = error.diagnostics
    diagnostics = [named_from_here(diagnostic, file) for diagnostic in sorted([*errors, *warnings])]
    return Report(str(file), len(errors), len(warnings), diagnostics, served)


def _print(report: Report, console: Console) -> None:
    print_diagnostics(console, report.diagnostics)
    if report.served is not None:
        _print_served(report.served, console)
    counts = f"{_count(report.errors, 'error')}, {_count(report.warnings, 'warning')}"
    style = "bold red" if report.errors else "bold yellow" if report.warnings else "bold green"
    console.print(Text.assemble((report.file, "bold"), ": ", (counts, style)), soft_wrap=True)


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'s' * (number != 1)}"


def _print_served(served: Served, console: Console) -> None:
    listeners = _table("Listener", "Address", "For")
    for listener in served.listeners:
        listeners.add_row(listener.name, listener.url, listener.purpose)
    apis = _table("API", "Version", "Hosts", "Operations", "Guarded by", "Upstream")
    for version in served.versions:
        apis.add_row(
            version.api,
            version.version,
            "\n".join(version.hosts),
            f"{version.operations}" + (f" ({version.public} public)" if version.public else ""),
            "\n".join(_guards(version)),
            "\n".join(version.upstream),
        )
    for table in (listeners, apis):
        console.print(table)
        console.print()


def _guards(version: ServedVersion) -> list[str]:
    """A line for each policy; with numbers where it does not guard, or only watches, all operations."""
    lines = []
    for name, count in version.policies.items():
        monitored = version.monitored.get(name, 0)
        notes = [f"{count} of {version.operations}"] if count < version.operations else []
        notes += [f"{monitored} monitored" if monitored < count else "monitored"] if monitored else []
        lines.append(f"{name} ({', '.join(notes)})" if notes else name)
    return lines


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
