from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from rows import rows

from portcullis.engine.decision_points.declaring import DecisionPointConfig

OPA = {"kind": "opa", "url": "https://opa.example/v1/data/shop/allow"}
FGA = {"kind": "openfga", "url": "https://fga.example", "store": "01S"}


@rows(
    "said",
    [
        OPA,
        {**OPA, "url": "http://127.0.0.1:8181/base/v1/data/a"},
        {**OPA, "token": "env:T", "timeout": "500ms", "cache": {"allow": "1m", "deny": "0s", "entries": 5}},
        FGA,
        {**FGA, "model": "01M", "subjects": {"staff": "user"}},
        {"kind": "authzen", "url": "https://pdp.example"},
    ],
)
def test_what_can_be_said(said: dict[str, Any]) -> None:
    assert DecisionPointConfig.model_validate(said).kind == said["kind"]


@rows(
    ("said", "message"),
    [
        ({**OPA, "url": "https://opa.example/allow"}, "opa is asked for a document"),
        ({**OPA, "url": "https://opa.example/v1/data/"}, "opa is asked for a document"),
        ({**OPA, "url": "http://opa.example/v1/data/a"}, "plain http is for services on this machine only"),
        ({**OPA, "store": "01S"}, "store and model are of openfga"),
        ({**OPA, "token": "s3cret"}, "a secret is never written into the file"),
        ({**OPA, "timeout": "5s"}, "less than or equal to 4"),
        ({**OPA, "cache": {"allow": "1s"}}, "a no is remembered no longer than a yes"),
        ({"kind": "openfga", "url": "https://fga.example"}, "openfga needs the id of a store"),
        ({**FGA, "store": "a/b"}, "the id of a store or a model"),
        ({"kind": "cedar", "url": "https://x.example"}, "Input should be"),
    ],
)
def test_what_can_not_be_said(said: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        DecisionPointConfig.model_validate(said)
    assert message in str(error.value)
    assert "s3cret" not in str(error.value.errors(include_input=False))
