from __future__ import annotations

import pytest
from grpc_shop import Play
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.grpc.building import DEFAULT_MAX_MESSAGE

SECOND = 10**9


def test_a_call_with_one_message_has_the_bounds_of_one():
    operation = Play().operation("Get")
    assert (operation.trailers, operation.duplex, operation.stream) == (True, False, None)
    assert operation.max_body == operation.max_response == DEFAULT_MAX_MESSAGE + 5


def test_a_call_with_many_lasts_as_long_as_streams_do():
    operation = Play(api="stream: {idle: 5s, lifetime: 1m}").operation("Chat")
    assert (operation.trailers, operation.duplex) == (True, True)
    assert operation.stream is not None
    assert (operation.stream.idle_ns, operation.stream.lifetime_ns) == (5 * SECOND, 60 * SECOND)
    assert operation.max_body > 2**60
    assert Play(api="max_body: 1MiB").operation("Chat").max_body == 2**20
    assert Play({"max_message": 100}).operation("Get").max_body == 105


def test_other_apis_are_as_they_were():
    operation = Play(spec="shop.yaml").operation("GET /a")
    assert (operation.trailers, operation.duplex, operation.stream) == (False, False, None)


@rows(
    ("old", "new", "told"),
    [
        ("protocols: [h2]}\n    versions", "path: keep}\n    versions", "gRPC is spoken with services by HTTP/2"),
        (", protocols: [h2]}}\napis", "}}\napis", "clients speak gRPC by HTTP/2"),
    ],
)
def test_who_could_not_speak_it_is_told_so(old, new, told):
    play = Play()
    assert old in play.text
    play.text = play.text.replace(old, new)
    with pytest.raises(ConfigurationError, match=told):
        play.snapshot()
