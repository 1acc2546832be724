"""The phase as a whole: on unless it is turned off, and its steps in order."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "T", "version": "1"},
    "paths": {
        "/a": {
            "get": {},
            "post": {"requestBody": {"content": {"application/json": {"schema": {"type": "integer"}}}}},
        }
    },
}


@pytest.fixture(scope="module")
def shop(phase: Any) -> Any:
    return phase("specs/a.yaml", DOCUMENT)


@rows("validate", [None, {}, {"request": {}}, {"request": {"mode": "enforce"}}])
def test_validation_is_on_unless_it_is_turned_off(shop: Any, validate: Any) -> None:
    assert shop.call("GET /a?x=1", validate=validate).refusal is not None
    assert shop.call("GET /a", validate=validate).refusal is None


def test_an_operation_has_a_step_for_its_head_and_one_for_its_body_if_it_takes_one(shop: Any) -> None:
    get, post = shop.compile("GET /a"), shop.compile("POST /a")
    assert ([step.policy for step in get.head_steps], get.body_steps) == (["validate.request"], ())
    assert len(post.head_steps) == len(post.body_steps) == 1
    assert not post.head_steps[0].monitor


def test_monitored_steps_say_so(shop: Any) -> None:
    operation = shop.compile("POST /a", {"request": {"mode": "monitor"}})
    assert operation.head_steps[0].monitor
    assert operation.body_steps[0].monitor
