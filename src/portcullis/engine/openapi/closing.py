"""Which objects are closed against what the document does not declare, and how.

Few documents say ``additionalProperties: false``, and where they do it works against ``allOf``. A gateway that lets
undeclared fields pass because of that hands them to the service, which may well bind them (API3:2023). So an object
that declares properties is closed here, unless its schema speaks of other keys itself.

Theory. A *position* is a place in a value: the body, the field ``items`` of it, each element there. Several schemas
may speak about one position: by ``allOf``, by ``$ref``, as alternatives of ``oneOf``, and in different parts of a
composition that have a property of the same name. Its *members* are all of these. None of them may be closed on its
own, since it would refuse what another declares; the position as a whole is closed, after all of them have had their
say (``unevaluatedProperties``). Below a position, each field is a position again. Mostly one member declares it, and
it is closed with that member. Only if several that hold together declare it is it *shared*: then it stays open in
each of them, and is closed once, for all of them together.

Where that can't be told apart (patterns of names beside properties, say, both with objects in them) what is below
stays as the document wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.graph import IN_PLACE, IN_PLACE_LISTS, Access, SchemaGraph, View

Position = tuple[str, ...]
"""The pointers of the schemas that a position begins with: one, or all that declare a shared field."""
Branch = tuple[tuple[str, int], ...]
"""The choices between alternatives that lead to a member: which list of alternatives, and which of them."""

ITEMS = "items"
_MAX_MEMBERS = 2_000
# Positions that are shared by others that are shared: like states of an automaton, they can multiply without end.
_MAX_SHARED = 500


class Member(NamedTuple):
    """One of the schemas that speak about a position."""

    pointer: str
    view: View
    branch: Branch


class Context(NamedTuple):
    """How the parts of a position are to be translated.

    ``shared``: the fields (and :data:`ITEMS`) that are closed elsewhere, with their positions; ``is_open``: nothing
    below is closed; ``anything``: alternatives (by pointer) that declare no properties, where others do, and
    so let any field pass; ``alone``: the part (by pointer) that is closed by itself, since no other can be an object;
    ``apart``: every alternative is closed by itself, since a discriminator tells which one counts; ``hidden``:
    fields (each with the pointer of the part that requires it) that need not be there, since another part says that
    they are for the other direction; ``as_written``: conditions, of which not even that is taken away.
    """

    shared: tuple[tuple[str, Position], ...] = ()
    is_open: bool = False
    anything: frozenset[str] = frozenset()
    alone: str | None = None
    apart: bool = False
    hidden: frozenset[tuple[str, str]] = frozenset()
    as_written: bool = False


class Plan(NamedTuple):
    """How a position is closed: whether at all, and what that means for its parts.

    ``implied``: keys that no ``properties`` names but that are declared nevertheless, as required or as the
    discriminator.
    """

    closes: bool
    context: Context
    implied: tuple[str, ...] = ()


OPEN = Context(is_open=True)
AS_WRITTEN = Context(is_open=True, as_written=True)
_LEFT_OPEN = Plan(closes=False, context=OPEN)


def field(name: str) -> str:
    """The name of a field among the things that may be shared; never :data:`ITEMS`."""
    return f".{name}"


class Closing:
    """Plans for the positions of one document. ``hiding``: the mark of fields that are for the other direction."""

    def __init__(self, graph: SchemaGraph, hiding: Access) -> None:
        self._graph = graph
        self._hiding = hiding
        self._plans: dict[Position, Plan] = {}
        self._declares: dict[str, bool] = {}
        self._known_parts: dict[str, list[tuple[str, Branch]]] = {}
        self._shared_count = 0

    def plan(self, position: Position) -> Plan:
        """How ``position`` is closed."""
        if position not in self._plans:
            self._shared_count += len(position) > 1
            if self._shared_count > _MAX_SHARED:
                self._graph.problems.error(position[0], "too many schemas declare the same fields in different ways")
                return _LEFT_OPEN
            members = self._members(position)
            self._plans[position] = self._make_plan(members) if members else _LEFT_OPEN
        return self._plans[position]

    def open_context(self, pointer: str) -> Context:
        """How the schema at ``pointer`` is to be translated where it begins a position that is not closed."""
        if not self._graph.view(pointer).keys() & IN_PLACE:
            return OPEN
        return Context(is_open=True, hidden=self._hidden(self._members((pointer,))))

    def takes(self, pointer: str, name: str) -> bool:
        """Whether an object of the schema at ``pointer``, closed by itself, may have the field ``name``."""
        plan = self.plan((pointer,))
        return not plan.closes or any(name in member.view.get("properties", ()) for member in self._members((pointer,)))

    def declares(self, pointer: str) -> bool:
        """Whether the schema at ``pointer`` says anything about what is below an object or array."""
        if pointer not in self._declares:
            self._declares[pointer] = any(
                member.view.keys() & {"properties", "patternProperties", "additionalProperties", "items", "prefixItems"}
                for member in self._members((pointer,))
            )
        return self._declares[pointer]

    def _make_plan(self, members: list[Member]) -> Plan:
        with_properties = [member for member in members if member.view.get("properties")]
        closes = bool(with_properties) and not any(
            "unevaluatedProperties" in member.view
            or "additionalProperties" in member.view
            or member.view.get("patternProperties")
            for member in members
            if not member.branch
        )
        # Where the document itself speaks of what is not evaluated, nothing may be added that evaluates more.
        anything = _anything(members) if closes else frozenset()
        hidden = self._hidden(members)
        context = Context(self._shared(members), self._is_obscure(members), anything, hidden=hidden)
        return Plan(closes, context, self._implied(members) if closes else ())

    def _implied(self, members: list[Member]) -> tuple[str, ...]:
        declared = {name for member in members for name in member.view.get("properties", ())}
        implied: dict[str, None] = {}
        for member in members:
            discriminator = self._graph.discriminator(member.pointer)
            tag = () if discriminator is None else (discriminator.property,)
            for name in (*member.view.get("required", ()), *tag):
                if name not in declared and name not in implied:
                    implied[name] = None
                    self._graph.problems.warning(
                        member.pointer, f"{name} is required, but no properties declare it: any value of it passes"
                    )
        return tuple(implied)

    def _hidden(self, members: list[Member]) -> frozenset[tuple[str, str]]:
        """What a member requires and does not declare, where another that holds with it declares and hides it."""
        missing = [
            (member, name)
            for member in members
            for name in member.view.get("required", ())
            if name not in member.view.get("properties", ())
        ]
        hiding: dict[str, list[Branch]] = {}
        for member in members if missing else ():
            for name in {name for _, name in missing}.intersection(member.view.get("properties", ())):
                if self._graph.is_marked(pointers.join(member.pointer, "properties", name), self._hiding):
                    hiding.setdefault(name, []).append(member.branch)
        return frozenset(
            (member.pointer, name)
            for member, name in missing
            if any(_hold_together(member.branch, branch) for branch in hiding.get(name, ()))
        )

    def _shared(self, members: list[Member]) -> tuple[tuple[str, Position], ...]:
        declared: dict[str, dict[str, list[Branch]]] = {}
        for member in members:
            for name in member.view.get("properties", ()):
                below = pointers.join(member.pointer, "properties", name)
                declared.setdefault(field(name), {}).setdefault(below, []).append(member.branch)
            if "items" in member.view:
                below = pointers.join(member.pointer, "items")
                declared.setdefault(ITEMS, {}).setdefault(below, []).append(member.branch)
        shared = []
        for slot, schemas in declared.items():
            if len(schemas) < 2:
                continue
            telling = {pointer: branches for pointer, branches in schemas.items() if self.declares(pointer)}
            if any(
                _hold_together(one, other)
                for first, second in combinations(telling.values(), 2)
                for one in first
                for other in second
            ):
                shared.append((slot, tuple(telling)))
        return tuple(shared)

    def _is_obscure(self, members: list[Member]) -> bool:
        """Whether schemas for keys or items that are not named meet others that may speak about the same ones."""
        unnamed = [(member, counts) for member in members if (counts := self._unnamed(member))]
        if not unnamed:
            return False
        telling = [member for member in members if self._unnamed(member) or self._named(member)]
        return any(
            _hold_together(member.branch, other.branch)
            for member, _ in unnamed
            for other in telling
            if other is not member
        ) or any(
            patterns > 1 or (patterns and self._named(member))
            for member, counts in unnamed
            for patterns in [counts.get("patternProperties", 0)]
        )

    def _unnamed(self, member: Member) -> dict[str, int]:
        """How many schemas that tell something about what is below it each of the keywords for unnamed parts has."""
        found: dict[str, int] = {}
        for keyword in ("additionalProperties", "unevaluatedProperties", "unevaluatedItems"):
            part = member.view.get(keyword)
            if isinstance(part, dict) and self.declares(pointers.join(member.pointer, keyword)):
                found[keyword] = 1
        for keyword in ("patternProperties", "prefixItems"):
            value = member.view.get(keyword, ())
            tokens = value if isinstance(value, dict) else range(len(value))
            count = sum(self.declares(pointers.join(member.pointer, keyword, token)) for token in tokens)
            if count:
                found[keyword] = count
        return found

    def _named(self, member: Member) -> bool:
        below = [pointers.join(member.pointer, "properties", name) for name in member.view.get("properties", ())]
        if "items" in member.view:
            below.append(pointers.join(member.pointer, "items"))
        return any(map(self.declares, below))

    def _members(self, position: Position) -> list[Member]:
        """The members of ``position``; none if there is something wrong with it."""
        if len(position) == 1 and IN_PLACE.isdisjoint(view := self._graph.view(position[0])):
            return [Member(position[0], view, ())]
        found: dict[tuple[str, Branch], Member] = {}
        pending: list[tuple[str, Branch, tuple[str, ...]]] = [(pointer, (), ()) for pointer in reversed(position)]
        while pending:
            pointer, branch, trail = pending.pop()
            if pointer in trail:
                self._graph.problems.error(pointer, "this schema refers to itself for the very same value")
                return []
            if (pointer, branch) in found:
                continue
            if len(found) == _MAX_MEMBERS:
                self._graph.problems.error(position[0], "this composition of schemas is too large")
                return []
            view = self._graph.view(pointer)
            found[pointer, branch] = Member(pointer, view, branch)
            parts = self._parts(pointer, view)
            pending.extend((below, branch + choice, (*trail, pointer)) for below, choice in reversed(parts))
        return list(found.values())

    def _parts(self, pointer: str, view: View) -> list[tuple[str, Branch]]:
        """The schemas for the same value that the one at ``pointer`` holds, each with the choice that it is."""
        parts = self._known_parts.get(pointer)
        if parts is None:
            parts = self._known_parts[pointer] = list(self._find_parts(pointer, view))
        return parts

    def _find_parts(self, pointer: str, view: View) -> Iterator[tuple[str, Branch]]:
        if IN_PLACE.isdisjoint(view):
            return
        if "$ref" in view:
            yield self._graph.target(pointer), ()
        for keyword in IN_PLACE_LISTS:
            here = f"{pointer}/{keyword}"
            for index in range(len(view.get(keyword, ()))):
                yield f"{here}/{index}", (((here, index),) if keyword != "allOf" else ())
        for index, keyword in enumerate(("then", "else")):
            if keyword in view:
                yield f"{pointer}/{keyword}", ((f"{pointer}/if", index),)
        for name in view.get("dependentSchemas", ()):
            yield pointers.join(pointer, "dependentSchemas", name), ()


def _hold_together(one: Branch, other: Branch) -> bool:
    """Whether both members can count at once: not if they are different alternatives of one choice."""
    choices = dict(one)
    return all(choices.get(where, index) == index for where, index in other)


def _anything(members: list[Member]) -> frozenset[str]:
    """Alternatives without properties where no other member that counts with them has any: they mean any object."""
    with_properties = [member.branch for member in members if member.view.get("properties")]
    found = set()
    for member in members:
        if any(branch == member.branch[: len(branch)] for branch in with_properties):
            continue
        for keyword in ("anyOf", "oneOf"):
            here = pointers.join(member.pointer, keyword)
            for index in range(len(member.view.get(keyword, ()))):
                into = (*member.branch, (here, index))
                if not any(branch[: len(into)] == into for branch in with_properties):
                    found.add(f"{here}/{index}")
    return frozenset(found)
