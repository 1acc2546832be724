from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from rows import rows

from portcullis.engine.authentication.dpop import Dpop, DpopSettings, check_place, is_for_a_key

READ: TypeAdapter[DpopSettings] = TypeAdapter(Dpop)


def test_one_word_is_enough() -> None:
    assert READ.validate_python("allowed") == DpopSettings(mode="allowed")
    assert READ.validate_python({"max_age": "30s"}).mode == "required"


@rows(
    "said",
    [
        *("maybe", None, 7, {"mode": "off"}, {"algorithms": ["HS256"]}, {"algorithms": ["none"]}, {"algorithms": []}),
        *({"htu": ["api.shop.example"]}, {"htu": ["https://API.shop.example"]}, {"htu": ["https://shop.example/path"]}),
        *({"htu": ["https://user@shop.example"]}, {"max_age": "2h"}, {"nonce": "1s"}, {"leeway": "1h"}),
    ],
)
def test_a_mistake_is_told(said: Any) -> None:
    with pytest.raises(ValidationError):
        READ.validate_python(said)


def test_an_origin_may_have_a_port_and_be_an_address() -> None:
    origins = ["https://shop.example", "http://127.0.0.1:8080", "https://[2001:db8::1]:8443"]
    assert READ.validate_python({"htu": origins}).htu == origins


@rows(
    "cnf", [None, 7, "jkt", [], {}, {"jkt": None}, {"jkt": 7}, {"jkt": ""}, {"jkt": "a", "x5t#S256": "b"}, {"jwk": {}}]
)
def test_a_token_that_is_bound_to_no_key_alone(cnf: Any) -> None:
    assert not is_for_a_key({"cnf": cnf})


def test_a_token_that_is_bound_to_a_key() -> None:
    assert is_for_a_key({"cnf": {"jkt": "a"}})
    assert not is_for_a_key({})


@rows(("header", "cookie"), [(None, "a"), ("X-Token", None), ("Authorization", "a")])
def test_such_tokens_are_in_authorization_only(header: str | None, cookie: str | None) -> None:
    check_place(None, header, cookie)
    check_place(DpopSettings(), "authorization", None)
    with pytest.raises(ValueError, match="in Authorization"):
        check_place(DpopSettings(), header, cookie)
