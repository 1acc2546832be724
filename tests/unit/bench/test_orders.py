from __future__ import annotations

import json

import jsonschema_rs
from bench.orders import ACCEPTED, CHECKED_OUT, ITEMS, ORDER_BYTES, ORDER_SCHEMA, STRIPPED, document, order
from openapi_spec_validator import validate


def test_the_order_has_its_size_and_fits_its_schema() -> None:
    assert len(order().encode()) == ORDER_BYTES == 850
    jsonschema_rs.Draft202012Validator(ORDER_SCHEMA, validate_formats=True).validate(json.loads(order()))


def test_the_document_is_openapi_and_the_upstreams_answers_fit_it() -> None:
    shop = document()
    validate(shop)
    paths = json.loads(json.dumps(shop))["paths"]
    for operation, status, answer in (
        (paths["/items"]["get"], "200", ITEMS),
        (paths["/orders"]["post"], "201", ACCEPTED),
        (paths["/checkouts"]["post"], "201", STRIPPED),
    ):
        schema = operation["responses"][status]["content"]["application/json"]["schema"]
        jsonschema_rs.Draft202012Validator(schema).validate(json.loads(answer))


def test_the_answer_to_a_checkout_has_one_field_that_is_not_declared() -> None:
    answered, declared = json.loads(CHECKED_OUT), json.loads(STRIPPED)

    assert {key: answered[key] for key in declared} == declared
    assert len(answered) == len(declared) + 1
