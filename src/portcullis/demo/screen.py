"""What the demo shows: where things are, calls to paste, and how a check went."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from portcullis.demo.calls import CALLS, VARIABLES, Call
from portcullis.demo.check import Outcome
from portcullis.demo.processes import BASE_PATH, Site


def show_site(console: Console, site: Site) -> None:
    """Where everything is."""
    places = Table.grid(padding=(0, 2))
    for no_wrap in (True, True, False):  # an address that is cut is no address
        places.add_column(no_wrap=no_wrap)
    places.add_row("gateway", f"[bold]{site.public}[/]", "what the world sees")
    places.add_row("sample API", site.api, "what stands behind it, with the weaknesses of a normal one")
    places.add_row("admin", f"{site.admin}/metrics", "also /healthz and /readyz; loopback only")
    places.add_row("the file", _near(site.configuration), "read it: it is short; beside it is the OpenAPI document")
    places.add_row("the record", _near(site.access_log), "one JSON line for each call: who, what, why")
    console.print(Panel(places, title="[bold]The bookshop, behind Portcullis[/]", border_style="green", expand=False))


def show_calls(console: Console, site: Site) -> None:
    """The calls to try, each with what it shows, ready to paste."""
    console.print("\nPaste this first, into another terminal:\n")
    for consumer, key in site.keys.items():
        _paste(console, f"export {VARIABLES[consumer]}={key}")
    for number, call in enumerate(CALLS, 1):
        console.print()
        title = Text.assemble((f"{number}. {call.name}", "bold"), "  ", _expected(call))
        console.print(title.append(f"  {call.risk}", "magenta") if call.risk else title)
        console.print(f"   {call.shows}", style="dim", highlight=False)
        _paste(console, call.curl(site.public))
        if call.bare_status:
            told = f" and tells {call.kept_back}" if call.kept_back else ""
            console.print(f"   Without the gate the API says {call.bare_status}{told}:", style="dim", highlight=False)
            _paste(console, call.curl(site.api, bare=True))
    _show_reasons(console, site)
    console.print(Rule(style="green"))
    console.print("Ctrl-C stops everything.")


def _show_reasons(console: Console, site: Site) -> None:
    """How to find out why a call was refused: from its record, or without making it."""
    console.print("\n[bold]Why was that?[/]  The record of the last call, with the verdict of each policy:")
    _paste(console, f"tail -n 1 {shlex.quote(_near(site.access_log))} | python3 -m json.tool")
    console.print("The same, step by step, without making the call:")
    call = next(call for call in CALLS if call.name == "Unknown field")
    request = call.curl("").replace("curl -i -X POST ", "").removesuffix(f" {call.path}")
    target = shlex.quote(f"{call.method} {BASE_PATH}{call.path}")
    _paste(console, f"{_program()} explain -c {shlex.quote(_near(site.configuration))} {target} {request}")


def show_outcome(console: Console, outcome: Outcome) -> None:
    """One line for a call of a check, and one for each fault."""
    call = outcome.call
    mark = Text("✗ ", "bold red") if outcome.faults else Text("✓ ", "green")
    repeated = f" ({call.times} times)" if call.times > 1 else ""
    line = Text.assemble(mark, f"{call.name:<22}{call.method:<7}{call.path}{repeated}  ", _expected(call))
    console.print(line, soft_wrap=True)
    for fault in outcome.faults:
        console.print(Text(f"    {fault}", "red"))


def _expected(call: Call) -> Text:
    if call.code:
        return Text(f"{call.status} {call.code}", "yellow")
    return Text(f"{call.status}", "green")


def _paste(console: Console, line: str) -> None:
    """A line to be copied: never wrapped by us, and nothing in it read as markup."""
    console.print(Text(f"   {line}", "cyan"), soft_wrap=True)


def _near(path: Path) -> str:
    """``path`` as seen from here, if it is below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _program() -> str:
    """How to call ``portcullis`` from the shell the demo was started in."""
    return "portcullis" if shutil.which("portcullis") else _near_program()


def _near_program() -> str:
    program = Path(sys.executable).parent / "portcullis"
    try:
        return str(program.relative_to(Path.cwd()))
    except ValueError:
        return str(program)
