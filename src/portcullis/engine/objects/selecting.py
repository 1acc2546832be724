"""A check applied to all objects of a document: the one that stands there, or those of a list.

Everything goes through :func:`judge`, whatever becomes of the objects that do not pass: so which objects are taken out
of a list, and which answer is refused as a whole, is decided by the very same check.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from portcullis.engine.objects.given import Bound
from portcullis.engine.objects.json_text import Edit
from portcullis.engine.objects.surroundings import is_ambiguous
from portcullis.engine.objects.syntax import EACH, Step

Way: TypeAlias = tuple[str | int, ...]
"""Fields and numbers of items, from the document to a part of it."""


class Judged(msgspec.Struct, eq=False, gc=False):
    """What a check says of the objects in a document.

    ``passed``, ``refused``: how many may pass, and how many may not; ``first``: the way to the first that may not, and
    ``single``: to one of these that stands alone, not in a list, and so can't be taken out; ``missing``: the way to
    where objects should have been and are not; ``edit`` and ``document``: the change of the text, and the document,
    without those that may not pass.
    """

    passed: int = 0
    refused: int = 0
    first: Way | None = None
    single: Way | None = None
    missing: Way | None = None
    edit: Edit | None = None
    document: Any = None


def judge(
    document: Any, at: tuple[Step, ...], check: Bound, *, absent_is_none: bool = False, strict: bool = False
) -> Judged:
    """Apply ``check`` to the objects that stand ``at`` these steps of ``document``.

    ``absent_is_none``: where a field on the way is not there, there are no objects; ``strict``: a field that is there
    again in another case is not there (see :func:`~portcullis.engine.objects.surroundings.strict_reader`).
    """
    if not at and document.__class__ is dict:  # one object, as most answers are
        if (check(document) if callable(check) else check) is True:
            return Judged(passed=1, document=document)
        return Judged(refused=1, first=(), single=(), document=document)
    judged = Judged()
    found = _Judge(judged, at, check, absent_is_none, strict)
    judged.document, judged.edit = found.look(document, 0, ())
    return judged


class _Judge:
    __slots__ = ("_absent_is_none", "_at", "_check", "_judged", "_strict")

    def __init__(self, judged: Judged, at: tuple[Step, ...], check: Bound, absent_is_none: bool, strict: bool) -> None:
        self._judged = judged
        self._at = at
        self._check = check
        self._absent_is_none = absent_is_none
        self._strict = strict

    def look(self, value: Any, depth: int, way: Way) -> tuple[Any, Edit | None]:
        """``value`` without the objects below it that may not pass, and the change that makes it so."""
        if depth == len(self._at):
            return self._objects(value, way)
        step = self._at[depth]
        if step is EACH:
            return self._in_each(value, depth, way)
        if value.__class__ is not dict:
            return self._missing(value, way)
        if step not in value:
            return (value, None) if self._absent_is_none else self._missing(value, (*way, str(step)))
        if self._strict and is_ambiguous(value, str(step)):
            return self._missing(value, (*way, str(step)))
        below, edit = self.look(value[step], depth + 1, (*way, str(step)))
        return (value, None) if edit is None else ({**value, step: below}, Edit(below={step: edit}))

    def _in_each(self, value: Any, depth: int, way: Way) -> tuple[Any, Edit | None]:
        if value.__class__ is not list:
            return (value, None) if value is None else self._missing(value, way)
        edits: dict[Any, Edit] = {}
        items = list(value)
        for number, item in enumerate(value):
            items[number], edit = self.look(item, depth + 1, (*way, number))
            if edit is not None:
                edits[number] = edit
        return (items, Edit(below=edits)) if edits else (value, None)

    def _objects(self, value: Any, way: Way) -> tuple[Any, Edit | None]:
        judged, check = self._judged, self._check
        if value.__class__ is not list:
            if value is None and way:
                return value, None  # there is no object
            if (check(value) if callable(check) else check) is True:
                judged.passed += 1
            else:
                judged.single = way
                self._refused(1, way)
            return value, None
        if callable(check):
            kept = [number for number, item in enumerate(value) if check(item) is True]
        else:
            kept = list(range(len(value))) if check is True else []
        judged.passed += len(kept)
        if len(kept) == len(value):
            return value, None
        first = next((number for number, other in enumerate(kept) if number != other), len(kept))
        self._refused(len(value) - len(kept), (*way, first))
        return [value[number] for number in kept], Edit(kept=kept)

    def _refused(self, count: int, first: Way) -> None:
        self._judged.refused += count
        if self._judged.first is None:
            self._judged.first = first

    def _missing(self, value: Any, way: Way) -> tuple[Any, Edit | None]:
        if self._judged.missing is None:
            self._judged.missing = way
        return value, None


def counted(document: Any, edit: Edit | None, at: tuple[str, ...], count: int) -> tuple[Any, Edit | None]:
    """``document`` and the change of its text, with ``count`` as the number at these steps, if there is a value."""
    if not at:
        if document.__class__ is int and document == count:
            return document, edit
        return count, Edit(text=b"%d" % count)
    step = at[0]
    if document.__class__ is not dict or step not in document:
        return document, edit
    before = edit.below.get(step) if edit is not None else None
    below, change = counted(document[step], before, at[1:], count)
    if change is None or change is before:
        return document, edit
    others = edit.below if edit is not None else {}
    return {**document, step: below}, Edit(below={**others, step: change})
