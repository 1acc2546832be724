from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.api import create_control_api
from portcullis.control.gateway_access import UnusableFile
from portcullis.control.keys import KeyService
from portcullis.control.relations.access import relations_of
from portcullis.control.relations.orders import PageOrder
from portcullis.control.relations.routes import relation_routes
from portcullis.control.relations.service import RelationService

Serve = Callable[[Any], Path]
RELATIONS = "relations: {user: [staff], order: {owner: [user]}}\n"


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "portcullis.yaml"
    file.write_text(text)
    return file


def test_without_a_gateway_the_file_of_relations_is_used(tmp_path: Path) -> None:
    file = write(tmp_path, RELATIONS + "state: {directory: var}\nlisteners: nonsense\n")
    with relations_of(file) as relations:
        assert isinstance(relations, RelationService)
        relations.add(["order:1#owner@user:a"])
    assert (tmp_path / "var/relations.db").stat().st_mode & 0o777 == 0o600
    with relations_of(file) as relations:
        assert relations.page(PageOrder()).tuples == ["order:1#owner@user:a"]


def test_a_running_gateway_is_asked(
    tmp_path: Path, relations: RelationService, service: KeyService, serve: Serve
) -> None:
    socket = serve(create_control_api(service, relation_routes(relations)))
    file = write(tmp_path, f"{RELATIONS}state: {{directory: {socket.parent}}}\n")
    with relations_of(file) as remote:
        assert not isinstance(remote, RelationService)
        remote.add(["order:1#owner@user:a"])
    assert relations.page(PageOrder()).tuples == ["order:1#owner@user:a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("relations: {order: {owner: 5}}", r"relations\.order.*; `portcullis check` says more"),
        ("relations: {order: {owner: [usr]}}", r"relations\.order\.owner\.0: there is no type usr"),
        ("state: {directory: 5}", "state.directory"),
    ],
)
def test_relations_that_can_not_be_read_are_told_of(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UnusableFile, match=message), relations_of(write(tmp_path, text)):
        raise AssertionError
