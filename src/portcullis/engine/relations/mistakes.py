"""What is wrong with the relations that the file declares: names that are not there, and what means nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from portcullis.engine.config.wording import suggest
from portcullis.engine.relations.model import Declared, Term, parse_term


class Mistake(msgspec.Struct, frozen=True):
    """The path of keys below ``relations``, what is wrong there, and what would be right."""

    path: tuple[str | int, ...]
    message: str
    hint: str


def mistakes(declared: Declared) -> Iterator[Mistake]:
    """Everything that is wrong; identities that are not declared are told elsewhere. Each term can be read."""
    yield from _callers(declared)
    for name, said in declared.items():
        if isinstance(said, Mapping):
            yield from _Type(declared, name, said).mistakes()


def _callers(declared: Declared) -> Iterator[Mistake]:
    taken: dict[str, str] = {}
    for name, said in declared.items():
        if isinstance(said, Mapping):
            continue
        for index, identity in enumerate(said):
            first = taken.setdefault(identity, name)
            if (first, index) != (name, said.index(identity)):
                message = f"callers proven by {identity} are of the type {first} already"
                yield Mistake((name, index), message, "a caller is of one type: remove one of them")


class _Type:
    """One type with its relations."""

    def __init__(self, declared: Declared, name: str, relations: Mapping[str, Sequence[str]]) -> None:
        self._declared = declared
        self._name = name
        self._relations = relations

    def mistakes(self) -> Iterator[Mistake]:
        for relation, terms in self._relations.items():
            if not terms:
                yield Mistake((self._name, relation), "nobody can have it", "say who: [user], or a relation")
            for index, text in enumerate(terms):
                where = (self._name, relation, index)
                if text in terms[:index]:
                    yield Mistake(where, f"{text} stands there twice", "remove one of them")
                for message, hint in self._term(relation, parse_term(text)):
                    yield Mistake(where, message, hint)
        yield from self._circles()

    def _term(self, relation: str, term: Term) -> Iterator[tuple[str, str]]:
        if term.relation:
            yield from self._members(term)
            if term.through:
                yield from self._through(term)
            return
        is_type, is_relation = term.name in self._declared, term.name in self._relations
        if term.name == relation:
            yield f"{relation} can't imply itself", "remove it"
        elif is_type and is_relation:
            yield f"{term.name} is a type and a relation of {self._name}: it could mean either", "rename one of them"
        elif not is_type and not is_relation:
            names = [*self._declared, *self._relations]
            message = f"there is no type {term.name}, and {self._name} has no relation {term.name}"
            yield message, suggest(term.name, names, "declared")

    def _members(self, term: Term) -> Iterator[tuple[str, str]]:
        said = self._declared.get(term.name)
        if said is None:
            yield f"there is no type {term.name}", suggest(term.name, list(self._declared), "declared")
        elif not isinstance(said, Mapping) or term.relation not in said:
            names = list(said) if isinstance(said, Mapping) else []
            hint = suggest(term.relation, names, "it has") if names else f"{term.name} has no relations"
            yield f"{term.name} has no relation {term.relation}", hint

    def _through(self, term: Term) -> Iterator[tuple[str, str]]:
        terms = self._relations.get(term.through)
        if terms is None:
            message = f"{self._name} has no relation {term.through}"
            yield message, suggest(term.through, list(self._relations), "it has")
        elif term.name not in terms:
            message = f"no {term.name} is {term.through} of {self._name}"
            yield message, f"{term.through}: [{term.name}]"

    def _circles(self) -> Iterator[Mistake]:
        """One mistake for each relation that implies itself by way of others."""
        implied = {
            relation: [text for text in terms if text in self._relations and text != relation]
            for relation, terms in self._relations.items()
        }
        for relation, terms in self._relations.items():
            for text in implied[relation]:
                way = _way(implied, text, relation)
                if way:
                    message = f"it implies itself: {' < '.join((relation, *way))}"
                    yield Mistake((self._name, relation, terms.index(text)), message, "these are one relation")


def _way(implied: Mapping[str, Sequence[str]], start: str, end: str) -> tuple[str, ...]:
    """How ``start`` comes to be implied by ``end``, as names; empty if it does not. The shortest such way."""
    ways: dict[str, tuple[str, ...]] = {start: (start,)}
    waiting = [start]
    for each in waiting:
        if each == end:
            return ways[each]
        for following in implied[each]:
            if following not in ways:
                ways[following] = (*ways[each], following)
                waiting.append(following)
    return ()
