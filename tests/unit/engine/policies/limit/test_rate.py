from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.config.values import parse_duration
from portcullis.engine.exchange import Exchange
from portcullis.engine.facts import Facts, Verdict
from portcullis.engine.operation import OperationContext
from portcullis.engine.policies.limit import Scope
from portcullis.engine.policies.limit.rate import POLICY, RateConfig, compile_rate
from portcullis.testing import FakeClock, FakeCounters

CASES = cases_of("limit/rate")["cases"]
OUTCOMES = {"refused": "refuse", "would_refuse": "would_refuse", "error": "error"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(
    case: dict[str, Any],
    context: Callable[..., OperationContext],
    call: Callable[..., Exchange],
    clock: FakeClock,
    counters: FakeCounters,
) -> None:
    counters.broken = case.get("store") == "broken"
    limited = context(case["limit"], plans=case["plans"])
    for step in case["calls"]:
        clock.advance(parse_duration(step.get("after", "0s")))
        exchange = call(limited, step.get("from", {"consumer": "alice"}))
        if "fields" in step:
            told = {name.decode(): value.decode() for name, value in exchange.facts.response_fields}
            assert told == step["fields"]
        expected = {outcome: step[key] for key, outcome in OUTCOMES.items() if key in step}
        assert {verdict.outcome for verdict in exchange.facts.verdicts} == expected.keys()
        assert (exchange.refusal is not None) == ("refuse" in expected)
        for outcome, wanted in expected.items():
            [verdict] = [verdict for verdict in exchange.facts.verdicts if verdict.outcome == outcome]
            check(verdict, exchange, wanted)


def check(verdict: Verdict, exchange: Exchange, wanted: dict[str, Any]) -> None:
    assert (verdict.policy, verdict.code) == (POLICY.name, wanted["code"])
    assert verdict.detail == wanted.get("detail", verdict.detail)
    assert verdict.finding is not None
    for name in ("found", "allowed", "source"):
        assert getattr(verdict.finding, name) == wanted.get(name, getattr(verdict.finding, name))
    if exchange.refusal is not None:
        assert exchange.refusal.code.status == wanted.get("status", exchange.refusal.code.status)
        if "retry_after" in wanted:
            assert exchange.refusal.fields == ((b"retry-after", b"%d" % wanted["retry_after"]),)


def test_every_code_has_a_case() -> None:
    told = {step[key]["code"] for case in CASES for step in case["calls"] for key in OUTCOMES if key in step}
    assert told == {code.name for code in POLICY.codes}


@rows(
    ("per", "seconds"),
    [("second", 1), ("minute", 60), ("hour", 3600), ("day", 86400), ("10s", 10), ("15m", 900), ("7d", 604800)],
)
def test_a_period_is_a_word_or_whole_seconds(per: str, seconds: int) -> None:
    assert RateConfig.model_validate({"requests": 1, "per": per}).per == seconds


@rows("per", ["500ms", "1.5s", "0s", "367d", "week", "", " minute", "minute\n", "10", "10s\n", "٣s", 60, None, "-1s"])
def test_what_is_no_period_is_an_error(per: object) -> None:
    with pytest.raises(ValidationError, match="second, minute, hour, day, or whole seconds"):
        RateConfig.model_validate({"requests": 1, "per": per})


@rows(
    ("config", "problem"),
    [
        ({"requests": 0, "per": "second"}, "greater than or equal to 1"),
        ({"requests": 1, "per": "second", "burst": 0}, "greater than or equal to 1"),
        ({"requests": 1_000_001, "per": "second"}, "a million requests a second"),
        ({"requests": 1, "per": "day", "burst": 367}, "more than a year"),
        ({"requests": 10**30, "per": "day"}, "a million requests a second"),
        ({"requests": 1, "per": "day", "burst": 10**30}, "more than a year"),
        ({"requests": 1, "per": "day", "bursts": 1}, "Extra inputs"),
        ({"per": "day"}, "Field required"),
    ],
)
def test_a_rate_that_can_not_be_counted_is_an_error(config: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        RateConfig.model_validate(config)


@rows("rate", [(10**6, "second", 10**6 * 366 * 86400), (1, "366d", 1), (366, "day", 366 * 366)])
def test_the_extreme_rates_fit_into_a_counter(rate: tuple[int, str, int]) -> None:
    config = RateConfig.model_validate(dict(zip(("requests", "per", "burst"), rate, strict=True)))
    clock, facts = FakeClock(now_ns=2**61), Facts()
    meter = compile_rate(config, Scope("free", b"", True, FakeCounters(), clock))
    assert meter(b"alice", facts) is None
    interval = config.per * 10**9 // config.requests
    assert clock.now_ns() + config.at_once * (interval + 1) < 2**63
    numbers = [int(digits) for _, value in facts.response_fields for digits in re.findall(r"=(\d+)", value.decode())]
    assert max(numbers) < 10**15


@rows(
    ("config", "text"),
    [
        ({"requests": 60, "per": "minute"}, "60 requests per minute, 60 at once"),
        ({"requests": 1, "per": "10s", "burst": 3}, "1 request per 10 seconds, 3 at once"),
        ({"requests": 2, "per": "60m"}, "2 requests per hour, 2 at once"),
    ],
)
def test_a_rate_tells_itself_in_words(config: dict[str, Any], text: str) -> None:
    assert str(RateConfig.model_validate(config)) == text


def test_editors_are_told_of_the_words_and_of_durations() -> None:
    words, durations = TypeAdapter(RateConfig).json_schema()["properties"]["per"]["anyOf"]
    assert words["enum"] == ["second", "minute", "hour", "day"]
    assert durations["pattern"]


def test_a_plan_whose_rate_changed_begins_with_new_counters() -> None:
    counters, clock = FakeCounters(), FakeClock()
    for requests in (1, 2):
        config = RateConfig.model_validate({"requests": requests, "per": "day"})
        meter = compile_rate(config, Scope("free", b"", True, counters, clock))
        assert meter(b"alice", Facts()) is None
