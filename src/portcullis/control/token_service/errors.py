"""How the endpoints of the token service say no (RFC 6749 5.2)."""

from __future__ import annotations

from portcullis.engine.token_service.answers import error_body
from portcullis.engine.token_service.messages import CallAnswer


class OAuthError(Exception):
    """A request is refused with the code ``error``.

    The message is for the client and repeats nothing of its request; ``reason`` is for the record.
    """

    def __init__(self, error: str, message: str, reason: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.error = error
        self.reason = reason or message
        self.status = status

    def answer(self, client: str = "") -> CallAnswer:
        """It as an answer to ``client``, which is empty where it was not proven."""
        return CallAnswer(self.status, error_body(self.error, str(self)), client, self.reason)


def unproven(reason: str) -> OAuthError:
    """What every client is told that did not prove who it is; the record has the ``reason``."""
    return OAuthError("invalid_client", "the client could not be authenticated", reason, 401)
