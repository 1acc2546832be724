"""What workers and the control process say to each other about tokens that their issuer is asked about (RFC 7662).

A worker asks about one token and names the endpoint by a digest of how it is asked: it can't make the control process
send a token, or a secret, to any place that the file does not name.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal

import msgspec

TOPIC: Final = "introspection"
"""Of the questions."""

ClientMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]
"""How the gateway proves to the endpoint who it is (RFC 8414 2, OpenID Connect Core 9)."""
Result = Literal["active", "inactive", "unavailable", "busy"]


class IntrospectionSource(msgspec.Struct, frozen=True, array_like=True):
    """How to ask: at ``endpoint``, as ``client`` with what is at ``secret`` (``env:NAME`` or ``file:PATH``).

    ``algorithm``, ``kid`` and ``audience``: of the assertion that is signed for ``private_key_jwt``.
    """

    endpoint: str
    client: str
    secret: str
    method: ClientMethod = "client_secret_basic"
    algorithm: str = ""
    kid: str = ""
    audience: str = ""

    @property
    def digest(self) -> str:
        """A name for it: letters and digits."""
        return hashlib.sha256(_encode(self)).hexdigest()[:32]


class IntrospectionQuestion(msgspec.Struct, frozen=True, array_like=True):
    """Does ``token`` hold, and what does it say? ``source``: the digest of whom to ask."""

    source: str
    token: str

    def __repr__(self) -> str:
        return f"IntrospectionQuestion({self.source})"


class IntrospectionAnswer(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """``claims``: of an active token, a JSON object; ``reason``: why there is no answer, for the record."""

    result: Result
    claims: bytes = b"{}"
    reason: str = ""


_encode = msgspec.msgpack.Encoder().encode
_question = msgspec.msgpack.Decoder(IntrospectionQuestion)
_answer = msgspec.msgpack.Decoder(IntrospectionAnswer)


def encode(message: IntrospectionQuestion | IntrospectionAnswer) -> bytes:
    """``message``, to be sent."""
    return _encode(message)


def decode_question(message: bytes) -> IntrospectionQuestion:
    """A worker's question. Raises ``ValueError``."""
    return _question.decode(message)


def decode_answer(message: bytes) -> IntrospectionAnswer:
    """The control process's answer. Raises ``ValueError``."""
    return _answer.decode(message)
