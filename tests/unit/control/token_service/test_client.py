from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from token_services import Service

from portcullis.control.api import create_control_api
from portcullis.control.token_service.client import RemoteTokens
from portcullis.control.token_service.orders import (
    InvalidTokenOrder,
    NewClient,
    NewToken,
    RevocationById,
    SecretRotation,
    TokenServiceError,
    TokenText,
)
from portcullis.control.token_service.routes import token_routes


@pytest.fixture
def remote(service: Service, serve: Callable[..., Path]) -> Iterator[RemoteTokens]:
    """The service, through a socket."""
    nothing: Any = None
    path = serve(create_control_api(nothing, token_routes(service.parts.service)))
    with closing(RemoteTokens(path)) as tokens:
        yield tokens


def test_everything_can_be_asked_through_the_socket(remote: RemoteTokens) -> None:
    made = remote.add_client(NewClient("checkout", ("shop",), ("orders:read",)))
    assert made.secret.startswith("pcs_")
    assert [each.id for each in remote.list_clients()] == ["checkout"]
    assert remote.rotate_secret("checkout", SecretRotation(60.0)).secret != made.secret
    issued = remote.issue(NewToken("checkout"))
    assert remote.inspect(TokenText(issued.access_token)).claims["sub"] == "checkout"
    assert remote.revoke(TokenText(issued.access_token)).revoked
    assert not remote.inspect(TokenText(issued.access_token)).active
    assert remote.revoke_by_id(RevocationById("some-id")).revoked
    assert remote.remove_client("checkout").id == "checkout"


def test_what_makes_no_sense_is_told_as_such(remote: RemoteTokens) -> None:
    with pytest.raises(InvalidTokenOrder):
        remote.add_client(NewClient("two words", ("shop",)))
    with pytest.raises(TokenServiceError) as caught:
        remote.remove_client("nobody")
    assert caught.value.code == "tokens.unknown_client"
