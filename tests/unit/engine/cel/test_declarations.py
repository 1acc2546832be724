from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rows import rows

from portcullis.engine.cel.calls import LiteralError
from portcullis.engine.cel.conversions import type_of
from portcullis.engine.cel.declarations import DECLARATIONS, FUNCTIONS, STAGES, VARIABLES, stage_of
from portcullis.engine.cel.errors import TooCostlyError
from portcullis.engine.cel.situation import Situation
from portcullis.engine.cel.wording import STANDARD_FUNCTIONS
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Consumer, Identity
from portcullis.engine.response import ResponseView
from portcullis.testing.requests import make_request

TYPE_NAMES = {"timestamp": "google.protobuf.Timestamp"}


def situation(identity: Identity | None = None, target: str = "/orders?limit=5", **headers: str) -> Situation:
    fields = {"Host": "shop", "Content-Type": "application/json", **headers}
    request = make_request("POST", target, fields, body=b"[1]")
    facts = Facts()
    if identity is not None:
        facts.identify(identity)
    response = ResponseView(request, 201, (), {b"content-type": b"application/json"}, has_body=True, body=b"[2]")
    return Situation(request=request, facts=facts, wall_s=lambda: 1.0, response=response)


@rows("name", list(VARIABLES))
def test_every_name_has_a_value_of_the_type_that_is_declared(name: str) -> None:
    variable = VARIABLES[name]
    asked = situation(Identity("jwt", "alice", consumer=Consumer("staff:alice")))
    asked.document = [0] if name.endswith(".body") else asked.document
    value = variable.read(asked)
    declared = variable.type.name
    assert declared == "dyn" or type_of(value).name == TYPE_NAMES.get(declared, declared)


def test_names_are_declared_once_and_none_is_the_beginning_of_another() -> None:
    names = [name for name, _ in DECLARATIONS.variables]
    assert len(set(names)) == len(names)
    assert not [(one, other) for one in names for other in names if other.startswith(f"{one}.")]


@rows(
    ("name", "stage"),
    [
        ("identity.claims", "head"),
        ("context.time", "head"),
        ("request.headers", "head"),
        ("request.body", "body"),
        ("response.status", "response_head"),
        ("response.headers", "response_head"),
        ("response.body", "response_body"),
    ],
)
def test_a_name_has_a_meaning_from_a_stage_on(name: str, stage: Any) -> None:
    assert stage_of(name) == stage
    assert stage in STAGES


def test_roles_are_those_that_somebody_holds() -> None:
    asked = situation(Identity("jwt", "a", consumer=Consumer("a", roles=frozenset({"boss"}))))
    asked.held = lambda given: given | {"clerk"}
    roles = VARIABLES["identity.roles"]
    assert roles.read(asked) == ["boss", "clerk"]
    assert roles.members is not None
    assert "clerk" in roles.members(asked)


@rows("name", ["X-Region", "x region", "", "ä", "x:y"])
def test_a_header_field_is_named_in_lower_case(name: str) -> None:
    for variable in ("request.headers", "response.headers"):
        for make in (VARIABLES[variable].entry, VARIABLES[variable].has):
            assert make is not None
            with pytest.raises(LiteralError):
                make(name)


def test_what_is_read_anew_each_time_takes_steps() -> None:
    asked = situation(target="/?" + "a=1&" * 900 + "b=2")
    entry = VARIABLES["request.query"].entry
    assert entry is not None
    read = entry("b")
    assert read(asked) == ["2"]
    asked.steps = 100
    with pytest.raises(TooCostlyError):
        read(asked)
    for name in ("request.query", "request.headers"):
        before = asked.steps = 1000
        VARIABLES[name].read(asked)
        assert asked.steps < before


def test_functions_are_declared_with_their_types() -> None:
    assert [function.usage for function in FUNCTIONS] == [
        "ip_in(string, string)",
        "string.lowerAscii()",
        "string.upperAscii()",
        "string.split(string)",
    ]


def test_the_page_names_all_that_is_declared() -> None:
    page = (Path(__file__).parents[4] / "docs/conditions.md").read_text(encoding="utf-8")
    for name, declared in DECLARATIONS.variables:
        assert f"| `{name}` | {declared} |" in page
    for name in (*STANDARD_FUNCTIONS, *(function.name for function in FUNCTIONS)):
        assert f"`{name}" in page, name
