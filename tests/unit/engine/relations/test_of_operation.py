from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from portcullis.engine.authentication.callers import UntoldCallersError
from portcullis.engine.config.model import AuthenticateSettings
from portcullis.engine.relations.of_operation import caller_types, relation_model


def context(*any_of: str) -> Any:
    return SimpleNamespace(
        settings=SimpleNamespace(
            public=False, authenticate=AuthenticateSettings.model_validate({"any_of": list(any_of)})
        ),
        configuration=SimpleNamespace(
            relations={"user": ["staff"], "order": {"owner": ["user"]}},
            identities={name: SimpleNamespace(api_key=None) for name in any_of},
        ),
        shared={},
    )


def test_relations_are_read_once_for_all_operations() -> None:
    made = context("staff")
    assert relation_model(made) is relation_model(made)
    assert relation_model(made).relations["order"] == ("owner",)


def test_callers_have_the_type_that_the_file_says() -> None:
    assert caller_types(context("staff")).names == {"user"}
    with pytest.raises(UntoldCallersError, match=r"say it in relations, as in user: \[web\]") as error:
        caller_types(context("staff", "web"))
    assert error.value.identity == "web"
