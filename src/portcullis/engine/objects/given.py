"""What is known when a rule is asked, and what it asks of others.

Some questions of a rule (:mod:`~portcullis.engine.objects.functions`) are answered at once; to others the answer has to
be waited for. Nothing waits in the middle of a check: what is not known yet is undecided, and noted as asked, so one
look at all objects finds all questions. Their answers are then waited for together, and all is looked at again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from portcullis.engine.facts import Facts
from portcullis.engine.relations.checking import MAX_WORK, Work
from portcullis.engine.request import RequestView

Truth: TypeAlias = bool | None
"""``None``: it can't be decided."""
Check: TypeAlias = Callable[[Any], Truth]
"""Whether a rule holds for an object."""
Arguments: TypeAlias = tuple[Any, ...]
"""Of a question: values that can be compared."""
Ask: TypeAlias = "Callable[[Given, Arguments], Truth]"
"""Answers a question of a rule at once. Raises :class:`QuestionError`."""


class QuestionError(Exception):
    """A question of a rule can't be answered at the moment. The message says why, in words for the record."""


class Unknown:
    """The type of :data:`UNKNOWN`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()
"""Stands for an answer that has to be waited for."""


class Inquiry(msgspec.Struct, frozen=True, eq=False):
    """Answers a question of a rule for which it may have to be waited.

    ``known``: the answer, or :data:`UNKNOWN`; ``ask``: gives those to several questions, in their order. Both raise
    :class:`QuestionError`.
    """

    known: Callable[[Facts, Arguments], Truth | Unknown]
    ask: Callable[[Facts, Sequence[Arguments]], Awaitable[Sequence[Truth]]]


Questions: TypeAlias = dict[tuple[Any, ...], Arguments]
"""The arguments of questions, by what tells these apart."""


class Given(msgspec.Struct, eq=False, gc=False):
    """What is known when a check is made. ``whole``: the document in which the objects are.

    ``work``: how many relations, and answers to questions, may still be looked at; ``asked``: questions that have to be
    waited for; ``answers``: to those that were waited for.
    """

    request: RequestView
    facts: Facts
    whole: Any = None
    work: Work = msgspec.field(default_factory=Work)
    asked: dict[Inquiry, Questions] = {}
    answers: dict[tuple[Any, ...], Truth] = {}

    def look(self) -> None:
        """Look for one answer; raises :class:`QuestionError` where too many are looked for together."""
        if not self.work.left:
            raise QuestionError(f"more than {MAX_WORK} questions would have to be answered together")
        self.work.left -= 1

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
