"""What can be asked of the relation service, what it tells, and how it says no: also the bodies of the control API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from portcullis.control.service_errors import ServiceError
from portcullis.engine.relations.tuples import RelationTuple, parse_tuple
from portcullis.stores.relations.listing import TupleFilter


class RelationServiceError(ServiceError):
    """The service said no."""

    code = "relations.failed"
    status = 500


class InvalidTuples(RelationServiceError):  # noqa: N818 - reads well after "raise"
    """What was given are no tuples, or not such as the file's relations allow."""

    code = "relations.invalid"
    status = 422


class RelationStoreFailed(RelationServiceError):  # noqa: N818
    """The file of relations could not be used."""

    code = "relations.store_failed"
    status = 503


class ImportGoesOn(RelationServiceError):  # noqa: N818
    """Another import goes on."""

    code = "relations.import_goes_on"
    status = 409


class TupleOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tuples to add or to remove, in words: ``order:17#owner@user:alice``."""

    tuples: list[str]


class CheckOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question: whether what the tuple says holds, by itself or as it follows from others."""

    tuple: str


class PageOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question for at most ``most`` tuples, those that come after ``after`` in the store's order."""

    wanted: TupleFilter = TupleFilter()
    after: str = ""
    most: int = 100


class Changed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many tuples were added and removed; of ``given`` ones, so that the rest was as it should be already."""

    given: int
    added: int = 0
    removed: int = 0


class Checked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to a :class:`CheckOrder`."""

    related: bool


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to a :class:`PageOrder`, in the words of tuples."""

    tuples: list[str]


def read_tuples(texts: Iterable[str]) -> Iterator[RelationTuple]:
    """The tuples that ``texts`` say. Raises :class:`InvalidTuples` for the first that says none."""
    for text in texts:
        try:
            yield parse_tuple(text)
        except ValueError as error:
            raise InvalidTuples(f"{text[:200]!r}: {error}") from None
