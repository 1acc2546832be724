from __future__ import annotations

from typing import Any

import pytest
from grpc_shop import Play, messages
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.decision import Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.grpc.framing import framed
from portcullis.testing import make_request

Order = messages()["Order"]
ATTACK = "<script>alert(1)</script>"
HEAD = {"te": "trailers", "content-type": "application/grpc"}


def step_of(name: str, needs: str, allow: str = "") -> Any:
    play = Play(api=f"inspect: {{injection: {{allow: [{allow}]}}}}")
    return play.steps(name, "inspect.injection")[needs]


@rows(
    ("order", "pointer"),
    [
        (Order(id=ATTACK), "/body/id"),
        (Order(items=[{}, {"name": ATTACK}]), "/body/items/1/name"),
        (Order(payload=ATTACK.encode()), "/body/payload"),
    ],
)
def test_a_text_is_found_wherever_it_stands(order, pointer):
    request = make_request("POST", "/a", HEAD, body=framed(order.SerializeToString()))
    decision = step_of("Get", "body").run(request, Facts())
    assert isinstance(decision, Refuse)
    assert decision.finding is not None
    assert (decision.code.name, decision.finding.pointer) == ("inspect.injection", pointer)


def test_what_is_allowed_there_passes():
    request = make_request("POST", "/a", HEAD, body=framed(Order(id=ATTACK).SerializeToString()))
    refused = step_of("Get", "body").run(request, Facts())
    pattern = refused.finding.found.split()[0]
    allow = f"{{pointer: /body/id, patterns: [{pattern}]}}"
    decision = step_of("Get", "body", allow).run(request, Facts())
    assert decision is None or decision.finding.found.split()[0] != pattern


def test_an_allowance_where_no_text_stands_is_a_mistake():
    with pytest.raises(ConfigurationError, match="no method's message has a text there"):
        step_of("Get", "body", "{pointer: /body/state, patterns: [xss-101]}")


def test_messages_that_stream_through_are_looked_at_one_by_one():
    scanner = step_of("Import", "stream").run(make_request("POST", "/a", HEAD), Facts())
    assert scanner.feed(framed(Order(id="a").SerializeToString())) is None
    bad = framed(Order(id=ATTACK).SerializeToString())
    assert scanner.feed(bad[:-1]) is None
    assert isinstance(scanner.feed(bad[-1:]), Refuse)
    assert scanner.end() is None


def test_what_is_no_message_is_not_its_business():
    for body in (b"\2", framed(b"\xff"), b"\0\0"):
        assert step_of("Get", "body").run(make_request("POST", "/a", HEAD, body=body), Facts()) is None
