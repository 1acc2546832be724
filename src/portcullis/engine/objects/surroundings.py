"""What an operation offers to rules: which values there are, what they can be, and how they are read.

Values of a request are those that its validation has read, of the types that the document declares: an ``order_id``
that is declared as an integer is one, however it was written in the path. So a rule never reads a request in another
way than the checks before it, and nothing that these could not read is known to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

import msgspec

from portcullis.engine.authorization.roles import Roles
from portcullis.engine.config.wording import suggest
from portcullis.engine.objects.declared import ANYTHING, Kind, Meaning, Place
from portcullis.engine.objects.given import Given, OfExchange, OfObject, Source
from portcullis.engine.objects.syntax import Path, Rule, Step, written
from portcullis.engine.openapi.arguments.bound_names import as_bound
from portcullis.engine.openapi.operations import SpecOperation

_TEXT: Final = Meaning(frozenset[Kind](("text",)))
_IDENTITY: Final[Mapping[str, Meaning]] = {
    "subject": _TEXT,
    "consumer": _TEXT,
    "issuer": _TEXT,
    "name": _TEXT,
    "roles": Meaning(frozenset[Kind](("list",)), item=_TEXT),
    "scopes": Meaning(frozenset[Kind](("list",)), item=_TEXT),
    "claims": Meaning(frozenset[Kind](("object",))),
}
NO_ROLES: Final = Roles({})
_LOCATIONS: Final = ("path", "query", "header", "cookie")
_OF_REQUEST: Final = (*_LOCATIONS, "body")


class Answers(msgspec.Struct, frozen=True):
    """The answers that rules speak of. ``places``: what each can be, with what it is called (``"200"``).

    ``at``: the steps to the objects in it, of which there is one or a list; ``why_none``: why there are no answers.
    """

    places: tuple[tuple[str, Place], ...] = ()
    at: tuple[Step, ...] = ()
    why_none: str = ""


class Surroundings:
    """What the rule ``rule`` finds at ``operation``.

    ``names``: the checker's names of schemas by their pointers; ``place``: what is declared under such a name;
    ``answers``: those it may speak of; ``roles``: those that are declared; ``why_unread``: why nothing has read the
    request, if so.
    """

    def __init__(
        self,
        rule: Rule,
        operation: SpecOperation,
        names: Mapping[str, str],
        place: Callable[[str], Place],
        answers: Answers,
        *,
        roles: Roles = NO_ROLES,
        why_unread: str = "",
    ) -> None:
        self._rule = rule
        self._operation = operation
        self._names = names
        self._place = place
        self._answers = answers
        self._roles = roles
        self._why_unread = why_unread
        self._arguments: dict[tuple[str, str], str | None] = {
            (each.location, _folded(each.location, each.name)): each.schema for each in operation.parameters
        }

    def meaning(self, path: Path) -> Meaning:
        """What can stand at ``path``. Raises :class:`~portcullis.engine.objects.tokens.RuleError` if nothing can."""
        if not path.steps and path.root != "response":
            every = _OF_REQUEST if path.root == "request" else _IDENTITY
            self._fail(path, f"{path.root} alone is no value", f"{path.root}.{' or .'.join(every)}")
        if path.root == "identity":
            return self._of_identity(path)
        return self._of_request(path) if path.root == "request" else self._of_response(path)

    def source(self, path: Path) -> Source:
        """How the value at ``path``, of which :meth:`meaning` has said what it can be, is read."""
        first, *rest = path.steps or ("",)
        if path.root == "response":
            of_each = path.list_steps is not None or not self._speaks_of_each("response")
            if of_each:
                return OfObject(reader(path.item_steps))
            read = reader(path.item_steps)
            return OfExchange(lambda given: read(given.whole))
        if path.root == "identity":
            return OfExchange(_identity_reader(str(first), tuple(map(str, rest)), self._roles))
        if first == "body":
            if path.list_steps is not None:
                return OfObject(strict_reader(path.item_steps))
            of_body = strict_reader(tuple(map(str, rest)))
            return OfExchange(lambda given: of_body(given.facts.document))
        schema = self._arguments[str(first), _folded(str(first), str(rest[0]))]
        return OfExchange(_argument_reader(self._names[schema or ""], tuple(map(str, rest[1:]))))

    def _speaks_of_each(self, root: str) -> bool:
        """Whether the rule says ``[]`` of a list below ``root``; then what it says without is of the whole."""
        return any(path.root == root and path.list_steps is not None for path in self._rule.paths())

    # Identity

    def _of_identity(self, path: Path) -> Meaning:
        first, *rest = path.steps
        if first not in _IDENTITY:
            self._fail(path, f"there is no {path}", suggest(str(first), tuple(_IDENTITY), "identity has"))
        if path.list_steps is not None:
            hint = f'"..." in {written("identity", path.steps[:-1])}'
            self._fail(path, "[] is for lists in requests and answers", hint)
        if first == "claims":
            return ANYTHING if rest else _IDENTITY["claims"]
        if rest:
            self._fail(path, f"there is nothing below identity.{first}", f"identity.{first}")
        meaning = _IDENTITY[str(first)]
        if first == "roles":
            return msgspec.structs.replace(meaning, item=msgspec.structs.replace(_TEXT, values=frozenset(self._roles)))
        return meaning

    # Requests

    def _of_request(self, path: Path) -> Meaning:
        first, *rest = path.steps
        if first not in _OF_REQUEST:
            self._fail(path, f"there is no {path}", suggest(str(first), _OF_REQUEST, "request has"))
        if self._why_unread:
            self._fail(path, f"{path} is not known: {self._why_unread}")
        if first == "body":
            return self._of_body(path)
        if path.list_steps is not None:
            hint = f"compare with in: ... in {written('request', path.steps[:-1])}"
            self._fail(path, "[] is for lists in bodies", hint)
        names = [name for location, name in self._arguments if location == first]
        if not rest:
            self._fail(path, f"{path} alone is no value", f"declared: {', '.join(names) or 'none'}")
        name = str(rest[0])
        key = (str(first), _folded(str(first), name))
        if key not in self._arguments:
            self._fail(
                path, f"{self._operation.name} has no {first} parameter {name}", suggest(name, names, "declared")
            )
        schema = self._arguments[key]
        if schema is None:
            self._fail(path, f"the {first} parameter {name} has no schema", "say in the document what it can be")
        return self._below(path, self._place(self._names[schema]), tuple(rest[1:]), f"{first} parameter {name}")

    def _of_body(self, path: Path) -> Meaning:
        body = self._operation.body
        if body is None:
            self._fail(path, f"{self._operation.name} takes no body")
        found = []
        for content in body.content:
            what = f"body of {content.media_range}"
            if content.schema is None:
                self._fail(path, f"the {what} has no schema", "say in the document what it can be")
            found.append(self._below(path, self._place(self._names[content.schema]), path.steps[1:], what))
        return _any_of(found)

    # Answers

    def _of_response(self, path: Path) -> Meaning:
        answers = self._answers
        if not answers.places:
            self._fail(path, f"{path} is not known: {answers.why_none}")
        found = []
        for status, place in answers.places:
            steps = path.steps
            objects = place
            if path.list_steps is None and not self._speaks_of_each("response"):
                below = place.below(answers.at)
                objects = place if below is None else object_at(below)
            found.append(self._below(path, objects, steps, f"answer {status}"))
        return _any_of(found)

    def _below(self, path: Path, place: Place, steps: Sequence[Step], what: str) -> Meaning:
        """What can stand at ``steps`` below ``place``, which is of the ``what``."""
        for number, step in enumerate(steps):
            below = place.below((step,))
            if below is None:
                above = written("", tuple(steps[:number])).lstrip(".")
                self._undeclared(path, place, step, f"{above} of the {what}" if above else what)
            place = below
        return place.meaning

    def _undeclared(self, path: Path, place: Place, step: Step, what: str) -> NoReturn:
        if not isinstance(step, str):
            self._fail(path, f"the {what} is no list, but {place.meaning.words}", "leave out []")
        if place.is_hidden(step):
            self._fail(path, f"{step} is declared for the other direction only (readOnly, writeOnly)")
        kinds = place.meaning.kinds
        if kinds is not None and "object" not in kinds:
            above = written(path.root, path.steps[: path.steps.index(step)])
            hint = f"each item of it is {above}[]" if "list" in kinds else ""
            self._fail(path, f"the {what} is no object, but {place.meaning.words}", hint)
        self._fail(path, f"{step} is not declared in the {what}", suggest(step, place.names, "declared"))

    def _fail(self, path: Path, message: str, hint: str = "") -> NoReturn:
        raise self._rule.error(path, message, hint)


def object_at(place: Place) -> Place:
    """The place of the objects where ``place`` is one, or a list of them."""
    kinds = place.meaning.kinds
    items = place.items
    return items if items is not None and kinds is not None and "object" not in kinds else place


def reader(steps: tuple[str, ...]) -> Callable[[Any], Any]:
    """Reads what stands at ``steps`` of a value; ``None`` where nothing does."""
    if not steps:
        return lambda value: value
    if len(steps) == 1:
        (key,) = steps

        def read_field(value: Any) -> Any:
            try:
                return value[key]
            except (KeyError, TypeError):
                return None

        return read_field

    def read(value: Any) -> Any:
        try:
            for step in steps:
                value = value[step]
        except (KeyError, TypeError):
            return None
        return value

    return read


def strict_reader(steps: tuple[str, ...]) -> Callable[[Any], Any]:
    """As :func:`reader`, for what clients write: nothing stands where a name comes again in another case.

    Many services bind names without regard to case, the last one winning, and would read another value.
    """

    def read(value: Any) -> Any:
        for step in steps:
            if value.__class__ is not dict or step not in value or is_ambiguous(value, step):
                return None
            value = value[step]
        return value

    return read


def is_ambiguous(value: dict[str, Any], name: str) -> bool:
    """Whether ``value`` has the field ``name`` again in another case, or as services bind it."""
    if len(value) == 1:
        return False
    folded = name.casefold()
    return sum(folded in (key.casefold(), as_bound(key)) for key in value) > 1


def _identity_reader(name: str, below: tuple[str, ...], roles: Roles) -> Callable[[Given], Any]:
    if name == "claims":
        read = reader(below)
        return lambda given: read(given.facts.identity.claims)
    if name == "consumer":
        return _consumer
    if name == "scopes":
        return lambda given: given.facts.identity.scopes
    if name == "roles":
        return lambda given: _with_inherited(given.facts.identity.roles, roles)
    # Who was not authenticated has an empty subject: that is nobody, whom nothing belongs to.
    return lambda given: getattr(given.facts.identity, name) or None


def _consumer(given: Given) -> str | None:
    consumer = given.facts.identity.consumer
    return None if consumer is None else consumer.name or None


def _with_inherited(held: frozenset[str], roles: Roles) -> frozenset[str]:
    """``held`` and all roles that these inherit: who has a role has what it includes."""
    return held.union(*(roles.included(name) for name in held))


def _argument_reader(key: str, below: tuple[str, ...]) -> Callable[[Given], Any]:
    if not below:
        return lambda given: given.facts.arguments.get(key)
    read = reader(below)
    return lambda given: read(given.facts.arguments.get(key))


def _folded(location: str, name: str) -> str:
    return name.lower() if location == "header" else name


def _any_of(found: list[Meaning]) -> Meaning:
    """What can stand where one of several meanings holds."""
    first, *others = found
    for each in others:
        kinds = None if first.kinds is None or each.kinds is None else first.kinds | each.kinds
        values = None if first.values is None or each.values is None else first.values | each.values
        first = Meaning(kinds, values, first.item if first.item == each.item else None)
    return first
