"""A rule as one function: given what is known of the exchange it gives the check of an object.

Three answers. A check says ``True``, ``False`` or ``None``: it can't be decided, since a value is missing, null or of
another kind than what it is compared with. These follow Kleene: ``and`` is false if one part is, ``or`` true if one
part is, whatever the others are; ``not`` leaves the undecided undecided. Only ``True`` lets pass. So an answer that
lacks its owner, or has a number where the caller is text, is nobody's: neither ``==`` nor ``!=`` lets it pass.

What is compared. Text with text, integers with integers, true and false with each other; ``"1"`` is not ``1``, and
they are not different either: that can't be decided. Text is compared character by character, as it came: no case, no
Unicode form is folded. Integers are exact whatever their size. Numbers with a fraction or an exponent, objects and
lists are the same as nothing.

Two steps. What does not depend on the object (who calls, what was asked for) is looked up once, when the check is made
(``bind``); where that settles the matter the answer is plain ``True``, ``False`` or ``None`` instead of a check. So a
list of a thousand objects costs a thousand comparisons and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from portcullis.engine.facts import Facts
from portcullis.engine.objects.syntax import (
    AllOf,
    AnyOf,
    Atom,
    Call,
    Condition,
    Constant,
    Equal,
    Holds,
    Listed,
    Member,
    Not,
    Operand,
    Path,
    operands_of,
)
from portcullis.engine.relations.checking import Work
from portcullis.engine.request import RequestView

Truth: TypeAlias = bool | None
"""``None``: it can't be decided."""
Check: TypeAlias = Callable[[Any], Truth]
"""Whether a rule holds for an object."""
Arguments: TypeAlias = tuple[Any, ...]
"""Of a question: values that can be compared."""
Ask: TypeAlias = "Callable[[Given, Arguments], Truth]"
"""Answers a question of a rule at once. Raises :class:`QuestionError`."""

_COMPARABLE: Final = frozenset((str, int, bool))
_LISTS: Final = frozenset((list, tuple, set, frozenset))


class QuestionError(Exception):
    """A question of a rule can't be answered at the moment. The message says why, in words for the record."""


class _Unknown:
    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()
"""Stands for an answer that has to be waited for."""


class Inquiry(msgspec.Struct, frozen=True, eq=False):
    """Answers a question of a rule for which it may have to be waited.

    ``known``: the answer, or :data:`UNKNOWN`; ``ask``: gives those to several questions, in their order. Both raise
    :class:`QuestionError`.
    """

    known: Callable[[Facts, Arguments], Truth | _Unknown]
    ask: Callable[[Facts, Sequence[Arguments]], Awaitable[Sequence[Truth]]]


Questions: TypeAlias = dict[tuple[Any, ...], Arguments]
"""The arguments of questions, by what tells these apart."""


class Given(msgspec.Struct, eq=False, gc=False):
    """What is known when a check is made. ``whole``: the document in which the objects are.

    ``work``: what relations may still be looked at for it; ``asked``: questions that have to be waited for;
    ``answers``: to those that were waited for.
    """

    request: RequestView
    facts: Facts
    whole: Any = None
    work: Work = msgspec.field(default_factory=Work)
    asked: dict[Inquiry, Questions] = {}
    answers: dict[tuple[Any, ...], Truth] = {}

    def must_know(self) -> None:
        """Raise :class:`AwaitedError` if what was decided waits for answers."""
        if self.asked:
            raise AwaitedError

    async def learn(self) -> None:
        """Wait for all answers that are missing, those of one kind together. Raises :class:`QuestionError`."""
        asked, self.asked = self.asked, {}
        for inquiry, questions in asked.items():
            answers = await inquiry.ask(self.facts, list(questions.values()))
            self.answers.update(zip(questions, answers, strict=True))


class AwaitedError(Exception):
    """Nothing can be decided before the questions that were asked are answered (:meth:`Given.learn`)."""


class OfExchange(msgspec.Struct, frozen=True):
    """Reads a value that is the same for all objects of an exchange; ``None``: it is missing."""

    read: Callable[[Given], Any]


class OfObject(msgspec.Struct, frozen=True):
    """Reads a value of an object; ``None``: it is missing."""

    read: Callable[[Any], Any]


Source: TypeAlias = OfExchange | OfObject
Bound: TypeAlias = Truth | Check
Bind: TypeAlias = Callable[[Given], Bound]


