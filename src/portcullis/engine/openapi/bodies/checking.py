"""Checking bodies: read by their kind, then held against their schema; and where something is wrong, explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from portcullis.engine.decision import Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.openapi.bodies.errors import BodyError, UnfitError
from portcullis.engine.openapi.bodies.roles import HeldBody, StreamedBody
from portcullis.engine.openapi.checks import Checks
from portcullis.engine.openapi.explaining import Explanation, RequestExplainer

_PIECE: Final = 64 * 1024


class BodyChecker:
    """Checks bodies of one operation. What a body says is put into the facts of its exchange.

    ``refuse``: makes a refusal of an explanation; ``missing``: the refusal of an empty body, if one is required;
    ``strips``: fields that are not declared are taken out instead of refused.
    """

    def __init__(
        self,
        checks: Checks,
        explainer: RequestExplainer,
        refuse: Callable[[Explanation], Refuse],
        missing: Refuse | None = None,
        *,
        strips: bool = False,
    ) -> None:
        self.missing = missing
        self._fits = checks.checker.fits
        self._strip = checks.strip if strips else None
        self._explainer = explainer
        self._refuse = refuse

    def whole(self, body: HeldBody | StreamedBody, data: bytes, facts: Facts) -> Refuse | bytes | None:
        """Check ``data``, a whole body: why it is refused, or what is to be sent on instead of it, or nothing."""
        if not body.is_held:
            scanner = self.scanner(body, facts)
            for at in range(0, len(data), _PIECE):
                if (wrong := scanner.feed(data[at : at + _PIECE])) is not None:
                    return wrong
            return scanner.end()
        try:
            value, text = body.read(data)
        except (BodyError, UnfitError) as error:
            return self.unread(error)
        facts.document = value
        key = body.key
        if not key or self._fits({key: value}):
            return text
        if self._strip is not None and self._strip(key, value) and self._fits({key: value}):
            written = body.write(data if text is None else text, value)
            if written is not None:
                return written
        return self.unfit(key, value)

    def scanner(self, body: StreamedBody, facts: Facts) -> StreamedCheck:
        """What checks a body as it comes."""
        return StreamedCheck(self, body, facts)

    def value(self, key: str, value: object, facts: Facts) -> Refuse | None:
        """Check what a body that has streamed says as a whole."""
        facts.document = value
        return None if not key or self._fits({key: value}) else self.unfit(key, value)

    def unread(self, error: BodyError | UnfitError) -> Refuse:
        """The refusal of a body that could not even be read, or a part of which is not taken."""
        explain = self._explainer
        return self._refuse(explain.unfit(error) if isinstance(error, UnfitError) else explain.unreadable(error))

    def unfit(self, key: str, value: object) -> Refuse:
        """The refusal of a body whose value does not fit its schema."""
        return self._refuse(self._explainer.body(key, value))


class StreamedCheck:
    """Checks one body as it comes, and refuses it as soon as something is wrong with it."""

    __slots__ = ("_checker", "_facts", "_is_empty", "_key", "_scanner")

    def __init__(self, checker: BodyChecker, body: StreamedBody, facts: Facts) -> None:
        self._checker = checker
        self._key = body.key
        self._scanner = body.scanner()
        self._facts = facts
        self._is_empty = True

    @property
    def held(self) -> int:
        """Nothing that counts: what is kept of parts is bounded."""
        return 0

    def feed(self, data: bytes) -> Refuse | None:
        """Check the next piece."""
        self._is_empty = False
        try:
            self._scanner.feed(data)
        except (BodyError, UnfitError) as error:
            return self._checker.unread(error)
        return None

    def end(self) -> Refuse | None:
        """Check the body as a whole."""
        if self._is_empty:
            return self._checker.missing
        try:
            content = self._scanner.end()
        except (BodyError, UnfitError) as error:
            return self._checker.unread(error)
        return None if content is None else self._checker.value(self._key, content.value, self._facts)
