"""What workers and the control process say to each other about users.

A worker asks whether a name and a password belong together; the answer says who that is, or why nobody. It tells no
more than what the record of the exchange holds. With every change of users the control process tells who changed, so
that nobody goes on trusting what was verified before.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from portcullis.engine.backoff import Backoff

TOPIC: Final = "users"
"""Of the questions, and under which workers are told of changes."""

Result = Literal["proven", "unknown", "wrong", "disabled", "user_locked", "address_locked", "busy"]


class PasswordQuestion(msgspec.Struct, frozen=True, array_like=True):
    """Do ``user`` and ``password`` belong together?

    ``identity``: for which identity that is asked; ``address``: who is counted if they do not; ``per_user`` and
    ``per_address``: how failures are counted there, ``None`` for not at all.
    """

    identity: str
    user: str
    password: str
    address: str
    per_user: Backoff | None
    per_address: Backoff | None

    def __repr__(self) -> str:
        return f"PasswordQuestion({self.identity}, {self.address})"


class PasswordAnswer(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """``revision``: of the users by which it was answered; ``seconds``: for how long a lock stands.

    ``known``: there is a user of that name. ``plan``, ``roles`` and ``scopes``: of a user that is proven.
    """

    result: Result
    revision: int = -1
    known: bool = False
    seconds: int = 0
    plan: str = ""
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


class UserUpdate(msgspec.Struct, frozen=True, array_like=True):
    """Users are now as of ``revision``; since ``since`` those of these ``names`` changed, and no others.

    ``since`` is -1 where it is not known who changed.
    """

    revision: int
    since: int = -1
    names: tuple[str, ...] = ()


_encode = msgspec.msgpack.Encoder().encode
_question = msgspec.msgpack.Decoder(PasswordQuestion)
_answer = msgspec.msgpack.Decoder(PasswordAnswer)
_update = msgspec.msgpack.Decoder(UserUpdate)


def encode(message: PasswordQuestion | PasswordAnswer | UserUpdate) -> bytes:
    """``message``, to be sent."""
    return _encode(message)


def decode_question(message: bytes) -> PasswordQuestion:
    """A worker's question. Raises ``ValueError``."""
    return _question.decode(message)


def decode_answer(message: bytes) -> PasswordAnswer:
    """The control process's answer. Raises ``ValueError``."""
    return _answer.decode(message)


def decode_update(message: bytes) -> UserUpdate:
    """What the control process tells of changes. Raises ``ValueError``."""
    return _update.decode(message)
