from __future__ import annotations

import json

from bench import feed

from portcullis.engine.websocket.handshake import accept_of
from portcullis.engine.websocket.messages import schema_judge


def test_the_message_fits_its_schema_and_others_do_not() -> None:
    judge = schema_judge(json.dumps(feed.SCHEMA).encode(), "order.json")
    assert judge(True, feed.message().encode()) is None
    assert judge(True, feed.message(type="hold").encode()) is not None
    assert judge(True, feed.message(is_admin=True).encode()) is not None


def test_the_key_of_the_handshake_is_one() -> None:
    assert len(accept_of(feed.HANDSHAKE.headers["Sec-WebSocket-Key"].encode())) == 28


def test_the_document_has_the_path_that_is_asked_for() -> None:
    assert feed.document()["paths"] == {feed.PATH: {"get": feed.document()["paths"][feed.PATH]["get"]}}  # type: ignore[index]
