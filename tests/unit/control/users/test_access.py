from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.api import create_control_api
from portcullis.control.gateway_access import UnusableFile
from portcullis.control.keys import KeyService
from portcullis.control.users import access
from portcullis.control.users.access import users_of
from portcullis.control.users.client import RemoteUsers
from portcullis.control.users.orders import InvalidUserOrder, NewUser
from portcullis.control.users.passwords import PasswordHasher
from portcullis.control.users.routes import user_routes
from portcullis.control.users.service import UserService

Write = Callable[[str], Path]
PASSWORD = "correct horse battery"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hasher: PasswordHasher) -> Write:
    monkeypatch.setattr(access, "PasswordHasher", lambda: hasher)

    def write(content: str) -> Path:
        path = tmp_path / "portcullis.yaml"
        path.write_text(content)
        return path

    return write


def test_before_the_first_start_the_file_says_what_is_taken(write: Write, tmp_path: Path) -> None:
    (tmp_path / "common.txt").write_text("correct horse battery\n")
    file = write(
        "state: {directory: state}\nplans: {gold: {}}\npasswords: {min_length: 16, deny_list: common.txt}\napis: 7\n"
    )
    with users_of(file) as users:
        assert isinstance(users, UserService)
        for order, complaint in (
            (NewUser("alice", PASSWORD, "free"), "no plan 'free'"),
            (NewUser("alice", PASSWORD), "too common"),
            (NewUser("alice", "fifteen letters"), "at least 16"),
        ):
            with pytest.raises(InvalidUserOrder, match=complaint):
                users.add(order)
        users.add(NewUser("alice", PASSWORD + "!", "gold"))
    with users_of(file) as users:
        assert [record.name for record in users.listing()] == ["alice"]


def test_a_running_gateway_is_asked(write: Write, users: UserService, service: KeyService, serve: Any) -> None:
    socket_path = serve(create_control_api(service, user_routes(users)))
    with users_of(write(f"state: {{directory: {socket_path.parent}}}\n")) as through:
        assert isinstance(through, RemoteUsers)
        through.add(NewUser("alice", PASSWORD))
    assert len(users.listing()) == 1


def test_rules_that_can_not_be_read_are_an_error(write: Write) -> None:
    with pytest.raises(UnusableFile, match=r"passwords\.min_length: "), users_of(write("passwords: {min_length: 2}\n")):
        pass
