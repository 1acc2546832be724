"""From a value to the texts in it that are to be looked at, without saying where they are.

That is all that nearly every request needs: what collects them is made once for a schema, and goes only where text
can be. Where each text stands is asked once something was found (:func:`portcullis.engine.inspection.parts.of_value`).

Most positions are an object of known members or a list of one kind, and nothing else: these have functions of their
own, which is half of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portcullis.engine.inspection.fields import ANYTHING, Field

Add = Callable[[str], object]
Collect = Callable[[Any, Add], None]
"""Gives all texts of a value to a function."""


def collector(field: Field) -> Collect | None:
    """What collects the texts of values at ``field``; ``None`` if there are none that matter."""
    return None if field.is_idle else _Compiler().compile(field)


class _Later:
    """What collects, once it is made."""

    __slots__ = ("collect",)

    def __init__(self) -> None:
        self.collect: Collect = collect_all

    def __call__(self, value: Any, add: Add) -> None:
        self.collect(value, add)


class _Compiler:
    def __init__(self) -> None:
        self._made: dict[int, Collect] = {id(ANYTHING): collect_all}

    def compile(self, field: Field) -> Collect:
        made = self._made.get(id(field))
        if made is not None:
            return made
        later = _Later()  # a field that holds itself calls what is made for it here, once that is there
        self._made[id(field)] = later
        collect = later.collect = self._make(field)
        self._made[id(field)] = collect
        return collect

    def _make(self, field: Field) -> Collect:
        of_object = self._of_object(field)
        of_list = None if field.items is None or field.items.is_idle else self._of_list(field.items)
        if not field.text and of_list is None and of_object is not None:
            return of_object
        if not field.text and of_object is None and of_list is not None:
            return of_list
        return _any_of(of_object, of_list, text=field.text)

    def _of_object(self, field: Field) -> Collect | None:
        members = {name: below for name, below in field.members.items() if not below.is_idle}
        names = tuple(name for name, below in members.items() if _is_text_only(below))
        nested = tuple((name, self.compile(below)) for name, below in members.items() if not _is_text_only(below))
        if field.others is not None:
            return _of_open_object(names, nested, self._of_others(field, field.others))
        return _of_known_members(names, nested) if members else None

    def _of_list(self, items: Field) -> Collect:
        return _of_texts if _is_text_only(items) else _of_items(self.compile(items))

    def _of_others(self, field: Field, others: Field) -> Collect:
        known = frozenset(field.members)
        below = None if others.is_idle else self.compile(others)

        def collect(value: Any, add: Add) -> None:
            for name, member in value.items():
                if name not in known:
                    add(name)
                    if below is not None:
                        below(member, add)

        return collect


def _is_text_only(field: Field) -> bool:
    return field.text and not field.members and field.others is None and field.items is None


def _of_known_members(names: tuple[str, ...], nested: tuple[tuple[str, Collect], ...]) -> Collect:
    def collect(value: Any, add: Add) -> None:
        if value.__class__ is dict:
            for name in names:
                if name in value:
                    member = value[name]
                    if member.__class__ is str:
                        add(member)
            for name, below in nested:
                if name in value:
                    below(value[name], add)

    return collect


def _of_open_object(names: tuple[str, ...], nested: tuple[tuple[str, Collect], ...], of_others: Collect) -> Collect:
    of_known = _of_known_members(names, nested)

    def collect(value: Any, add: Add) -> None:
        if value.__class__ is dict:
            of_known(value, add)
            of_others(value, add)

    return collect


def _of_texts(value: Any, add: Add) -> None:
    if value.__class__ is list:
        for item in value:
            if item.__class__ is str:
                add(item)


def _of_items(of_item: Collect) -> Collect:
    def collect(value: Any, add: Add) -> None:
        if value.__class__ is list:
            for item in value:
                of_item(item, add)

    return collect


def _any_of(of_object: Collect | None, of_list: Collect | None, *, text: bool) -> Collect:
    def collect(value: Any, add: Add) -> None:
        if value.__class__ is str:
            if text:
                add(value)
        elif value.__class__ is dict:
            if of_object is not None:
                of_object(value, add)
        elif of_list is not None:
            of_list(value, add)

    return collect


def collect_all(value: Any, add: Add) -> None:
    """Give all strings and all names in ``value`` to ``add``."""
    pending = [value]
    while pending:
        value = pending.pop()
        kind = value.__class__
        if kind is str:
            add(value)
        elif kind is dict:
            for name in value:
                add(name)
            pending += value.values()
        elif kind is list:
            pending += value
