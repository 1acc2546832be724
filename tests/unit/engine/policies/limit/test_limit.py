from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import pytest

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.exchange import Exchange
from portcullis.engine.operation import OperationContext
from portcullis.engine.policies.limit import compile_phase
from portcullis.engine.ports import Taken
from portcullis.testing import FakeCounters

Context = Callable[..., OperationContext]
Call = Callable[..., Exchange]
FREE = {"plan": "free"}
ALICE = {"consumer": "alice"}
A = ("shop", "v1", "GET /a")


def shared(first: OperationContext, second: OperationContext, call: Call) -> bool:
    """Whether a call of the first operation counts for the second."""
    assert call(first, ALICE).refusal is None
    return call(second, ALICE).refusal is not None


@pytest.mark.parametrize("other", [("shop", "v1", "POST /b"), ("shop", "v2", "GET /a")])
def test_a_plan_named_by_an_api_is_counted_over_all_its_operations(
    context: Context, call: Call, other: tuple[str, str, str]
) -> None:
    assert shared(context(FREE, at=A), context(FREE, at=other), call)


def test_apis_do_not_share_counters(context: Context, call: Call) -> None:
    assert not shared(context(FREE, at=A), context(FREE, at=("blog", "v1", "GET /a")), call)


def test_a_plan_named_by_a_version_is_counted_over_that_version(context: Context, call: Call) -> None:
    api = {"versions": {version: {"spec": "s.yaml", "limit": FREE} for version in ("v1", "v2")}}
    first = context(FREE, api=api, at=A)
    assert shared(first, context(FREE, api=api, at=("shop", "v1", "POST /b")), call)
    assert call(context(FREE, api=api, at=("shop", "v2", "GET /a")), ALICE).refusal is None


def test_a_plan_named_by_an_operation_is_counted_for_it_alone_in_all_versions(context: Context, call: Call) -> None:
    api = {
        "limit": FREE,
        "versions": {version: {"spec": "s.yaml"} for version in ("v1", "v2")},
        "operations": {"GET /a": {"limit": FREE}},
    }
    assert shared(context(FREE, api=api, at=A), context(FREE, api=api, at=("shop", "v2", "GET /a")), call)
    assert call(context(FREE, api=api, at=("shop", "v1", "POST /b")), ALICE).refusal is None


def test_a_plan_named_by_an_operation_of_a_version_is_counted_there_alone(context: Context, call: Call) -> None:
    of_version = {"spec": "s.yaml", "operations": {"GET /a": {"limit": FREE}}}
    api = {"versions": {"v1": of_version, "v2": of_version}, "operations": {"GET /a": {"limit": FREE}}}
    assert not shared(context(FREE, api=api, at=A), context(FREE, api=api, at=("shop", "v2", "GET /a")), call)


def test_an_operation_that_changes_only_the_mode_goes_on_with_the_apis_counter(context: Context, call: Call) -> None:
    api = {"limit": FREE, "operations": {"GET /a": {"limit": {"mode": "monitor"}}}}
    first = context({"plan": "free", "mode": "monitor"}, api=api, at=A)
    assert shared(first, context(FREE, api=api, at=("shop", "v1", "POST /b")), call)


class Keys(FakeCounters):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[bytes] = []

    def take(self, key: bytes, interval_ns: int, burst: int, now_ns: int) -> Taken:
        self.seen.append(key)
        return super().take(key, interval_ns, burst, now_ns)


@pytest.fixture
def counters() -> Keys:
    return Keys()


def strange() -> Iterator[tuple[tuple[str, str, str], str, dict[str, str]]]:
    """Places, plans and callers whose names look like each other's keys."""
    names = ["a", "a/", "/a", "a/b", "a%2F", "a%252F", "é", "a\0", "consumer/a", "", "x" * 600, "x" * 601]
    yield from (((*A[:2], "GET /a"), "p", {"consumer": name}) for name in names)
    yield from (
        ((*A[:2], f"GET /a{name}/"), "p", {"consumer": "b"}) for name in names if name.isascii() and name.isprintable()
    )
    for name in ("a", "aa", "a-", "a-a"):
        yield (name, "v1", "GET /a"), "p", {"consumer": "c"}
        yield ("shop", name, "GET /a"), "p", {"consumer": "c"}
        yield A, name, {"consumer": "c"}
    yield A, "p", {"subject": "consumer/a"}
    yield A, "p", {"address": "a"}


def test_no_two_counters_have_the_same_key_and_every_key_is_short(context: Context, call: Call, counters: Keys) -> None:
    for at, plan, caller in strange():
        api = {"versions": {at[1]: {"spec": "s.yaml", "operations": {at[2]: {"limit": {"plan": plan}}}}}}
        plans = {plan: {"rate": {"requests": 1, "per": "day"}}}
        assert call(context({"plan": plan}, plans=plans, api=api, at=at), caller).refusal is None
    assert all(first != second for first, second in combinations(counters.seen, 2))
    assert max(map(len, counters.seen)) <= 512


def test_a_key_can_be_read(context: Context, call: Call, counters: Keys) -> None:
    call(context(FREE), ALICE)
    assert counters.seen == [b"rate/shop///free/60000000000x1/consumer/alice"]


@pytest.mark.parametrize("limit", [None, {"plan": "free", "mode": "off"}, {"mode": "off"}])
def test_without_a_limit_there_is_no_step(context: Context, limit: object) -> None:
    assert compile_phase(context(limit)) == ()


def test_each_kind_of_limit_is_one_step(context: Context) -> None:
    [step] = compile_phase(context({"plan": "free", "mode": "monitor"}))
    assert (step.policy, step.needs, step.monitor) == ("limit.rate", "head", True)


@pytest.mark.parametrize(
    ("limit", "public", "problem"),
    [
        ({"plan": "fre"}, None, r"apis\.shop\.limit\.plan: there is no plan 'fre' \(plans: free\)"),
        ({"plan": {"of": "consumer"}, "default_plan": "fre"}, None, r"limit\.default_plan: there is no plan 'fre'"),
        ({"by": "address"}, None, "a limit without a plan limits nothing"),
        ({"plan": {"of": "consumer"}}, True, "callers of a public operation are no consumers"),
    ],
)
def test_a_limit_that_can_not_hold_is_an_error(
    context: Context, limit: dict[str, Any], public: bool | None, problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        compile_phase(context(limit, public=public))


def test_all_errors_are_told_at_once(context: Context) -> None:
    with pytest.raises(ConfigurationError) as caught:
        compile_phase(context({"plan": "a", "default_plan": "b"}, plans={}))
    assert [diagnostic.hint for diagnostic in caught.value.diagnostics] == ["plans: none is declared yet"] * 2


def test_a_public_operation_may_have_a_default_plan(context: Context, call: Call) -> None:
    limited = context({"plan": {"of": "consumer"}, "default_plan": "free"}, public=True)
    assert call(limited, {"address": "192.0.2.1"}).refusal is None
    assert call(limited, {"address": "192.0.2.1"}).refusal is not None
