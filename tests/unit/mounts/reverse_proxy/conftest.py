"""A small gateway for playbooks: operations made by hand, so that only the proxy is under test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest

from portcullis.engine.config.model import Configuration
from portcullis.engine.facts import allowed
from portcullis.engine.operation import Operation
from portcullis.engine.policy import Needs, Step
from portcullis.engine.routing import RouteIndex
from portcullis.engine.snapshot import HostRoutes, Snapshot
from portcullis.testing import Playbook

Steps = dict[str, list[tuple[Needs, Any] | tuple[Needs, Any, Literal["monitor"]]]]


def configuration(**upstream: Any) -> Configuration:
    return Configuration.model_validate(
        {
            "listeners": {"public": {"bind": "127.0.0.1:0"}},
            "process": {"buffer_memory": 200_000, "buffer_memory_per_address": 200_000},
            "apis": {
                "shop": {
                    "hosts": ["shop"],
                    "upstream": {"targets": ["http://127.0.0.1:9000"], **upstream},
                    "versions": {"v1": {"spec": "shop.yaml"}},
                }
            },
        }
    )


def snapshot(steps: Steps, rules: dict[str, Any] | None = None, **upstream: Any) -> Snapshot:
    """Operations GET, HEAD, POST and PUT of /a; ``steps`` by method; ``rules``: fields of all operations."""

    def operation(method: str) -> Operation:
        made = [
            Step(f"test.{number}", needs, run, monitor=bool(mode), allowed=allowed(f"test.{number}"))
            for number, (needs, run, *mode) in enumerate(steps.get(method, []))
        ]
        return Operation(
            api="shop",
            version="v1",
            name=f"{method} /a",
            max_body=100_000,
            upstream="shop",
            upstream_path=str,
            max_response=10_000,
            **(rules or {}),
            **{
                f"{needs}_steps": tuple(step for step in made if step.needs == needs)
                for needs in ("head", "body", "stream", "before", "response_head", "response_body", "answer")
            },
        )

    operations = {method: operation(method) for method in ("GET", "HEAD", "POST", "PUT")}
    return Snapshot(
        configuration=configuration(**upstream),
        hosts={"shop": HostRoutes(RouteIndex([("/a", operations)]))},
        suffixes={},
        any_host=None,
        operations=tuple(operations.values()),
    )


@pytest.fixture(scope="session")
def play() -> Callable[..., Playbook]:
    """A playbook; steps by method, as ``POST=[("body", run), ("head", other, "monitor")]``.

    ``rules``: fields of the operations; ``upstream``: settings of the upstream; ``kind``: makes the playbook.
    """

    def make(
        upstream: dict[str, Any] | None = None,
        rules: dict[str, Any] | None = None,
        kind: Callable[[Snapshot], Playbook] = Playbook,
        **steps: Any,
    ) -> Playbook:
        return kind(snapshot(steps, rules, **(upstream or {})))

    return make
