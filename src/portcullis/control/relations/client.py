"""The relation service as a command sees it, through the control API of a running gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

from portcullis.control.control_client import ControlClient
from portcullis.control.relations.orders import (
    Changed,
    Checked,
    CheckOrder,
    InvalidTuples,
    Page,
    PageOrder,
    RelationServiceError,
    TupleOrder,
)

IMPORT_TIMEOUT_S: Final = 600.0
"""For the last step of an import, which may take long."""
_PIECE: Final = 1_000


class Relations(Protocol):
    """What commands need of a :class:`~portcullis.control.relations.service.RelationService`, wherever that is."""

    def add(self, texts: Sequence[str]) -> Changed:
        """Add tuples."""

    def remove(self, texts: Sequence[str]) -> Changed:
        """Remove tuples."""

    def check(self, order: CheckOrder) -> Checked:
        """Whether somebody is related to an object."""

    def page(self, order: PageOrder) -> Page:
        """Some tuples."""

    def import_tuples(self, lines: Iterable[str], *, replace: bool, told: Callable[[int], None]) -> Changed:
        """Add very many tuples."""


class RemoteRelations:
    """Asks the control process at ``socket``.

    Methods raise :class:`~portcullis.control.control_client.NoControlProcess` where nobody listens, and
    :class:`~portcullis.control.relations.orders.RelationServiceError` for every other failure.
    """

    def __init__(self, socket: Path) -> None:
        self._control = ControlClient(socket, RelationServiceError, InvalidTuples, "portcullis relations list")

    def close(self) -> None:
        """Close the connection."""
        self._control.close()

    def add(self, texts: Sequence[str]) -> Changed:
        """Add tuples."""
        return self._control.ask("POST", "/v1/relations/add", Changed, TupleOrder(list(texts)))

    def remove(self, texts: Sequence[str]) -> Changed:
        """Remove tuples."""
        return self._control.ask("POST", "/v1/relations/remove", Changed, TupleOrder(list(texts)))

    def check(self, order: CheckOrder) -> Checked:
        """Whether somebody is related to an object."""
        return self._control.ask("POST", "/v1/relations/check", Checked, order)

    def page(self, order: PageOrder) -> Page:
        """Some tuples."""
        return self._control.ask("POST", "/v1/relations/page", Page, order)

    def import_tuples(self, lines: Iterable[str], *, replace: bool, told: Callable[[int], None]) -> Changed:
        """Add very many tuples. They are sent as they are read: the control process takes them at its own pace."""
        path = f"/v1/relations/import?replace={'true' if replace else 'false'}"
        return self._control.ask("POST", path, Changed, content=_pieces(lines, told), timeout=IMPORT_TIMEOUT_S)


def _pieces(lines: Iterable[str], told: Callable[[int], None]) -> Iterator[bytes]:
    piece: list[str] = []
    sent = 0
    for line in lines:
        piece.append(line)
        if len(piece) == _PIECE:
            yield "".join(f"{each}\n" for each in piece).encode()
            sent += len(piece)
            piece = []
            told(sent)
    yield "".join(f"{each}\n" for each in piece).encode()
    told(sent + len(piece))
