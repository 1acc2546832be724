from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
from acme_authority import Reply, Scripted

from portcullis.control.acme import accounts
from portcullis.control.acme.accounts import Account, forget_uri, open_client
from portcullis.control.acme.messages import Authority
from portcullis.control.acme.network import BoundedNetwork

DIRECTORY = b'{"newNonce": "https://a.example/nonce", "newAccount": "https://a.example/account"}'


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority("a", "https://a.example/dir", str(tmp_path / "accounts" / "a.json"), ("ops@shop.example",))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Methods and URLs of what an authority was asked that makes accounts."""

    def reply(method: str, url: str) -> Reply:
        if url.endswith("/account"):
            return 201, {"Location": "https://a.example/account/7"}, b'{"status": "valid"}'
        return 200, {}, DIRECTORY

    scripted = Scripted(reply)

    class Network(BoundedNetwork):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            self.session.mount("https://", scripted)

    monkeypatch.setattr(accounts, "BoundedNetwork", Network)
    return scripted.asked


def kept(authority: Authority) -> Account:
    return msgspec.json.decode(Path(authority.account).read_bytes(), type=Account)


def test_an_account_is_made_once_and_kept_for_its_owner_alone(
    authority: Authority, calls: list[tuple[str, str]]
) -> None:
    open_client(authority)
    assert kept(authority).uri == "https://a.example/account/7"
    path = Path(authority.account)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    made = [url for _, url in calls].count("https://a.example/account")
    client = open_client(authority)
    assert client.net.account is not None
    assert client.net.account.uri == "https://a.example/account/7"
    assert [url for _, url in calls].count("https://a.example/account") == made == 1


def test_a_forgotten_account_is_made_anew_with_the_same_key(authority: Authority, calls: Any) -> None:
    open_client(authority)
    before = kept(authority)
    forget_uri(authority)
    assert kept(authority).uri == ""
    open_client(authority)
    assert kept(authority) == before


def test_another_directory_has_another_account(authority: Authority, calls: Any) -> None:
    open_client(authority)
    before = kept(authority)
    open_client(msgspec.structs.replace(authority, directory="https://a.example/other"))
    assert kept(authority).key != before.key


def test_a_file_that_is_no_account_is_left_alone(authority: Authority, calls: Any) -> None:
    Path(authority.account).parent.mkdir()
    Path(authority.account).write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="is no account: move it away"):
        open_client(authority)
    assert Path(authority.account).read_bytes() == b"nonsense"
