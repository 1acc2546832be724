"""``portcullis demo``: the bookshop behind the gateway, to play with or as a check."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from portcullis.demo.processes import Addresses, DemoError
from portcullis.demo.run import check, play, until_told_to_stop

_INTERRUPTED = 130


def demo(
    port: Annotated[int, typer.Option(help="Port of the gateway on loopback.")] = 8080,
    admin_port: Annotated[int, typer.Option(help="Port of health and metrics.")] = 9901,
    api_port: Annotated[int, typer.Option(help="Port of the sample API.")] = 9000,
    directory: Annotated[Path, typer.Option(help="Where configuration, state and access log are kept.")] = Path(
        ".demo"
    ),
    check_calls: Annotated[
        bool, typer.Option("--check", help="Make the calls, compare, stop; on free ports, in a temporary folder.")
    ] = False,
) -> None:
    """Start a sample API behind the gateway, and print calls to try."""
    console = Console()
    try:
        if check_calls:
            with tempfile.TemporaryDirectory(prefix="portcullis-demo-") as folder:
                code = until_told_to_stop(lambda: check(Path(folder), Addresses(0, 0, 0), console))
            raise typer.Exit(_INTERRUPTED if code is None else code)
        code = until_told_to_stop(lambda: play(directory, Addresses(port, admin_port, api_port), console))
        if code is None:
            console.print("\nEverything is stopped.")
        raise typer.Exit(code or 0)
    except DemoError as error:
        Console(stderr=True).print(f"demo: {error}", style="red", highlight=False, markup=False)
        raise typer.Exit(2) from error
