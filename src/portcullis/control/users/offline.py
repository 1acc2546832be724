"""Passwords checked without a gateway: what its control process would answer, by the database as it is now."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from portcullis.control.state_paths import StatePaths
from portcullis.control.users.passwords import PasswordHasher
from portcullis.engine.authentication.user_messages import TOPIC, PasswordAnswer, decode_question, encode
from portcullis.engine.ports import Unanswered
from portcullis.stores.database.connection import DatabaseError, open_database
from portcullis.stores.database.users import UserStore


class OfflinePasswords:
    """Answers questions about passwords; counts nothing, locks nobody, and changes nothing. Other topics are not known.

    Implements :class:`portcullis.engine.ports.Questions`.
    """

    def __init__(self, paths: StatePaths) -> None:
        self._paths = paths

    async def ask(self, topic: str, question: bytes) -> bytes:
        """The answer to ``question``. Raises :class:`~portcullis.engine.ports.Unanswered`."""
        if topic != TOPIC:
            raise Unanswered(f"{topic}: only a running gateway finds that out")
        try:
            return encode(self._answer(question))
        except (DatabaseError, OSError) as error:
            raise Unanswered(f"{topic}: the database can't be read") from error

    def _answer(self, message: bytes) -> PasswordAnswer:
        question = decode_question(message)
        url = self._paths.database()
        if not Path(str(url.database)).exists():
            return PasswordAnswer("unknown")
        with closing(open_database(url)) as database:
            revision, user = UserStore(database).find(question.user)
        if user is None:
            return PasswordAnswer("unknown", revision)
        if not PasswordHasher().verify(user.password, question.password):
            return PasswordAnswer("wrong", revision, True)
        if user.disabled_at is not None:
            return PasswordAnswer("disabled", revision, True)
        consumer = user.consumer
        return PasswordAnswer("proven", revision, True, 0, consumer.plan, consumer.roles, user.scopes)
