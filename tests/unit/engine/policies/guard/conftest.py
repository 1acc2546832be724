"""An operation that is compiled for its guard phase alone."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from portcullis.engine.config.merge import effective
from portcullis.engine.config.model import ApiConfig
from portcullis.engine.operation import OperationContext

OPERATION: Any = SimpleNamespace(name="GET /orders")


@pytest.fixture(scope="session")
def context() -> Callable[..., OperationContext]:
    """Makes the context of an operation with these settings of its own, and those of its API."""

    def make(operation: dict[str, Any] | None = None, api: dict[str, Any] | None = None) -> OperationContext:
        shop = ApiConfig.model_validate(
            {
                "hosts": ["*"],
                "upstream": {"targets": ["http://127.0.0.1:1"]},
                "versions": {"v1": {"spec": "s.yaml"}},
                "operations": {OPERATION.name: operation or {}},
                **(api or {}),
            }
        )
        nothing: Any = None
        return OperationContext(
            configuration=nothing,
            api_name="shop",
            api=shop,
            version="v1",
            settings=effective(shop, shop.versions["v1"], OPERATION.name),
            document=nothing,
            operation=OPERATION,
            ports=nothing,
            where=("apis", "shop", "operations", OPERATION.name),
        )

    return make
