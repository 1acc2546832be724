"""The relation service: changes relations and answers questions about them.

There is one in the control process; a command that finds no control process uses one of its own on the same file. What
is written must be as the file declares it, so a misspelt relation is told of when it is written, and not when somebody
who should see his order does not. Only removing is free: what was declared once may still be there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from portcullis.control.relations.orders import (
    Changed,
    Checked,
    CheckOrder,
    ImportGoesOn,
    InvalidTuples,
    Page,
    PageOrder,
    RelationServiceError,
    RelationStoreFailed,
    read_tuples,
)
from portcullis.engine.ports import RelationStoreError
from portcullis.engine.relations.checking import RelationLimitError, Work
from portcullis.engine.relations.model import Declared, RelationModel
from portcullis.engine.relations.tuples import RelationTuple, parse_tuple
from portcullis.stores.relations.importing import RelationImport, discard_leftovers
from portcullis.stores.relations.listing import page_of
from portcullis.stores.relations.reading import RelationReader
from portcullis.stores.relations.schema import RelationFileError
from portcullis.stores.relations.writing import RelationWriter

BATCH: Final = 5_000
_MOST_FAULTS: Final = 10
_Written = TypeVar("_Written")


class RelationService:
    """Relations in the file at ``path``, which is made once relations are declared. Safe to call from several threads.

    Methods raise :class:`~portcullis.control.relations.orders.RelationServiceError`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._model = RelationModel({})
        self._writer: RelationWriter | None = None
        self._lock = threading.Lock()
        self._importing = threading.Lock()

    def declare(self, declared: Declared) -> None:
        """Go by what the configuration declares from now on."""
        self._model = RelationModel(declared)

    def prepare(self) -> None:
        """Make the file for what is declared, so that whoever reads finds it. It may have to wait for other writes."""
        names = self._model.names
        if names:
            self._write(lambda writer: writer.name(names))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def add(self, texts: Sequence[str]) -> Changed:
        """Add the tuples that ``texts`` say: all of them, or none."""
        self._must_be_declared()
        tuples = list(read_tuples(texts))
        for each in tuples:
            if objection := self._model.objection(each):
                raise InvalidTuples(f"{each}: {objection}")
        return Changed(len(tuples), added=self._write(lambda writer: writer.add(tuples)))

    def remove(self, texts: Sequence[str]) -> Changed:
        """Remove the tuples that ``texts`` say: all of them, or none."""
        tuples = list(read_tuples(texts))
        return Changed(len(tuples), removed=self._write(lambda writer: writer.remove(tuples)))

    def keep(self, tuples: Sequence[RelationTuple]) -> list[bool]:
        """Add each tuple whose object nobody has that relation to; for each, whether its subject has it now.

        What a worker asks for is not compared with what is declared: it may go by a newer file, or by an older one.
        """
        return self._write(lambda writer: writer.keep(tuples))

    def check(self, order: CheckOrder) -> Checked:
        """Answer ``order`` as a worker would."""
        (asked,) = read_tuples([order.tuple])
        type_, _, relation = asked.relation.partition("#")
        if relation not in self._model.relations.get(type_, ()):
            raise InvalidTuples(f"{asked}: {self._model.objection(asked)}")
        path = self._model.path(type_, relation, asked.kind)
        reader = RelationReader(self._path)
        try:
            return Checked(reader.check(path, asked.object_id, asked.subject_id, Work()))
        except RelationStoreError as error:
            raise RelationStoreFailed(str(error)) from error
        except RelationLimitError as error:
            raise RelationServiceError(f"{asked}: {error}; whoever asks is refused", "relations.too_far") from error
        finally:
            reader.close()

    def page(self, order: PageOrder) -> Page:
        """Tuples, in the store's order."""
        after = next(read_tuples([order.after])) if order.after else None
        try:
            found = page_of(self._path, order.wanted, after, max(order.most, 1))
        except RelationFileError as error:
            raise RelationStoreFailed(str(error)) from error
        return Page(list(map(str, found)))

    def import_tuples(self, lines: Iterable[str], *, replace: bool, told: Callable[[int], None]) -> Changed:
        """Add the tuple that each of ``lines`` says (empty ones say none): all of them, or none.

        ``replace``: no others are there from then on; ``told`` is told how many were read, now and then.
        """
        with self.importing() as running:
            batch: list[str] = []
            for line in lines:
                batch.append(line)
                if len(batch) == BATCH:
                    running.take(batch)
                    batch = []
                    told(running.given)
            running.take(batch)
            told(running.given)
            return running.finish(replace=replace)

    @contextmanager
    def importing(self) -> Iterator[RunningImport]:
        """An import, of which only one can go on. Left without being finished, it has changed nothing."""
        if not self._importing.acquire(blocking=False):
            raise ImportGoesOn("an import goes on already; try again when it is done")
        try:
            self._must_be_declared()
            with _explained(), RelationImport(self._open()) as taking:
                yield RunningImport(taking, self._model)
        finally:
            self._importing.release()

    def tidy(self) -> None:
        """Remove what an import has left that was broken off by the end of its process."""
        if self._importing.acquire(blocking=False):
            try:
                with suppress(OSError):
                    discard_leftovers(self._path)
            finally:
                self._importing.release()

    def _must_be_declared(self) -> None:
        if not self._model:
            raise InvalidTuples("the configuration declares no relations: say in its section relations what there is")

    def _open(self) -> RelationWriter:
        with self._lock:
            if self._writer is None:
                self._writer = RelationWriter(self._path)
            return self._writer

    def _write(self, write: Callable[[RelationWriter], _Written]) -> _Written:
        with _explained():
            return write(self._open())


class RunningImport:
    """One import: lines are taken, then it is finished. ``given``: how many tuples they said."""

    def __init__(self, taking: RelationImport, model: RelationModel) -> None:
        self._taking = taking
        self._model = model
        self._line = 0
        self.given = 0

    def take(self, lines: Sequence[str]) -> None:
        """Take the next ``lines``.

        Raises :class:`~portcullis.control.relations.orders.InvalidTuples` with the numbers of those that are wrong.
        """
        found: list[RelationTuple] = []
        faults: list[str] = []
        for number, line in enumerate(lines, self._line + 1):
            if not line:
                continue
            try:
                each = parse_tuple(line)
                objection = self._model.objection(each)
            except ValueError as error:
                objection = str(error)
            if objection:
                faults.append(f"line {number}: {line[:200]!r}: {objection}")
                if len(faults) == _MOST_FAULTS:
                    break
            else:
                found.append(each)
        if faults:
            raise InvalidTuples("\n".join(faults))
        self._line += len(lines)
        self.given += len(found)
        with _explained():
            self._taking.take(found)

    def finish(self, *, replace: bool) -> Changed:
        """Let what was taken be there."""
        with _explained():
            added, removed = self._taking.merge(replace=replace)
        return Changed(self.given, added, removed)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except RelationFileError as error:
        raise RelationStoreFailed(str(error)) from error