class Decider:
    """A condition, compiled. ``sources``: how the values of its paths are read; ``functions``: who answers questions.

    ``bind(given)`` gives the check of objects, or its answer where that is the same for all of them.
    """

    def __init__(
        self, condition: Condition, sources: Mapping[Path, Source], functions: Mapping[str, Ask | Inquiry] = {}
    ) -> None:
        self.condition = condition
        self._sources = sources
        self._functions = functions
        self._binds: dict[int, Bind] = {}
        self.bind = self._compile(condition)

    def check(self, given: Given, value: Any) -> Truth:
        """Whether the condition holds for the object ``value``. Raises :class:`AwaitedError`."""
        truth = _asked(self.bind(given), value)
        if given.asked:
            raise AwaitedError
        return truth

    def culprit(self, given: Given, value: Any) -> Atom:
        """The comparison (or question) because of which the condition does not hold for ``value``."""
        condition = self.condition
        while True:
            match condition:
                case AllOf(parts):
                    condition = next(part for part in parts if not self._holds(part, given, value))
                case AnyOf(parts):
                    condition = parts[0]
                case Not(inner):
                    condition = self._within_not(inner, given, value)
                case atom:
                    return atom

    def values(self, atom: Atom, given: Given, value: Any) -> Iterator[tuple[Path, Any, bool]]:
        """What ``atom`` looks at, with the values (``None`` where there is none), and whether they are the object's."""
        for operand in operands_of(atom):
            if isinstance(operand, Path):
                source = self._sources[operand]
                of_object = isinstance(source, OfObject)
                yield operand, source.read(value) if isinstance(source, OfObject) else source.read(given), of_object

    def _holds(self, condition: Condition, given: Given, value: Any) -> bool:
        return _asked(self._binds[id(condition)](given), value) is True

    def _within_not(self, inner: Condition, given: Given, value: Any) -> Condition:
        """The part of ``inner`` to name, where that it holds (or can't be decided) is what is wrong."""
        while isinstance(inner, AllOf | AnyOf | Not):
            if isinstance(inner, Not):
                return inner.inner
            holds = [part for part in inner.parts if _asked(self._binds[id(part)](given), value) is not False]
            inner = (holds or inner.parts)[0]
        return inner

    # Compiling

    def _compile(self, condition: Condition) -> Bind:
        match condition:
            case AllOf(parts):
                bind = _all_of([self._compile(part) for part in parts])
            case AnyOf(parts):
                bind = _any_of([self._compile(part) for part in parts])
            case Not(inner):
                bind = _not(self._compile(inner))
            case Equal(left, right, negated):
                bind = _equal(self._source(left), self._source(right))
                bind = _not(bind) if negated else bind
            case Member(left, right, negated):
                bind = _member(self._source(left), self._source(right))
                bind = _not(bind) if negated else bind
            case Holds(Call() as call):
                bind = self._call(call)
            case Holds(operand):
                bind = _lifted(_as_truth, [self._source(operand)])
        self._binds[id(condition)] = bind
        return bind

    def _source(self, operand: Operand | Call) -> Source:
        match operand:
            case Constant(value):
                return OfExchange(lambda _given: value)
            case Listed(values):
                return OfExchange(lambda _given: values)
            case Path():
                return self._sources[operand]
        raise TypeError(operand)

    def _call(self, call: Call) -> Bind:
        function = self._functions[call.name]
        answer = _inquired(call.name, function) if isinstance(function, Inquiry) else _answered(function)
        sources = [self._source(argument) for argument in call.arguments]

        def bind(given: Given) -> Bound:
            def of_object(value: Any) -> Truth:
                return answer(
                    given,
                    tuple(each.read(value) if isinstance(each, OfObject) else each.read(given) for each in sources),
                )

            return of_object if any(isinstance(each, OfObject) for each in sources) else of_object(None)

        return bind


def _answered(ask: Ask) -> Callable[[Given, Arguments], Truth]:
    def answer(given: Given, arguments: Arguments) -> Truth:
        return ask(given, arguments) if _are_comparable(arguments) else None

    return answer


def _inquired(name: str, inquiry: Inquiry) -> Callable[[Given, Arguments], Truth]:
    """What is not known yet is undecided, and noted as asked: so one look at all objects finds all questions."""

    def answer(given: Given, arguments: Arguments) -> Truth:
        if not _are_comparable(arguments):
            return None
        key = (name, *((argument.__class__, argument) for argument in arguments))
        if key in given.answers:
            return given.answers[key]
        known = inquiry.known(given.facts, arguments)
        if not isinstance(known, _Unknown):
            return known
        given.asked.setdefault(inquiry, {})[key] = arguments
        return None

    return answer


