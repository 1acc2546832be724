"""Where the state of one gateway lies on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from portcullis.engine.config.running import StateConfig

if TYPE_CHECKING:
    import sqlalchemy as sa

RELATIONS: Final = "relations.db"
"""The file of relations, in the state directory."""


class StatePaths:
    """The files below ``state.directory`` of the configuration file ``file``; paths in it are relative to it."""

    def __init__(self, state: StateConfig, file: Path) -> None:
        self.file = file
        self._base = file.absolute().parent
        self._records = state.records
        self.directory = self._base / state.directory
        self.control_socket = self.directory / "control.sock"
        """Where commands speak to the control process."""
        self.workers_socket = self.directory / "workers.sock"
        """Where workers speak to the control process."""
        self.documents = self.directory / "documents"
        """Compiled OpenAPI documents."""
        self.relations = self.directory / RELATIONS
        """The tuples of relations."""

    def database(self) -> sa.URL:
        """The database of consumers and keys. Raises :class:`~portcullis.stores.database.connection.DatabaseError`."""
        # Only here: processes that never open it have no use for the whole library.
        from portcullis.stores.database.connection import locate  # noqa: PLC0415

        return locate(self._records, self.directory, self._base)

    def prepare(self) -> None:
        """Make the state directory, closed to other users, if it is not there. Raises ``OSError``."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
