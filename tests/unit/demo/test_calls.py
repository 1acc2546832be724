"""The calls of the demo agree with its document and configuration."""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import yaml
from rows import rows

from portcullis.demo.bookshop import CUSTOMERS
from portcullis.demo.calls import CALLS, CONSUMERS, READER, VARIABLES, Call


@cache
def load(name: str) -> Any:
    return yaml.safe_load(files("portcullis.demo").joinpath(name).read_text("utf-8"))


def is_declared(call: Call) -> bool:
    path = urlsplit(call.path).path
    for template, methods in load("bookshop.yaml")["paths"].items():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and call.method.lower() in methods:
            return True
    return False


@rows("call", CALLS, ids=lambda call: call.name)
def test_a_call_to_an_operation_that_does_not_exist_is_refused_for_that(call: Call) -> None:
    assert is_declared(call) is (call.code not in ("guard.unknown_path", "guard.method_not_allowed"))


def test_what_the_demo_promises_to_show_is_among_the_calls() -> None:
    statuses = {call.status for call in CALLS}
    assert {200, 201, 400, 401, 403, 404, 405, 429} <= statuses
    assert len({call.name for call in CALLS}) == len(CALLS)


def test_refusals_have_a_code_and_the_rest_has_none() -> None:
    for call in CALLS:
        assert bool(call.code) is (call.status >= 400), call.name


def test_the_consumers_plans_and_roles_exist_and_the_burst_exceeds_its_plan() -> None:
    plans, roles = load("portcullis.yaml")["plans"], load("portcullis.yaml")["roles"]
    assert {consumer.plan for consumer in CONSUMERS} == set(plans)
    assert {role for consumer in CONSUMERS for role in consumer.roles} == set(roles)
    assert set(VARIABLES) == {consumer.name for consumer in CONSUMERS}
    (burst,) = [call for call in CALLS if call.times > 1]
    assert burst.consumer == READER
    assert burst.times > plans["reader"]["rate"]["burst"] + 1


def test_customers_of_the_shop_are_consumers_of_the_gateway() -> None:
    assert set(CUSTOMERS) <= {consumer.name for consumer in CONSUMERS}


def test_attacks_by_owasps_list_succeed_against_the_api_alone() -> None:
    attacks = [call for call in CALLS if call.risk]
    assert {call.risk for call in attacks} == {"API1:2023", "API3:2023", "API5:2023"}
    for call in attacks:
        assert call.bare_status in (200, 201, 204), call.name
        assert call.code or call.kept_back, call.name


def test_the_document_has_enough_to_play_with() -> None:
    document = load("bookshop.yaml")
    operations = [m for item in document["paths"].values() for m in item if m != "parameters"]
    assert document["openapi"].startswith("3.1")
    assert len(operations) >= 10


@rows("call", CALLS, ids=lambda call: call.name)
def test_a_printed_call_is_one_line_that_a_shell_reads_as_the_call(call: Call) -> None:
    line = call.curl("http://127.0.0.1:1/x")
    assert "\n" not in line
    words = shlex.split(re.sub(r"^for .* do (.*); done; echo$", r"\1", line))
    assert words[0] == "curl"
    assert words[-1] == "http://127.0.0.1:1/x" + call.path
    assert (f"X-API-Key: ${VARIABLES[call.consumer]}" in words) if call.consumer else "X-API-Key" not in line
    if call.body is not None:
        assert json.loads(words[words.index("-d") + 1]) == call.body


def test_a_bare_call_carries_no_key() -> None:
    assert "X-API-Key" not in CALLS[0].curl("http://127.0.0.1:1", bare=True)


def test_the_record_may_say_more_than_the_answer() -> None:
    (no_key,) = [call for call in CALLS if call.name == "No key"]
    assert (no_key.code, no_key.expected_record) == ("authenticate.failed", "authenticate.missing")


def test_a_code_of_what_was_changed_is_none_of_a_refusal() -> None:
    (everybodys,) = [call for call in CALLS if call.name == "Everybody's orders"]
    assert (everybodys.recorded, everybodys.expected_record) == ("objects.list_filtered", "")
