from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from portcullis.control.state_paths import StatePaths
from portcullis.control.users import offline
from portcullis.control.users.offline import OfflinePasswords
from portcullis.control.users.orders import NewUser
from portcullis.control.users.passwords import PasswordHasher
from portcullis.control.users.service import UserService
from portcullis.engine.authentication.user_messages import PasswordAnswer, PasswordQuestion, decode_answer, encode
from portcullis.engine.backoff import Backoff
from portcullis.engine.config.running import StateConfig
from portcullis.engine.ports import Unanswered

RIGHT = "correct horse battery"


@pytest.fixture
def passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hasher: PasswordHasher) -> OfflinePasswords:
    monkeypatch.setattr(offline, "PasswordHasher", lambda: hasher)
    return OfflinePasswords(StatePaths(StateConfig(directory="."), tmp_path / "portcullis.yaml"))


async def _ask(passwords: OfflinePasswords, user: str, password: str) -> PasswordAnswer:
    rule = Backoff(2, 4, 2, 2)
    question = PasswordQuestion("staff", user, password, "192.0.2.7", rule, rule)
    return decode_answer(await passwords.ask("users", encode(question)))


async def test_the_answer_is_what_the_control_process_would_say(
    passwords: OfflinePasswords, users: UserService
) -> None:
    users.add(NewUser("alice", RIGHT, "gold", ("clerk",), ("a",)))
    proven = PasswordAnswer("proven", 1, True, 0, "gold", ("clerk",), ("a",))
    assert await _ask(passwords, "alice", RIGHT) == proven
    for _ in range(5):
        assert await _ask(passwords, "alice", "wrong horse") == PasswordAnswer("wrong", 1, True)
    assert await _ask(passwords, "bob", RIGHT) == PasswordAnswer("unknown", 1)
    assert await _ask(passwords, "alice", RIGHT) == proven
    users.set_disabled("alice", disabled=True)
    assert await _ask(passwords, "alice", RIGHT) == PasswordAnswer("disabled", 2, True)


async def test_without_a_database_there_are_no_users_and_none_is_made(
    passwords: OfflinePasswords, tmp_path: Path
) -> None:
    assert await _ask(passwords, "alice", RIGHT) == PasswordAnswer("unknown")
    assert not (tmp_path / "portcullis.db").exists()


async def test_what_can_not_be_found_out_is_not_answered(
    passwords: OfflinePasswords, tmp_path: Path, migrated: Path
) -> None:
    with pytest.raises(Unanswered, match="only a running gateway"):
        await passwords.ask("keys", b"")
    shutil.copy(migrated, tmp_path / "portcullis.db")
    (tmp_path / "portcullis.db").write_bytes(b"no database at all, but a file that is long enough" * 20)
    with pytest.raises(Unanswered, match="can't be read"):
        await _ask(passwords, "alice", RIGHT)
