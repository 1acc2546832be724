"""The types and relations that the file declares, and what follows from it for a tuple and for a check.

    user: [staff, partners]                       callers: whoever is proven by one of these identities
    group:  {member: [user, "group#member"]}
    folder: {viewer: [user, "group#member"]}
    order:
      parent: [folder]
      owner: [user]
      viewer: [user, owner, "folder#viewer via parent"]

Each term of a relation says who has it. ``user`` and ``group#member`` are kinds of subjects that may stand in its
tuples: users, and whoever is a member of a group. ``owner``, a relation of the same type, implies it. ``folder#viewer
via parent`` implies it too: whoever is viewer of a folder that is parent of the order.

A check asks for one kind of subject, nearly always a user. So what is worked out for each kind is a *graph*: a node for
each relation by which a subject of that kind can be found, and edges to what has to be looked at in turn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from portcullis.engine.config.wording import suggest
from portcullis.engine.relations.tuples import RelationTuple

Declared: TypeAlias = Mapping[str, Sequence[str] | Mapping[str, Sequence[str]]]
"""Types by name: a list of identities for a type of callers, else relations with their terms."""

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_TERM: Final = re.compile(rf"({_NAME})(?:#({_NAME})(?: via ({_NAME}))?)?")


class Term(msgspec.Struct, frozen=True):
    """One term of a relation: ``name``, ``name#relation`` or ``name#relation via through``."""

    name: str
    relation: str = ""
    through: str = ""

    @property
    def kind(self) -> str:
        """The kind of subjects that it names, as in tuples."""
        return f"{self.name}#{self.relation}" if self.relation else self.name


def parse_term(text: str) -> Term:
    """The term that ``text`` says. Raises ``ValueError``, which says what would be right."""
    match = _TERM.fullmatch(text)
    if match is None:
        raise ValueError(
            "a type (user), a relation of the same type (owner), the members of one elsewhere (group#member), "
            'or such members by way of a relation ("folder#viewer via parent")'
        )
    name, relation, through = match.groups()
    return Term(name, relation or "", through or "")


class Edge(msgspec.Struct, frozen=True):
    """Subjects of ``kind`` that have ``relation`` (``order#viewer``) lead on to the node with the number ``target``."""

    relation: str
    kind: str
    target: int


class Node(msgspec.Struct, frozen=True):
    """How it is found whether a subject has a relation to an object of ``type``.

    ``direct``: the relations (``order#owner``) of which a tuple with the subject settles it; ``edges``: where to look
    else; ``reflexive``: the subjects are sets, and of this very relation, so the set of the object itself has it.
    """

    type: str
    direct: tuple[str, ...]
    edges: tuple[Edge, ...]
    reflexive: bool = False


class RelationPath(msgspec.Struct, frozen=True, eq=False):
    """All ways from the relation of a type to subjects of ``kind``: nodes, the first of which is where one begins.

    Without nodes no subject of that kind can have the relation.
    """

    kind: str
    nodes: tuple[Node, ...]


