"""One decision point as a worker knows it: answers that still hold, and the way to others."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.wording import suggest
from portcullis.engine.decision import shorten
from portcullis.engine.decision_points.declaring import DecisionPointConfig
from portcullis.engine.decision_points.questions import (
    DECIDE,
    MOST_TOGETHER,
    Question,
    decode_decided,
    encode_asked,
    encode_question,
)
from portcullis.engine.ports import Ports, SecretError, Unanswered

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

USER: Final = "user"
"""The type of callers where the file names none."""
_NANOSECONDS: Final = 10**9


class NoDecisionError(Exception):
    """The decision point did not answer. The message says why, in words for the record."""


class UnknownPointError(LookupError):
    """There is no decision point of that name. ``hint``: what there is."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class DecisionPoint:
    """The decision point that the file calls ``name``. Raises :class:`ConfigurationError` if its token isn't there."""

    def __init__(self, name: str, config: DecisionPointConfig, ports: Ports) -> None:
        self.name = name
        self.config = config
        self._questions = ports.questions
        self._now_ns = ports.clock.now_ns
        self._allow_ns = round(config.cache.allow * _NANOSECONDS)
        self._deny_ns = round(config.cache.deny * _NANOSECONDS)
        self._entries = config.cache.entries
        self._known: dict[bytes, tuple[int, bool]] = {}
        if config.token is not None:
            try:
                ports.secrets.reveal(config.token)
            except SecretError as error:
                where = f"decision_points.{name}.token"
                hint = "secrets are read when the gateway starts"
                raise ConfigurationError([Diagnostic("", 0, 0, where, str(error), hint)]) from None

    def __repr__(self) -> str:
        return f"<DecisionPoint {self.name} remembers={len(self._known)}>"

    def remembered(self, question: Question) -> bool | None:
        """The answer to ``question``, if one is remembered that still holds."""
        known = self._known.get(_key(question))
        if known is None or known[0] <= self._now_ns():
            return None
        return known[1]

    async def ask(self, questions: Sequence[Question]) -> list[bool]:
        """The answers to ``questions``, in their order. Raises :class:`NoDecisionError`."""
        if len(questions) > MOST_TOGETHER:
            raise NoDecisionError(f"{self.name}: more than {MOST_TOGETHER} questions at a time")
        try:
            decided = decode_decided(await self._questions.ask(DECIDE, encode_asked(self.name, questions)))
        except Unanswered as error:
            raise NoDecisionError(str(error)) from error
        if decided.failure or len(decided.decisions) != len(questions):
            raise NoDecisionError(f"{self.name}: {decided.failure or 'an answer to other questions'}")
        for question, decision in zip(questions, decided.decisions, strict=True):
            self._remember(question, decision)
        return decided.decisions

    def _remember(self, question: Question, decision: bool) -> None:
        holds_ns = self._allow_ns if decision else self._deny_ns
        if not holds_ns:
            return
        known = self._known
        key = _key(question)
        known.pop(key, None)  # so that it stands last, as the newest
        known[key] = (self._now_ns() + holds_ns, decision)
        while len(known) > self._entries:
            del known[next(iter(known))]


def _key(question: Question) -> bytes:
    return blake2b(encode_question(question), digest_size=16).digest()


def decision_point(name: str, context: OperationContext) -> DecisionPoint:
    """The decision point ``name``, the same for all operations.

    Raises :class:`UnknownPointError`, and :class:`ConfigurationError` if it can't be used.
    """
    declared = context.configuration.decision_points
    if name not in declared:
        hint = suggest(name, list(declared), "declared") if declared else 'declare it in "decision_points"'
        raise UnknownPointError(f'there is no decision point "{shorten(name, 60)}"', hint)
    key = ("decision_points", name)
    found = context.shared.get(key)
    if found is None:
        try:
            found = DecisionPoint(name, declared[name], context.ports)
        except ConfigurationError as error:
            found = error
        context.shared[key] = found
    if isinstance(found, ConfigurationError):
        raise found
    point: DecisionPoint = found
    return point
