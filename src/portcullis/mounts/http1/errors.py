"""The one error of the codec: the peer does not speak HTTP/1.1, or speaks it so that it can be misread."""

from __future__ import annotations

from portcullis.engine.codes import Code


class ProtocolError(Exception):
    """The message is refused, and its connection must be closed: nobody knows where the next message begins.

    ``code``: what to answer with; ``detail``: a sentence for the caller, which quotes nothing of the message.
    """

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
