"""Roles: what they give by themselves and by those they inherit, and which of them nobody may hold together.

A role that inherits another gives all that the other gives. Where two roles exclude each other (separation of duty)
the rule holds for all that is inherited: who holds a role above the one can't hold a role above the other. Everything
is worked out from what the file declares, whatever may be wrong with it: :func:`mistakes` says what is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Protocol, TypeAlias

import msgspec

from portcullis.engine.authorization.permissions import gives

Pair: TypeAlias = tuple[str, str]
"""Two roles that exclude each other, in the order of their names."""

_NOTHING: Final[frozenset[str]] = frozenset()


class DeclaredRole(Protocol):
    """A role as the file has it."""

    @property
    def permissions(self) -> Sequence[str]:
        """Patterns of permissions that it gives."""

    @property
    def inherits(self) -> Sequence[str]:
        """Roles whose permissions it gives as well."""

    @property
    def exclusive_with(self) -> Sequence[str]:
        """Roles that nobody may hold together with it."""


class Mistake(msgspec.Struct, frozen=True):
    """What is wrong with a role: the path of keys below ``roles``, what is wrong there, and what would be right."""

    path: tuple[str | int, ...]
    message: str
    hint: str


class Roles:
    """The roles of one configuration, by name."""

    def __init__(self, declared: Mapping[str, DeclaredRole]) -> None:
        self._declared = declared
        self._included = {name: _closure(declared, name) for name in declared}
        self._granting: dict[str, frozenset[str]] = {}
        self.exclusive: Collection[Pair] = frozenset(self._exclusive())
        self._opponents: dict[str, set[str]] = {}
        for one, two in self.exclusive:
            self._opponents.setdefault(one, set()).add(two)
            self._opponents.setdefault(two, set()).add(one)

    def __contains__(self, name: str) -> bool:
        return name in self._declared

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def included(self, name: str) -> frozenset[str]:
        """The role ``name`` and all that it inherits, at any depth; nothing for a role that is not declared."""
        return self._included.get(name, _NOTHING)

    def patterns(self, name: str) -> frozenset[str]:
        """What the role ``name`` gives, by itself and by what it inherits."""
        return frozenset(pattern for each in self.included(name) for pattern in self._declared[each].permissions)

    def granting(self, permission: str) -> frozenset[str]:
        """The roles that give ``permission``: the same object each time."""
        found = self._granting.get(permission)
        if found is None:
            found = self._granting[permission] = self._find_granting(permission)
        return found

    def _find_granting(self, permission: str) -> frozenset[str]:
        own = {name for name, role in self._declared.items() if any(gives(p, permission) for p in role.permissions)}
        return frozenset(name for name, included in self._included.items() if not own.isdisjoint(included))

    def sources(self, name: str, permission: str) -> list[str]:
        """Those of the roles that ``name`` includes which give ``permission`` by themselves."""
        roles = self._declared
        return sorted(
            each
            for each in self.included(name)
            if any(gives(pattern, permission) for pattern in roles[each].permissions)
        )

    def given(self, held: Iterable[str], asked: Collection[str]) -> frozenset[str]:
        """Those of the permissions ``asked`` that the roles ``held`` give together."""
        patterns = {pattern for name in held for pattern in self.patterns(name)}
        return frozenset(each for each in asked if any(gives(pattern, each) for pattern in patterns))

    def conflict(self, held: AbstractSet[str]) -> Pair | None:
        """Two of the roles ``held`` that exclude each other, if there are such. An issuer may know very many roles."""
        for one in sorted(held & self._opponents.keys()):
            others = self._opponents[one] & held
            if others:
                return one, min(others)
        return None

    def declared_exclusive(self, pair: Pair) -> tuple[str, int]:
        """Where ``pair``, one of ``exclusive``, comes from: the role that says it, and the index in its list."""
        for one, two in (pair, pair[::-1]):
            for name in sorted(self.included(one)):
                for index, other in enumerate(self._declared[name].exclusive_with):
                    if other != name and other in self.included(two):
                        return name, index
        raise LookupError(pair)

    def _exclusive(self) -> Iterator[Pair]:
        """Every two roles of which one includes a role that excludes one which the other includes."""
        including: dict[str, set[str]] = {}
        for name, included in self._included.items():
            for each in included:
                including.setdefault(each, set()).add(name)
        for name, role in self._declared.items():
            for other in set(role.exclusive_with) - {name}:
                for one in including[name]:
                    for two in including.get(other, ()):
                        if one != two:
                            yield (one, two) if one < two else (two, one)


def conflict_in(held: Collection[str], exclusive: Collection[Pair]) -> Pair | None:
    """The first two of the roles ``held`` that are one of ``exclusive``."""
    if len(held) < 2 or not exclusive:
        return None
    ordered = sorted(held)
    return next(
        ((one, two) for at, one in enumerate(ordered) for two in ordered[at + 1 :] if (one, two) in exclusive), None
    )


def mistakes(declared: Mapping[str, DeclaredRole]) -> Iterator[Mistake]:
    """What is wrong with the roles; names of roles that are not declared are told elsewhere."""
    for name, role in declared.items():
        if not role.permissions and not role.inherits:
            yield Mistake((name,), "the role gives nothing", "list permissions, or roles that it inherits")
        if name in role.exclusive_with:
            where = (name, "exclusive_with", role.exclusive_with.index(name))
            yield Mistake(where, "a role can't exclude itself", "name the role that it excludes")
    yield from _cycles(declared)
    yield from _impossible(declared)


def _closure(declared: Mapping[str, DeclaredRole], name: str) -> frozenset[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each in declared and each not in found:
            found.add(each)
            waiting.extend(declared[each].inherits)
    return frozenset(found)


def _cycles(declared: Mapping[str, DeclaredRole]) -> Iterator[Mistake]:
    """One mistake for each role that inherits itself, told at the entry of its list by which it does."""
    for name, role in declared.items():
        for index, heir in enumerate(role.inherits):
            way = _way(declared, heir, name)
            if way:
                message = f"the role inherits itself: {' > '.join((name, *way))}"
                yield Mistake((name, "inherits", index), message, "take one of them out of the circle")


def _way(declared: Mapping[str, DeclaredRole], start: str, end: str) -> tuple[str, ...]:
    """How ``start`` comes to include ``end``, as names; empty if it does not. The shortest such way."""
    ways: dict[str, tuple[str, ...]] = {start: (start,)}
    waiting = [start]
    for each in waiting:
        if each == end:
            return ways[each]
        for following in declared[each].inherits if each in declared else ():
            if following not in ways:
                ways[following] = (*ways[each], following)
                waiting.append(following)
    return ()


def _impossible(declared: Mapping[str, DeclaredRole]) -> Iterator[Mistake]:
    """One mistake for each role that nobody could hold, since it includes two that exclude each other."""
    for name, role in declared.items():
        included = _closure(declared, name)
        for one in sorted(included):
            two = next((other for other in declared[one].exclusive_with if other in included and other != one), None)
            if two is not None and role.inherits:
                message = f"nobody could hold the role: it includes {one} and {two}, which exclude each other"
                yield Mistake((name, "inherits"), message, "inherit only one of them")
                break
