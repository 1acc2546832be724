from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.api import create_control_api
from portcullis.control.key_client import Keys, RemoteKeys
from portcullis.control.key_orders import KeyRecord, KeyServiceError, NewKey, Rotation
from portcullis.control.keys import KeyService

Serve = Callable[[Any], Path]


@pytest.fixture
def remote(service: KeyService, serve: Serve) -> Iterator[RemoteKeys]:
    remote = RemoteKeys(serve(create_control_api(service)))
    yield remote
    remote.close()


def test_the_client_does_what_the_service_does(remote: RemoteKeys, service: KeyService) -> None:
    keys: Keys = remote
    issued = keys.create(NewKey("acme", "gold", ("clerk",), ("orders:read",), "live"))
    assert keys.listing() == service.listing() == [issued.record]
    assert issued.record.digest == "sha256:" + issued.key.digest.hex()
    new = keys.rotate(issued.key.id, Rotation(60))
    assert new.record.lineage == issued.key.id
    assert keys.revoke(new.key.id).state == "revoked"
    assert keys.listing("globex") == []
    imported = keys.import_records([KeyRecord("abcdefgh", "sha256:" + 64 * "a", "globex")])
    assert imported.added == 1
    for refused in (lambda: keys.revoke("zzzzzzzz"), lambda: keys.revoke("../../x?y#z")):
        with pytest.raises(KeyServiceError) as caught:
            refused()
        assert caught.value.code in ("keys.unknown_id", "control.http_404")
