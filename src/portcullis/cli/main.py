"""The root of the command line.

A command's module is imported when the command is called, not before: ``portcullis --help`` and shell completion stay
quick however much a command needs. What the list of commands says about each is therefore written here.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from portcullis import __version__

_BUG: Final = 70
"""Exit code of an error that nobody foresaw (``EX_SOFTWARE``); 2 is for usage and configuration errors."""


class _Commands(TyperGroup):
    """The group of all commands, each loaded when it is needed."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # Stand-ins that know a command's name and purpose: enough for the list, and to find a mistyped one.
        self.commands = {name: TyperCommand(name, help=purpose) for name, (_, purpose) in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that was called."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if stand_in is not None and name else None, rest


COMMANDS: Final = {
    "serve": ("portcullis.cli.serve:serve", "Run the gateway."),
    "check": ("portcullis.cli.check:check", "Compile everything that a configuration file says, and start nothing."),
    "explain": (
        "portcullis.cli.explain:explain",
        "Walk a request through the phases, offline; say who may call what.",
    ),
    "report": (
        "portcullis.cli.report:app",
        "Say what the records show: what monitor mode would have refused, what was granted and never used.",
    ),
    "keys": ("portcullis.cli.keys:app", "Make, list, rotate and revoke API keys."),
    "relations": (
        "portcullis.cli.relations:app",
        "Add, remove, import, export, check and list relations: who is what to which object.",
    ),
    "users": ("portcullis.cli.users:app", "Make, list, change and remove users with passwords."),
    "tokens": (
        "portcullis.cli.tokens:app",
        "Issue, inspect and revoke tokens of the gateway's own token service; manage its clients.",
    ),
    "certs": (
        "portcullis.cli.certs:app",
        "Look at certificates, renew and revoke them; look at what a host shows; print pins.",
    ),
    "demo": ("portcullis.cli.demo:demo", "Start a sample API behind the gateway, and print calls to try."),
}
"""Every command: where it is (a function, or a ``typer.Typer`` of subcommands), and what it is for."""

app = typer.Typer(cls=_Commands, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich")


def load_command(name: str) -> Any:
    """Import the command ``name`` of ``COMMANDS``."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
    else:
        single = typer.Typer(add_completion=False)
        single.command(name)(found)
        command = get_command(single)
    command.name = name
    for each in (command, *getattr(command, "commands", {}).values()):
        each.help = _flowing(each.help or "")
    return command


def _flowing(text: str) -> str:
    """``text`` with a line for each paragraph: the terminal's width decides where it is broken."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _version(value: bool) -> None:
    if value:
        typer.echo(f"portcullis {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """API security in one file: a gateway that enforces what your OpenAPI documents declare."""
    del version


def main() -> None:
    """The entry point. Ends with 0 (fine), 1 (findings or a refusal), 2 (usage or configuration); never a traceback."""
    try:
        app(prog_name="portcullis")
    except Exception as error:  # noqa: BLE001 - the last place where it can be told in words
        if os.environ.get("PORTCULLIS_TRACEBACK"):
            traceback.print_exc()
        reason = " ".join(str(error).split())[:500]
        sys.stderr.write(
            f"portcullis: internal error: {type(error).__name__}: {reason}\n"
            "This is a bug; with PORTCULLIS_TRACEBACK=1 in the environment it tells where.\n"
        )
        sys.exit(_BUG)
