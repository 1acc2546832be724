from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from portcullis.control.api import create_control_api
from portcullis.control.key_client import Keys, NoControlProcess, RemoteKeys
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


def test_that_nobody_listens_is_told_apart(tmp_path: Path) -> None:
    remote = RemoteKeys(tmp_path / "control.sock")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # httpcore forgets a socket that it could not connect
        with pytest.raises(NoControlProcess):
            remote.listing()
        gc.collect()
    remote.close()


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (httpx.Response(200, text="?"), "can't be read"),
        (httpx.Response(500, text="?"), "can't be read"),
        (httpx.Response(200, json={"keys": [{"id": 1}]}), "can't be read"),
        (httpx.Response(409, json={"code": "keys.conflict", "detail": "no"}), "^no$"),
        (httpx.Response(422, json={"code": "keys.invalid", "detail": "no"}), "^no$"),
        (httpx.ReadTimeout("late"), "did not answer"),
    ],
)
def test_an_answer_that_is_none_is_an_error(
    tmp_path: Path, answer: httpx.Response | httpx.HTTPError, complaint: str
) -> None:
    def handle(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, httpx.HTTPError):
            raise answer
        return answer

    remote = RemoteKeys(tmp_path / "control.sock")
    remote.close()
    remote._client = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://control")
    with pytest.raises(KeyServiceError, match=complaint):
        remote.listing()
    remote.close()
