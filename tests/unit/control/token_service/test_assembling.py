from __future__ import annotations

from token_services import SETTINGS

from portcullis.control.token_service.assembling import assemble
from portcullis.stores.database.connection import Database


def test_its_parts_go_by_the_same_settings(database: Database) -> None:
    parts = assemble(database, lambda _message: None)
    parts.keys.advance(SETTINGS)
    parts.take_over(SETTINGS)
    assert parts.tokens.readable("nonsense") is None
    assert parts.clients.listing() == []
    assert len(parts.revoked) == 0
