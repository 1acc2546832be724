from __future__ import annotations

from pathlib import Path

import pytest

from portcullis.control.gateway_access import UnusableFile
from portcullis.control.token_service.access import tokens_of
from portcullis.control.token_service.orders import (
    InvalidTokenOrder,
    NewClient,
    NewToken,
    RevocationById,
    SecretRotation,
    TokenText,
)

FILE = """\
token_service: {issuer: "https://i", audiences: [shop]}
roles: {clerk: [a], auditor: {permissions: [b], exclusive_with: [clerk]}}
"""


def file_in(folder: Path, text: str = FILE) -> Path:
    path = folder / "portcullis.yaml"
    path.write_text(text)
    return path


def test_without_a_gateway_the_database_is_changed_itself(tmp_path: Path) -> None:
    file = file_in(tmp_path)
    with tokens_of(file) as tokens:
        made = tokens.add_client(NewClient("checkout", ("shop",), roles=("clerk",)))
        assert tokens.rotate_secret("checkout", SecretRotation()).secret != made.secret
    with tokens_of(file) as tokens:
        assert [client.id for client in tokens.list_clients()] == ["checkout"]
        assert tokens.revoke_by_id(RevocationById("some-id")).revoked
        assert tokens.remove_client("checkout").id == "checkout"


def test_keys_are_made_by_the_gateway_alone(tmp_path: Path) -> None:
    with tokens_of(file_in(tmp_path)) as tokens:
        tokens.add_client(NewClient("checkout", ("shop",)))
        for ask in (
            lambda: tokens.issue(NewToken("checkout")),
            lambda: tokens.inspect(TokenText("x")),
            lambda: tokens.revoke(TokenText("x")),
        ):
            with pytest.raises(Exception, match="no key"):
                ask()


def test_it_goes_by_what_the_file_declares(tmp_path: Path) -> None:
    with tokens_of(file_in(tmp_path)) as tokens:
        for order in (NewClient("a", ("other",)), NewClient("a", ("shop",), roles=("clerk", "auditor"))):
            with pytest.raises(InvalidTokenOrder):
                tokens.add_client(order)


def test_without_the_section_there_is_no_token_service(tmp_path: Path) -> None:
    with (
        tokens_of(file_in(tmp_path, "roles: {}\n")) as tokens,
        pytest.raises(InvalidTokenOrder, match="no token_service"),
    ):
        tokens.add_client(NewClient("a", ("shop",)))


def test_a_section_that_is_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    file = file_in(tmp_path, "token_service: {issuer: nonsense, audiences: [shop]}\n")
    with pytest.raises(UnusableFile, match=r"token_service\.issuer"), tokens_of(file):
        pass
