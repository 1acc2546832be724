"""``portcullis serve``: run the gateway."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from portcullis.cli.loading import named_from_here, read_configuration
from portcullis.cli.output import ProgressBar, print_diagnostics
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.serve.announcer import Announcer
from portcullis.serve.generations import MAX_WORKERS


def serve(
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")] = Path("portcullis.yaml"),
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, max=MAX_WORKERS, help="Worker processes; overrides process.workers."),
    ] = None,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C. SIGHUP reloads the file: whole, or not at all.

    Exits with 0 after a stop that was asked for, 2 if the configuration can't be used, 1 if anything else keeps the
    gateway from starting.
    """
    from portcullis.serve.supervisor import Supervisor

    announcer = ConsoleAnnouncer(config)
    try:
        status = Supervisor(config.absolute(), lambda: read_configuration(config), announcer, workers).run()
    except ConfigurationError as error:
        announcer.failed(error.diagnostics, kept=False)
        status = 2
    except OSError as error:
        announcer.note(f"nothing was started: {error.strerror or error}")
        status = 1
    raise typer.Exit(status)


class ConsoleAnnouncer(Announcer):
    """Says it on standard output (the ready line) and standard error (everything else).

    Where that can't be written to (a pipe that nobody reads any more, a full disk) it is not said.
    """

    def __init__(self, config: Path) -> None:
        self._config = config
        self._errors = Console(stderr=True, highlight=False)
        self._bar = ProgressBar(self._errors)

    def ready(self, addresses: dict[str, str]) -> None:
        listeners = ", ".join(f"{name} {url}" for name, url in addresses.items())
        with _unless_it_fails():
            self._bar.close()
            sys.stdout.write(f"portcullis ready: {listeners}\n")
            sys.stdout.flush()

    def reloaded(self, generation: int) -> None:
        self.note(f"reloaded: generation {generation} serves")

    def failed(self, diagnostics: Sequence[Diagnostic], *, kept: bool) -> None:
        named = [named_from_here(diagnostic, self._config) for diagnostic in diagnostics]
        with _unless_it_fails():
            self._bar.close()
            print_diagnostics(self._errors, named)
        self.note("nothing was changed: the configuration before it stays in force" if kept else "nothing was started")

    def progress(self, document: str, done: int, total: int) -> None:
        if self._errors.is_terminal:
            with _unless_it_fails():
                self._bar.show(document, done, total)

    def note(self, text: str) -> None:
        with _unless_it_fails():
            self._bar.close()
            self._errors.print(f"portcullis: {text}", markup=False, soft_wrap=True)


@contextlib.contextmanager
def _unless_it_fails() -> Iterator[None]:
    """Nothing that is printed is worth the gateway's end. Rich ends the program when a pipe is broken."""
    try:
        yield
    except (Exception, SystemExit):  # noqa: BLE001 - see above
        return
