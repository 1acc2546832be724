"""The texts of messages of gRPC, looked at for attacks: in whole calls, and as they stream through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from portcullis.engine.decision import Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.grpc.framing import FramingError, MessageReader
from portcullis.engine.grpc.messages import MessageError, MessageType
from portcullis.engine.inspection.allowances import Allowances
from portcullis.engine.inspection.inspector import Inspector
from portcullis.engine.inspection.streaming import Found
from portcullis.engine.openapi.pointer import split
from portcullis.engine.policy import BodyScanner, ScannerFunction, StepFunction
from portcullis.engine.request import RequestView

_BODY: Final = "body"


class _FoundError(Exception):
    def __init__(self, found: Found) -> None:
        super().__init__(found.hit.pattern.id)
        self.found = found


class MessageInspection:
    """Looks at the texts of messages of one type. ``refuse``: makes a refusal of what was found; ``most``: bytes."""

    def __init__(
        self,
        inspector: Inspector,
        kind: MessageType,
        allowances: Allowances,
        refuse: Callable[[Found], Refuse],
        most: int,
    ) -> None:
        self._inspector = inspector
        self._kind = kind
        self._allowances = allowances
        self._refuse = refuse
        self._most = most

    def whole(self) -> StepFunction:
        """For calls whose messages are held until they are whole."""

        def inspect(request: RequestView, _facts: Facts) -> Refuse | None:
            scanner = _Scanner(self, request)
            return scanner.feed(request.body or b"")

        return inspect

    def stream(self) -> ScannerFunction:
        """For calls whose messages stream through."""

        def inspect(request: RequestView, _facts: Facts) -> BodyScanner:
            return _Scanner(self, request)

        return inspect

    def reader(self, request: RequestView) -> MessageReader:
        """What reads the messages of ``request``."""
        return MessageReader(request.headers.get(b"grpc-encoding"), self._most)

    def look_at(self, message: bytes) -> Refuse | None:
        """Why ``message`` is refused."""
        try:
            self._kind.check(message, "allow", self._look)
        except _FoundError as error:
            return self._refuse(error.found)
        except MessageError:
            return None  # what is no message is the business of validate.grpc
        return None

    def _look(self, pointer: str, text: str) -> None:
        if self._inspector.is_clean(text.encode("utf-8", "surrogatepass")):
            return
        path = (_BODY, *split(pointer))
        hit = self._inspector.find(text, _BODY, self._allowances.at(path))
        if hit is not None:
            raise _FoundError(Found(path, hit))


class _Scanner:
    def __init__(self, inspection: MessageInspection, request: RequestView) -> None:
        self._inspection = inspection
        self._reader = inspection.reader(request)

    @property
    def held(self) -> int:
        return self._reader.held

    def feed(self, data: bytes) -> Refuse | None:
        try:
            for message in self._reader.feed(data):
                if (refusal := self._inspection.look_at(message)) is not None:
                    return refusal
        except FramingError:
            return None  # as above
        return None

    def end(self) -> Refuse | None:
        return None
