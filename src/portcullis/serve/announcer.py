"""What the supervisor says to the person who started it."""

from __future__ import annotations

from collections.abc import Sequence

from portcullis.engine.config.diagnostics import Diagnostic


class Announcer:
    """Hears what happens to the gateway; this one keeps it to itself. Its methods must not raise, nor take long."""

    def ready(self, addresses: dict[str, str]) -> None:
        """The gateway serves on ``addresses``, by listener."""

    def reloaded(self, generation: int) -> None:
        """A reload has been carried out."""

    def failed(self, diagnostics: Sequence[Diagnostic], *, kept: bool) -> None:
        """The configuration can't be used; ``kept``: the one before it stays in force."""

    def progress(self, document: str, done: int, total: int) -> None:
        """``document`` is being compiled, the ``done``th of ``total``."""

    def note(self, text: str) -> None:
        """Something worth a line."""
