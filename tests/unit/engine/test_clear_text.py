"""Credentials that came in clear."""

from __future__ import annotations

import random

import pytest
from rows import rows

from portcullis.engine.api_key_format import mint
from portcullis.engine.clear_text import NOTHING, WITHOUT_KEYS, ClearText
from portcullis.engine.codes import CREDENTIAL_IN_CLEAR, KEY_IN_CLEAR
from portcullis.engine.identity import Consumer
from portcullis.engine.ports import KeyGrant
from portcullis.testing import FakeKeys, make_request

KEY = mint(random.Random(1).randrange)
OTHER = mint(random.Random(2).randrange)
REVOKED = mint(random.Random(3).randrange)


@pytest.fixture
def looks() -> ClearText:
    keys = FakeKeys()
    keys.add(KEY.reveal(), KeyGrant(KEY.id, Consumer("acme")))
    keys.add(REVOKED.reveal(), KeyGrant(REVOKED.id, Consumer("acme"), revoked=True))
    return ClearText(keys)


@rows(
    ("target", "headers", "pointer"),
    [
        ("/a", {"X-API-Key": KEY.reveal()}, "/header/x-api-key"),
        ("/a", {"Authorization": f"Bearer {KEY.reveal()}"}, "/header/authorization"),
        ("/a", {"Cookie": f"a=b; key={KEY.reveal()}"}, "/header/cookie"),
        (f"/a?api_key={KEY.reveal()}", {}, "/target"),
        (f"/a?api_key={KEY.reveal().replace('_', '%5F')}", {}, "/target"),
        (f"/a/{KEY.reveal()}/b", {}, "/target"),
        (f"/a?api_key={OTHER.reveal()}", {"X-API-Key": KEY.reveal()}, "/header/x-api-key"),
    ],
)
def test_a_key_is_told_by_its_id(looks: ClearText, target: str, headers: dict[str, str], pointer: str) -> None:
    sent = looks.look(make_request("GET", target, headers))
    assert sent.code is KEY_IN_CLEAR
    assert sent.code.visible.name == "guard.https_required"
    assert sent.finding is not None
    assert sent.finding.pointer == pointer
    assert sent.finding.found == f"key {KEY.id} of acme, in clear"
    assert sent.identity.credential == KEY.id


@rows("headers", [{"Authorization": "Basic YTpi"}, {"Cookie": "session=1"}, {"Proxy-Authorization": "Basic YTpi"}])
def test_other_credentials_are_told_by_their_place(looks: ClearText, headers: dict[str, str]) -> None:
    sent = looks.look(make_request("GET", "/a", headers))
    assert sent.code is CREDENTIAL_IN_CLEAR
    assert sent.finding is not None
    assert sent.finding.pointer == f"/header/{next(iter(headers)).lower()}"


@rows("key", [OTHER.reveal(), REVOKED.reveal(), f"pcl_{KEY.id}_{'0' * 49}", KEY.reveal()[:-1], "secret"])
def test_what_is_no_live_key_is_nothing(looks: ClearText, key: str) -> None:
    assert looks.look(make_request("GET", f"/a?api_key={key}", {"X-API-Key": key})) is NOTHING


def test_only_so_many_are_looked_up(looks: ClearText) -> None:
    many = [("X-Key", OTHER.reveal())] * 8
    assert looks.look(make_request("GET", "/a", [*many, ("X-API-Key", KEY.reveal())])) is NOTHING
    assert looks.look(make_request("GET", "/a", [*many[1:], ("X-API-Key", KEY.reveal())])).code is KEY_IN_CLEAR


def test_where_no_key_was_issued_none_is_found() -> None:
    assert WITHOUT_KEYS.look(make_request("GET", "/a", {"X-API-Key": KEY.reveal()})) is NOTHING
