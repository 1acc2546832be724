"""Files of tuples, one a line: read and written line by line, whatever their size.

    {"object": "order:17", "relation": "owner", "subject": "user:alice"}
    order:17,owner,user:alice
    order:17#owner@user:alice

CSV has a first line that names its columns.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

MAX_LINE: Final = 4096
"""Bytes of one line."""
COLUMNS: Final = ["object", "relation", "subject"]


class Kind(StrEnum):
    """How tuples are written."""

    JSONL = "jsonl"
    CSV = "csv"
    TUPLES = "tuples"


class UnreadableLine(Exception):  # noqa: N818 - reads well after "raise"
    """A line of a file says no tuple. The message says which, and why."""


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    object: str
    relation: str
    subject: str


_decode = msgspec.json.Decoder(_Written).decode


def kind_of(path: Path) -> Kind:
    """How tuples are written in the file ``path``, by its name."""
    suffixes = {".jsonl": Kind.JSONL, ".ndjson": Kind.JSONL, ".json": Kind.JSONL, ".csv": Kind.CSV}
    return suffixes.get(path.suffix.lower(), Kind.TUPLES)


def read_lines(file: BinaryIO, kind: Kind, seen: Callable[[int], None] = lambda _size: None) -> Iterator[str]:
    """The tuple that each line of ``file`` says, in words; ``""`` for a line that says none.

    ``seen`` is told how many bytes each line has. Raises :class:`UnreadableLine`, and ``OSError``.
    """
    lines = _bounded(file, seen)
    if kind is Kind.CSV:
        yield from _of_csv(lines)
    elif kind is Kind.JSONL:
        for number, line in enumerate(lines, 1):
            yield _of_json(number, line) if line.strip() else ""
    else:
        for line in lines:
            yield line.strip()


def written(tuples: Iterable[str], kind: Kind) -> Iterator[str]:
    """``tuples`` as the lines of a file."""
    if kind is Kind.CSV:
        yield ",".join(COLUMNS) + "\n"
    for each in tuples:
        if kind is Kind.TUPLES:
            yield f"{each}\n"
            continue
        # What is written came from the store: an id has no "#", and the name of a relation no "@".
        object_, _, rest = each.partition("#")
        relation, _, subject = rest.partition("@")
        if kind is Kind.JSONL:
            yield msgspec.json.encode(_Written(object_, relation, subject)).decode() + "\n"
        else:
            row = io.StringIO()
            csv.writer(row, lineterminator="\n").writerow([object_, relation, subject])
            yield row.getvalue()


def _bounded(file: BinaryIO, seen: Callable[[int], None]) -> Iterator[str]:
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        seen(len(line))
        if len(line) > MAX_LINE:
            raise UnreadableLine(f"line {number}: more than {MAX_LINE} bytes")
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise UnreadableLine(f"line {number}: no UTF-8") from None
        yield text.removeprefix("\ufeff") if number == 1 else text


def _of_json(number: int, line: str) -> str:
    try:
        said = _decode(line)
    except msgspec.MsgspecError as error:
        hint = '{"object": "order:17", "relation": "owner", "subject": "user:alice"}'
        raise UnreadableLine(f"line {number}: {error}; a line is written {hint}") from None
    return f"{said.object}#{said.relation}@{said.subject}"


def _of_csv(lines: Iterator[str]) -> Iterator[str]:
    rows = csv.reader(lines, strict=True)
    try:
        for number, row in enumerate(rows, 1):
            if number == 1:
                if [each.strip() for each in row] != COLUMNS:
                    raise UnreadableLine(f"line 1: the columns are {', '.join(COLUMNS)}")
                yield ""
            elif row and len(row) != len(COLUMNS):
                raise UnreadableLine(f"line {number}: {len(row)} columns instead of {len(COLUMNS)}")
            else:
                yield "{}#{}@{}".format(*row) if row else ""
    except csv.Error as error:
        raise UnreadableLine(f"line {rows.line_num}: {error}") from None
