"""A rule as one function: given what is known of the exchange it gives the check of an object.

Three answers. A check says ``True``, ``False`` or ``None``: it can't be decided, since a value is missing, null or of
another kind than what it is compared with (:mod:`~portcullis.engine.objects.binding`). These follow Kleene: ``and`` is
false if one part is, ``or`` true if one part is, whatever the others are; ``not`` leaves the undecided undecided. Only
``True`` lets pass. So an answer that lacks its owner, or has a number where the caller is text, is nobody's: neither
``==`` nor ``!=`` lets it pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from portcullis.engine.objects.binding import (
    all_of,
    answered,
    any_of,
    as_truth,
    equal,
    inquired,
    lifted,
    member,
    negation,
    truth_of,
)
from portcullis.engine.objects.given import (
    Ask,
    AwaitedError,
    Bind,
    Bound,
    Given,
    Inquiry,
    OfExchange,
    OfObject,
    Source,
    Truth,
)
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
        truth = truth_of(self.bind(given), value)
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
        return truth_of(self._binds[id(condition)](given), value) is True

    def _within_not(self, inner: Condition, given: Given, value: Any) -> Condition:
        """The part of ``inner`` to name, where that it holds (or can't be decided) is what is wrong."""
        while isinstance(inner, AllOf | AnyOf | Not):
            if isinstance(inner, Not):
                return inner.inner
            holds = [part for part in inner.parts if truth_of(self._binds[id(part)](given), value) is not False]
            inner = (holds or inner.parts)[0]
        return inner

    # Compiling

    def _compile(self, condition: Condition) -> Bind:
        match condition:
            case AllOf(parts):
                bind = all_of([self._compile(part) for part in parts])
            case AnyOf(parts):
                bind = any_of([self._compile(part) for part in parts])
            case Not(inner):
                bind = negation(self._compile(inner))
            case Equal(left, right, negated):
                bind = equal(self._source(left), self._source(right))
                bind = negation(bind) if negated else bind
            case Member(left, right, negated):
                bind = member(self._source(left), self._source(right))
                bind = negation(bind) if negated else bind
            case Holds(Call() as call):
                bind = self._call(call)
            case Holds(operand):
                bind = lifted(as_truth, [self._source(operand)])
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
        answer = inquired(call.name, function) if isinstance(function, Inquiry) else answered(function)
        sources = [self._source(argument) for argument in call.arguments]

        def bind(given: Given) -> Bound:
            def of_object(value: Any) -> Truth:
                return answer(
                    given,
                    tuple(each.read(value) if isinstance(each, OfObject) else each.read(given) for each in sources),
                )

            return of_object if any(isinstance(each, OfObject) for each in sources) else of_object(None)

        return bind
