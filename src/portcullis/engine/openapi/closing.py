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

from itertools import combinations
from typing import NamedTuple

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.graph import IN_PLACE_LISTS, SchemaGraph, View

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
    so let any field pass; ``alone``: the part (by pointer) that is closed by itself, since no other can be an object.
    """

    shared: tuple[tuple[str, Position], ...] = ()
    is_open: bool = False
    anything: frozenset[str] = frozenset()
    alone: str | None = None


class Plan(NamedTuple):
    """How a position is closed: whether at all, and what that means for its parts.

    ``implied``: keys that no ``properties`` names but that are declared nevertheless, as required or as the
    discriminator.
    """

    closes: bool
    context: Context
    implied: tuple[str, ...] = ()


_LEFT_OPEN = Plan(closes=False, context=Context(is_open=True))


def field(name: str) -> str:
    """The name of a field among the things that may be shared; never :data:`ITEMS`."""
    return f".{name}"


class Closing:
    """Plans for the positions of one document."""

    def __init__(self, graph: SchemaGraph) -> None:
        self._graph = graph
        self._plans: dict[Position, Plan] = {}
        self._declares: dict[str, bool] = {}
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
        context = Context(self._shared(members), self._is_obscure(members), anything)
        return Plan(closes, context, self._implied(members) if closes else ())

    def _implied(self, members: list[Member]) -> tuple[str, ...]:
        declared = {name for member in members for name in member.view.get("properties", ())}
        implied: dict[str, None] = {}
        for member in members:
            discriminator = self._graph.raw(member.pointer, "discriminator")
            property_name = discriminator.get("propertyName") if isinstance(discriminator, dict) else None
            for name in (*member.view.get("required", ()), property_name):
                if isinstance(name, str) and name not in declared and name not in implied:
                    implied[name] = None
                    self._graph.problems.warning(
                        member.pointer, f"{name} is required, but no properties declare it: any value of it passes"
                    )
        return tuple(implied)

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
        parts: list[tuple[str, Branch]] = []
        if "$ref" in view:
            parts.append((self._graph.target(pointer), ()))
        for keyword in IN_PLACE_LISTS:
            here = pointers.join(pointer, keyword)
            parts.extend(
                (f"{here}/{index}", ((here, index),) if keyword != "allOf" else ())
                for index in range(len(view.get(keyword, ())))
            )
        for index, keyword in enumerate(("then", "else")):
            if keyword in view:
                parts.append((f"{pointer}/{keyword}", ((f"{pointer}/if", index),)))
        parts.extend(
            (pointers.join(pointer, "dependentSchemas", name), ()) for name in view.get("dependentSchemas", ())
        )
        return parts


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