def _are_comparable(arguments: Arguments) -> bool:
    return all(argument.__class__ in _COMPARABLE for argument in arguments)


def _asked(bound: Bound, value: Any) -> Truth:
    return bound if bound is None or isinstance(bound, bool) else bound(value)


def same(one: Any, other: Any) -> Truth:
    """Whether two values are the same, if that can be decided."""
    kind = one.__class__
    if kind is not other.__class__ or kind not in _COMPARABLE:
        return None
    return bool(one == other)


def is_member(value: Any, values: Any) -> Truth:
    """Whether ``value`` is one of ``values``, a list; it is not only if it differs from each of them."""
    if value.__class__ not in _COMPARABLE or values.__class__ not in _LISTS:
        return None
    undecided = False
    for each in values:
        found = same(value, each)
        if found:
            return True
        undecided |= found is None
    return None if undecided else False


def _as_truth(value: Any) -> Truth:
    return value if value.__class__ is bool else None


def _lifted(decide: Callable[..., Truth], sources: list[Source]) -> Bind:
    """``decide`` of the values that ``sources`` read."""
    if not any(isinstance(source, OfObject) for source in sources):
        return lambda given: decide(*[source.read(given) for source in sources])

    def bind(given: Given) -> Check:
        reads = [source.read if isinstance(source, OfObject) else _always(source.read(given)) for source in sources]
        return lambda value: decide(*[read(value) for read in reads])

    return bind


def _always(value: Any) -> Callable[[Any], Any]:
    return lambda _value: value


def _equal(left: Source, right: Source) -> Bind:
    if isinstance(left, OfObject) is isinstance(right, OfObject):
        return _lifted(same, [left, right])
    of_object, of_exchange = (left, right) if isinstance(left, OfObject) else (right, left)
    read, look_up = of_object.read, of_exchange.read

    def bind(given: Given) -> Bound:
        expected = look_up(given)
        kind = expected.__class__
        if kind not in _COMPARABLE:
            return None

        def check(value: Any) -> Truth:
            found = read(value)
            return found == expected if found.__class__ is kind else None

        return check

    return bind


def _member(left: Source, right: Source) -> Bind:
    """The list is looked through once where it is the same for all objects, so that it can be long."""
    if not isinstance(left, OfObject) or isinstance(right, OfObject):
        return _lifted(is_member, [left, right])
    read, look_up = left.read, right.read

    def bind(given: Given) -> Bound:
        values = look_up(given)
        if values.__class__ not in _LISTS:
            return None
        known: dict[type, set[Any]] = {kind: set() for kind in _COMPARABLE}
        total = 0
        for each in values:
            total += 1
            if each.__class__ in _COMPARABLE:
                known[each.__class__].add(each)
        # Whether values of a kind are different from all that are not of this kind can't be decided.
        alone = {kind: _count(values, kind) == total for kind in _COMPARABLE}

        def check(value: Any) -> Truth:
            found = read(value)
            kind = found.__class__
            if kind not in _COMPARABLE:
                return None
            if found in known[kind]:
                return True
            return False if alone[kind] else None

        return check

    return bind


def _count(values: Iterable[Any], kind: type) -> int:
    return sum(each.__class__ is kind for each in values)


def _not(inner: Bind) -> Bind:
    def bind(given: Given) -> Bound:
        found = inner(given)
        if found is None or isinstance(found, bool):
            return None if found is None else not found
        check = found

        def negated(value: Any) -> Truth:
            holds = check(value)
            return None if holds is None else not holds

        return negated

    return bind


def _all_of(binds: list[Bind]) -> Bind:
    return _joined(binds, decisive=False)


def _any_of(binds: list[Bind]) -> Bind:
    return _joined(binds, decisive=True)


def _joined(binds: list[Bind], *, decisive: bool) -> Bind:
    """Parts of which one that is ``decisive`` decides; else undecided if one of them is."""

    def bind(given: Given) -> Bound:
        checks: list[Check] = []
        undecided = False
        for each in binds:
            found = each(given)
            if found is decisive:
                return decisive
            if found is None:
                undecided = True
            elif not isinstance(found, bool):
                checks.append(found)
        if not checks:
            return None if undecided else not decisive
        if len(checks) == 1 and not undecided:
            return checks[0]

        def check(value: Any) -> Truth:
            unsettled = undecided
            for each in checks:
                holds = each(value)
                if holds is decisive:
                    return decisive
                unsettled |= holds is None
            return None if unsettled else not decisive

        return check

    return bind