class RelationModel:
    """What ``declared`` says, which has no mistakes (:func:`~portcullis.engine.relations.mistakes.mistakes`)."""

    def __init__(self, declared: Declared) -> None:
        self.callers: Mapping[str, str] = {
            identity: name for name, said in declared.items() if not isinstance(said, Mapping) for identity in said
        }
        """The type of the callers that are proven by an identity."""
        self.relations: Mapping[str, tuple[str, ...]] = {
            name: tuple(said) if isinstance(said, Mapping) else () for name, said in declared.items()
        }
        """The names of the relations of each type."""
        self._terms = {
            (name, relation): tuple(map(parse_term, terms))
            for name, said in declared.items()
            if isinstance(said, Mapping)
            for relation, terms in said.items()
        }
        self._paths: dict[tuple[str, str, str], RelationPath] = {}
        self._allowed = {
            (f"{name}#{relation}", kind) for name, relation in self._terms for kind in self.direct_kinds(name, relation)
        }

    def __bool__(self) -> bool:
        return bool(self.relations)

    @property
    def names(self) -> list[str]:
        """All relations and kinds that can stand in tuples (``order#owner``, ``user``)."""
        relations = [f"{name}#{relation}" for name, relation in self._terms]
        return list(dict.fromkeys([*self.relations, *relations]))

    def direct_kinds(self, type_: str, relation: str) -> tuple[str, ...]:
        """The kinds of subjects that may stand in tuples of a relation that is declared."""
        return tuple(term.kind for term in self._terms[type_, relation] if self._is_direct(type_, term))

    def objection(self, given: RelationTuple) -> str:
        """Why ``given`` can't be a tuple here; empty if it can."""
        if (given.relation, given.kind) in self._allowed:
            return ""
        type_, _, relation = given.relation.partition("#")
        if type_ not in self.relations:
            return f"there is no type {type_}: {suggest(type_, list(self.relations), 'declared')}"
        if relation not in self.relations[type_]:
            names = list(self.relations[type_])
            return f"{type_} has no relation {relation}: {suggest(relation, names, 'it has')}"
        kinds = self.direct_kinds(type_, relation)
        if not kinds:
            return f"{relation} of {type_} follows from other relations, and has no tuples of its own"
        return f"no {given.kind} can be {relation} of {type_}, but {' or '.join(kinds)}"

    def path(self, type_: str, relation: str, kind: str) -> RelationPath:
        """The ways from a relation that is declared to subjects of ``kind``: the same object each time."""
        key = (type_, relation, kind)
        if key not in self._paths:
            self._paths[key] = self._path(*key)
        return self._paths[key]

    def _is_direct(self, type_: str, term: Term) -> bool:
        return not term.through and (bool(term.relation) or term.name not in self.relations[type_])

    # Ways

    def _path(self, type_: str, relation: str, kind: str) -> RelationPath:
        start = (type_, relation)
        reached = self._reached(start)
        useful = self._useful(reached, kind)
        if start not in useful:
            return RelationPath(kind, ())
        order = [each for each in reached if each in useful]
        numbers = {each: number for number, each in enumerate(order)}
        return RelationPath(kind, tuple(self._node(each, kind, numbers) for each in order))

    def _reached(self, start: tuple[str, str]) -> list[tuple[str, str]]:
        """Every relation that has to be looked at in turn, the first one first."""
        found = {start: None}
        waiting = [start]
        for each in waiting:
            for _, _, following in self._steps(each):
                if following not in found:
                    found[following] = None
                    waiting.append(following)
        return list(found)

    def _useful(self, reached: Sequence[tuple[str, str]], kind: str) -> set[tuple[str, str]]:
        """Those of ``reached`` by which a subject of ``kind`` can be found."""
        useful = {each for each in reached if self._settling(each, kind) or self._is_reflexive(each, kind)}
        before = -1
        while before != len(useful):
            before = len(useful)
            useful |= {each for each in reached if any(target in useful for _, _, target in self._steps(each))}
        return useful

    def _node(self, of: tuple[str, str], kind: str, numbers: Mapping[tuple[str, str], int]) -> Node:
        edges = [Edge(name, via, numbers[target]) for name, via, target in self._steps(of) if target in numbers]
        return Node(of[0], self._settling(of, kind), tuple(dict.fromkeys(edges)), self._is_reflexive(of, kind))

    def _settling(self, of: tuple[str, str], kind: str) -> tuple[str, ...]:
        type_ = of[0]
        return tuple(
            f"{type_}#{relation}" for relation in self._implying(of) if kind in self.direct_kinds(type_, relation)
        )

    def _is_reflexive(self, of: tuple[str, str], kind: str) -> bool:
        return kind in {f"{of[0]}#{relation}" for relation in self._implying(of)}

    def _implying(self, of: tuple[str, str]) -> list[str]:
        """The relation itself and those of the same type that imply it, at any depth."""
        type_, relation = of
        found = {relation: None}
        waiting = [relation]
        for each in waiting:
            for term in self._terms[type_, each]:
                if not term.relation and not self._is_direct(type_, term) and term.name not in found:
                    found[term.name] = None
                    waiting.append(term.name)
        return list(found)

    def _steps(self, of: tuple[str, str]) -> list[tuple[str, str, tuple[str, str]]]:
        """What tuples lead on: their relation, the kind of their subjects, and what these are then asked."""
        type_ = of[0]
        found = []
        for relation in self._implying(of):
            for term in self._terms[type_, relation]:
                if term.through:
                    found.append((f"{type_}#{term.through}", term.name, (term.name, term.relation)))
                elif term.relation:
                    found.append((f"{type_}#{relation}", term.kind, (term.name, term.relation)))
        return found
