from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.api import create_control_api
from portcullis.control.key_access import keys_of
from portcullis.control.key_client import RemoteKeys
from portcullis.control.key_orders import InvalidOrder, NewKey
from portcullis.control.keys import KeyService

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str) -> Path:
        path = tmp_path / "portcullis.yaml"
        path.write_text(content)
        return path

    return write


def test_before_the_first_start_the_database_is_made_and_used(write: Write, tmp_path: Path) -> None:
    file = write("state: {directory: state}\nplans: {gold: {}}\n")
    with keys_of(file) as keys:
        assert isinstance(keys, KeyService)
        issued = keys.create(NewKey("acme", "gold"))
        with pytest.raises(InvalidOrder, match="no plan 'free'"):
            keys.create(NewKey("globex", "free"))
    assert (tmp_path / "state/portcullis.db").exists()
    with keys_of(file) as keys:
        assert [record.id for record in keys.listing()] == [issued.key.id]


def test_roles_that_exclude_each_other_are_known_before_the_first_start(write: Write) -> None:
    roles = """
  payer: ["payments:make"]
  approver: {permissions: ["payments:approve"], exclusive_with: [payer]}
  head: {inherits: [approver]}
  wrong: 7
"""
    with keys_of(write(f"state: {{directory: state}}\nroles:{roles}")) as keys:
        with pytest.raises(InvalidOrder, match="nobody may hold the roles head and payer together"):
            keys.create(NewKey("acme", roles=("payer", "head")))
        keys.create(NewKey("acme", roles=("approver", "head", "wrong")))


def test_a_running_gateway_is_asked(write: Write, service: KeyService, serve: Any) -> None:
    socket_path = serve(create_control_api(service))
    file = write(f"state: {{directory: {socket_path.parent}}}\n")
    with keys_of(file) as keys:
        assert isinstance(keys, RemoteKeys)
        keys.create(NewKey("acme"))
    assert len(service.listing()) == 1
    assert not (socket_path.parent / "portcullis.db").exists()


def test_apis_are_known_before_the_first_start_where_they_are_all_in_the_file(write: Write) -> None:
    apis = "apis: {shop: {}}\nstate: {directory: state}\n"
    with keys_of(write(apis)) as keys, pytest.raises(InvalidOrder, match="no API 'mail'"):
        keys.create(NewKey("acme", apis=("mail",)))
    with keys_of(write(apis + "include: more/*.yaml\n")) as keys:
        assert keys.create(NewKey("acme", apis=("mail",))).record.apis == ("mail",)
