"""Roles and services as the file may say them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from portcullis.engine.config.callers import RoleConfig, ServiceConfig


def test_a_list_is_short_for_permissions() -> None:
    assert RoleConfig.model_validate(["orders:read"]) == RoleConfig(permissions=["orders:read"])


def test_one_subject_need_not_be_a_list() -> None:
    assert ServiceConfig.model_validate({"subjects": "spiffe://shop/a"}).subjects == ["spiffe://shop/a"]


def test_a_service_is_proven_as_somebody() -> None:
    with pytest.raises(ValidationError):
        ServiceConfig.model_validate({"subjects": []})


def test_what_a_service_may_call_is_an_api_or_an_operation() -> None:
    with pytest.raises(ValidationError):
        ServiceConfig.model_validate({"subjects": "a", "may_call": ["payments:/v1/charges"]})
