from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette

from portcullis.control.api import create_control_api
from portcullis.control.keys import KeyService
from portcullis.control.users.client import RemoteUsers, Users
from portcullis.control.users.orders import InvalidUserOrder, NewPassword, NewRoles, NewUser, UserServiceError
from portcullis.control.users.routes import user_routes
from portcullis.control.users.service import UserService

PASSWORD = "correct horse battery"
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$pWxKL3FiNYsIPBZBJKBlFBA5lzBKXoOd0lAyPqSzfXk"


@pytest.fixture
def remote(users: UserService, service: KeyService, serve: Callable[[Any], Path]) -> Iterator[RemoteUsers]:
    api: Starlette = create_control_api(service, user_routes(users))
    remote = RemoteUsers(serve(api))
    yield remote
    remote.close()


def test_the_client_does_what_the_service_does(remote: RemoteUsers, users: UserService) -> None:
    through: Users = remote
    made = through.add(NewUser("ops@example.com", PASSWORD, "gold", ("clerk",), ("a",)))
    assert through.listing() == users.listing() == [made]
    assert through.set_password("ops@example.com", NewPassword("another horse battery")).name == "ops@example.com"
    assert through.set_roles("ops@example.com", NewRoles(("auditor",), "free")).roles == ("auditor",)
    assert through.set_disabled("ops@example.com", disabled=True).state == "disabled"
    assert through.set_disabled("ops@example.com", disabled=False).state == "active"
    [exported] = through.export()
    assert exported.password.startswith("$argon2id$")
    assert through.import_records([msgspec.structs.replace(exported, password=HASH)]).changed == 1
    assert through.remove("ops@example.com").name == "ops@example.com"
    assert through.listing() == []


def test_refusals_come_through(remote: RemoteUsers) -> None:
    with pytest.raises(InvalidUserOrder, match="at least 12 characters"):
        remote.add(NewUser("alice", "short"))
    for name in ("alice", "../../x?y#z"):
        with pytest.raises(UserServiceError) as caught:
            remote.remove(name)
        assert caught.value.code in ("users.unknown", "control.http_404")
