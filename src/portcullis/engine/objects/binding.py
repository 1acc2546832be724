"""The parts of a rule as functions: comparisons, questions, and what joins them.

What is compared. Text with text, integers with integers, true and false with each other; ``"1"`` is not ``1``, and
they are not different either: that can't be decided. Text is compared character by character, as it came: no case, no
Unicode form is folded. Integers are exact whatever their size. Numbers with a fraction or an exponent, objects and
lists are the same as nothing.

Two steps. What does not depend on the object (who calls, what was asked for) is looked up once, when the check is made
(``bind``); where that settles the matter the answer is plain ``True``, ``False`` or ``None`` instead of a check. So a
list of a thousand objects costs a thousand comparisons and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from portcullis.engine.objects.given import (
    Arguments,
    Ask,
    Bind,
    Bound,
    Check,
    Given,
    Inquiry,
    OfObject,
    Source,
    Truth,
    Unknown,
)

_COMPARABLE: Final = frozenset((str, int, bool))
_LISTS: Final = frozenset((list, tuple, set, frozenset))


def answered(ask: Ask) -> Callable[[Given, Arguments], Truth]:
    """Asks ``ask``, about what can be compared."""

    def answer(given: Given, arguments: Arguments) -> Truth:
        return ask(given, arguments) if _are_comparable(arguments) else None

    return answer


def inquired(name: str, inquiry: Inquiry) -> Callable[[Given, Arguments], Truth]:
    """What is not known yet is undecided, and noted as asked: so one look at all objects finds all questions."""

    def answer(given: Given, arguments: Arguments) -> Truth:
        if not _are_comparable(arguments):
            return None
        key = (name, *((argument.__class__, argument) for argument in arguments))
        if key in given.answers:
            return given.answers[key]
        given.look()
        known = inquiry.known(given.facts, arguments)
        if not isinstance(known, Unknown):
            return known
        given.asked.setdefault(inquiry, {})[key] = arguments
        return None

    return answer


def _are_comparable(arguments: Arguments) -> bool:
    return all(argument.__class__ in _COMPARABLE for argument in arguments)


def truth_of(bound: Bound, value: Any) -> Truth:
    """What ``bound`` says of the object ``value``."""
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


def as_truth(value: Any) -> Truth:
    """``value`` if it is true or false."""
    return value if value.__class__ is bool else None


def lifted(decide: Callable[..., Truth], sources: list[Source]) -> Bind:
    """``decide`` of the values that ``sources`` read."""
    if not any(isinstance(source, OfObject) for source in sources):
        return lambda given: decide(*[source.read(given) for source in sources])

    def bind(given: Given) -> Check:
        reads = [source.read if isinstance(source, OfObject) else _always(source.read(given)) for source in sources]
        return lambda value: decide(*[read(value) for read in reads])

    return bind


def _always(value: Any) -> Callable[[Any], Any]:
    return lambda _value: value


def equal(left: Source, right: Source) -> Bind:
    """Whether both are the same."""
    if isinstance(left, OfObject) is isinstance(right, OfObject):
        return lifted(same, [left, right])
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


def member(left: Source, right: Source) -> Bind:
    """The list is looked through once where it is the same for all objects, so that it can be long."""
    if not isinstance(left, OfObject) or isinstance(right, OfObject):
        return lifted(is_member, [left, right])
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


def negation(inner: Bind) -> Bind:
    """Whether ``inner`` does not hold."""

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


def all_of(binds: list[Bind]) -> Bind:
    """Whether each part holds."""
    return _joined(binds, decisive=False)


def any_of(binds: list[Bind]) -> Bind:
    """Whether one part holds."""
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
