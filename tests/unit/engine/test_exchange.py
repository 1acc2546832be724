"""The life of one exchange: what steps decide, and what becomes of it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from portcullis.engine.codes import CLIENT_ABORTED, INTERNAL, UNKNOWN_PATH, Code
from portcullis.engine.decision import Finding, Modify, Refuse
from portcullis.engine.exchange import Exchange
from portcullis.engine.facts import Facts, allowed
from portcullis.engine.identity import Consumer, Identity
from portcullis.engine.operation import UNROUTED, Operation
from portcullis.engine.policy import Step
from portcullis.engine.request import RequestView
from portcullis.testing import make_request

NO_ENTRY = Code("authorize.no_entry", 403, "No entry")
TOO_MUCH = Code("limit.too_much", 429, "Too much")
MILLISECOND = 1_000_000


def step(run: Callable[..., Any], *, policy: str = "test.step", monitor: bool = False, needs: Any = "head") -> Step:
    return Step(policy, needs, run, monitor, allowed(policy))


def says(decision: object) -> Callable[[RequestView, Facts], Any]:
    return lambda _request, _facts: decision


def fails(_request: RequestView, _facts: Facts) -> None:
    raise KeyError("sk_live_of_the_caller")


def exchange(*head: Step, body: tuple[Step, ...] = (), request: RequestView | None = None) -> Exchange:
    made = Exchange(request or make_request("GET", "/orders"), "a" * 32, "b" * 32, 1000 * MILLISECOND, 1764000000.25)
    made.request.operation = Operation("shop", "v1", "GET /orders", head, body, 1024, "shop", str)
    return made


def decided(outcome: Refuse | Awaitable[Refuse | None] | None) -> Refuse | None:
    assert outcome is None or isinstance(outcome, Refuse), "nothing here needs to be awaited"
    return outcome


def outcomes(made: Exchange) -> list[tuple[str, str, str]]:
    return [(verdict.policy, verdict.outcome, verdict.code) for verdict in made.facts.verdicts]


def test_an_exchange_that_was_not_routed_decides_nothing_and_is_recorded_without_an_operation() -> None:
    made = Exchange(make_request(), "a" * 32, "b" * 32, 0, 0.0)
    assert made.request.operation is UNROUTED
    assert made.decide_head() is None
    record = made.record(0)
    assert (record.api, record.version, record.operation) == ("", "", "")


def test_without_steps_everything_is_allowed_and_nothing_is_said() -> None:
    made = exchange()
    assert made.decide_head() is None
    assert made.decide_body(b"{}") is None
    assert outcomes(made) == []


def test_steps_run_in_order_and_each_leaves_its_verdict() -> None:
    made = exchange(step(says(None), policy="a.one"), step(says(None), policy="b.two"))
    assert made.decide_head() is None
    assert outcomes(made) == [("a.one", "allow", ""), ("b.two", "allow", "")]


def test_a_step_without_a_verdict_of_its_own_leaves_none() -> None:
    made = exchange(Step("a.one", "head", says(None)))
    assert made.decide_head() is None
    assert outcomes(made) == []


def test_the_first_refusal_ends_the_exchange_and_later_steps_do_not_run() -> None:
    ran = []
    refusal = Refuse(NO_ENTRY)
    made = exchange(step(says(refusal), policy="a.one"), step(lambda *_: ran.append(1)))
    assert decided(made.decide_head()) is refusal
    assert made.refusal is refusal
    assert ran == []
    assert outcomes(made) == [("a.one", "refuse", "authorize.no_entry")]


def test_a_second_refusal_changes_nothing() -> None:
    made = exchange()
    first = made.refuse(Refuse(UNKNOWN_PATH))
    assert made.refuse(Refuse(NO_ENTRY)) is first
    assert outcomes(made) == [("guard", "refuse", "guard.unknown_path")]


def test_a_refusal_that_no_policy_made_is_put_down_to_the_phase_of_its_code() -> None:
    made = exchange()
    made.refuse(Refuse(TOO_MUCH))
    assert made.facts.verdicts[0].policy == "limit"


def test_a_monitored_refusal_is_recorded_and_the_exchange_goes_on() -> None:
    made = exchange(step(says(Refuse(NO_ENTRY)), policy="a.one", monitor=True), step(says(None), policy="b.two"))
    assert made.decide_head() is None
    assert made.refusal is None
    assert outcomes(made) == [("a.one", "would_refuse", "authorize.no_entry"), ("b.two", "allow", "")]


@pytest.mark.parametrize("monitor", [False, True])
def test_a_step_that_fails_refuses_unless_it_is_monitored(monitor: bool) -> None:
    made = exchange(step(fails, policy="a.one", monitor=monitor), step(says(None), policy="b.two"))
    refusal = decided(made.decide_head())
    assert (refusal is None) == monitor
    assert outcomes(made)[0] == ("a.one", "error", "guard.internal")
    assert len(outcomes(made)) == (2 if monitor else 1)


def test_why_a_step_failed_is_recorded_but_never_what_the_error_says() -> None:
    made = exchange(step(fails))
    refusal = decided(made.decide_head())
    assert refusal is not None
    assert refusal.code is INTERNAL
    assert refusal.detail == ""
    finding = made.facts.verdicts[0].finding
    assert finding is not None
    assert finding.found == "KeyError"
    assert finding.source == f"{__name__}:{inspect.getsourcelines(fails)[1] + 1}"
    assert "sk_live" not in repr(made.facts.verdicts)


@pytest.mark.parametrize("nonsense", [True, 1, "allow", b"", (), Refuse, object()])
async def test_a_decision_that_is_none_refuses(nonsense: object) -> None:
    made = exchange(step(says(nonsense)))
    pending = made.decide_head()
    assert inspect.isawaitable(pending)
    refusal = await pending
    assert refusal is not None
    assert refusal.code is INTERNAL


@pytest.mark.parametrize("nonsense", [True, "allow", Refuse, object()])
async def test_an_awaited_decision_that_is_none_refuses(nonsense: object) -> None:
    async def late(_request: RequestView, _facts: Facts) -> Any:
        return nonsense

    made = exchange(step(late))
    pending = made.decide_head()
    assert inspect.isawaitable(pending)
    refusal = await pending
    assert refusal is not None
    assert refusal.code is INTERNAL
    assert outcomes(made) == [("test.step", "error", "guard.internal")]


async def test_a_step_may_wait_and_the_steps_after_it_run_then() -> None:
    door: asyncio.Future[Refuse | None] = asyncio.get_running_loop().create_future()
    refusal = Refuse(TOO_MUCH)
    made = exchange(
        step(says(None), policy="a.one"),
        step(says(door), policy="b.two"),
        step(says(refusal), policy="c.three"),
        step(fails, policy="d.four"),
    )
    pending = made.decide_head()
    assert inspect.isawaitable(pending)
    assert outcomes(made) == [("a.one", "allow", "")]
    door.set_result(None)
    assert await pending is refusal
    assert [policy for policy, *_ in outcomes(made)] == ["a.one", "b.two", "c.three"]


async def test_two_steps_that_wait_are_awaited_one_after_the_other() -> None:
    order = []

    def waits(name: str) -> Callable[[RequestView, Facts], Awaitable[None]]:
        async def run(_request: RequestView, _facts: Facts) -> None:
            order.append(name)

        return run

    pending = exchange(step(waits("one")), step(waits("two")), step(says(None))).decide_head()
    assert inspect.isawaitable(pending)
    assert await pending is None
    assert order == ["one", "two"]


@pytest.mark.parametrize("monitor", [False, True])
async def test_a_step_that_fails_while_waiting_refuses_unless_it_is_monitored(monitor: bool) -> None:
    async def late(_request: RequestView, _facts: Facts) -> None:
        raise OSError("store away")

    made = exchange(step(late, monitor=monitor), step(says(None), policy="b.two"))
    pending = made.decide_head()
    assert inspect.isawaitable(pending)
    assert ((await pending) is None) == monitor
    assert outcomes(made)[0] == ("test.step", "error", "guard.internal")


async def test_cancelling_a_wait_is_no_failure_of_the_step() -> None:
    door: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    made = exchange(step(says(door)))
    pending = made.decide_head()
    assert inspect.isawaitable(pending)
    task = asyncio.ensure_future(pending)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert outcomes(made) == []


def test_body_steps_see_the_whole_body() -> None:
    seen = []
    made = exchange(body=(step(lambda request, _: seen.append(request.body)),))
    assert made.request.body is None
    made.decide_body(b'{"a":1}')
    assert seen == [b'{"a":1}']


def test_a_body_step_may_replace_the_body_and_later_steps_see_the_new_one() -> None:
    seen = []
    made = exchange(body=(step(says(Modify(body=b"new"))), step(lambda request, _: seen.append(request.body))))
    assert made.decide_body(b"old") is None
    assert seen == [b"new"]
    assert made.body == b"new"


def test_a_body_that_was_not_read_can_not_be_replaced() -> None:
    made = exchange(step(says(Modify(body=b"new"))))
    refusal = decided(made.decide_head())
    assert refusal is not None
    assert refusal.code is INTERNAL
    assert made.body is None


def test_what_a_monitored_step_would_change_is_not_changed() -> None:
    change = Modify(((b"x-a", b"1"),), frozenset({b"x-b"}), None, "q=1")
    made = exchange(step(says(change), monitor=True))
    assert made.decide_head() is None
    assert (made.set_fields, made.removed_fields, made.query) == (None, frozenset(), None)


def test_changes_of_several_steps_add_up_and_the_later_one_counts() -> None:
    made = exchange(
        step(says(Modify(((b"x-a", b"1"), (b"x-b", b"1")), query="a=1"))),
        step(says(Modify(((b"x-a", b"2"),), frozenset({b"x-c"}), None, ""))),
        step(says(Modify(remove_fields=frozenset({b"x-b"})))),
    )
    assert made.decide_head() is None
    assert made.set_fields == {b"x-a": b"2"}
    assert {b"x-b", b"x-c"} <= made.removed_fields
    assert made.query == ""


def test_what_a_single_step_removes_stays_one_object_for_mounts_to_recognise() -> None:
    change = Modify(remove_fields=frozenset({b"x-api-key"}))
    made = exchange(step(says(change)))
    made.decide_head()
    assert made.removed_fields is change.remove_fields


def test_a_step_that_replaces_a_field_it_removes_sets_it() -> None:
    made = exchange(step(says(Modify(((b"x-a", b"1"),), frozenset({b"x-a"})))))
    made.decide_head()
    assert made.set_fields == {b"x-a": b"1"}


def test_a_client_can_not_say_with_underscores_what_a_step_sets() -> None:
    request = make_request(headers={"X_Consumer": "root", "X-Consumer_Id": "0", "X_Other": "1"})
    made = exchange(step(says(Modify(((b"x-consumer", b"bob"), (b"x-consumer-id", b"7"))))), request=request)
    assert made.decide_head() is None
    assert {b"x_consumer", b"x-consumer_id"} <= made.removed_fields
    assert b"x_other" not in made.removed_fields


def test_the_record_of_an_allowed_exchange() -> None:
    consumer = Consumer("acme", "gold")
    made = exchange(step(says(None)))
    made.facts.identify(Identity("api_key", "acme", "k1", frozenset(), consumer))
    made.decide_head()
    made.status = made.upstream_status = 200
    made.upstream, made.upstream_ns = "http://127.0.0.1:9000", 3 * MILLISECOND
    made.bytes_in, made.bytes_out = 10, 20
    record = made.record(1005 * MILLISECOND)
    assert (record.time, record.decision, record.code) == ("2025-11-24T16:00:00.250000Z", "allow", "")
    assert (record.request_id, record.trace_id, record.client) == ("a" * 32, "b" * 32, "192.0.2.1")
    assert (record.api, record.version, record.operation) == ("shop", "v1", "GET /orders")
    assert (record.consumer, record.identity, record.credential) == ("acme", "acme", "k1")
    assert (record.status, record.upstream_status, record.bytes_in, record.bytes_out) == (200, 200, 10, 20)
    assert (record.us_total, record.us_upstream, record.us_gateway) == (5000, 3000, 2000)
    assert list(record.verdicts) == [allowed("test.step")]


def test_the_record_of_a_refused_exchange_names_the_exact_code() -> None:
    exact = Code("authenticate.expired", 401, "Expired", Code("authenticate.failed", 401, "Failed"))
    made = exchange(step(says(Refuse(exact, "No.", Finding("/header/x-api-key", "key k1")))))
    made.decide_head()
    record = made.record(1000 * MILLISECOND)
    assert (record.decision, record.code, record.consumer) == ("refuse", "authenticate.expired", "")
    assert record.verdicts[0].finding == Finding("/header/x-api-key", "key k1")


def test_the_record_of_an_exchange_whose_client_went_away() -> None:
    made = exchange()
    made.refuse(Refuse(CLIENT_ABORTED))
    assert made.record(1000 * MILLISECOND).decision == "abort"


def test_the_record_holds_no_credential_of_the_target() -> None:
    made = exchange(request=make_request("GET", "/orders?api_key=topsecret"))
    assert made.record(1000 * MILLISECOND).target == "/orders?api_key=***"


@pytest.mark.parametrize(("ended", "upstream"), [(1005, 9), (990, 0), (1000, 3)])
def test_no_duration_in_a_record_is_negative(ended: int, upstream: int) -> None:
    made = exchange()
    made.upstream_ns = upstream * MILLISECOND
    record = made.record(ended * MILLISECOND)
    assert min(record.us_total, record.us_upstream, record.us_gateway) >= 0
    assert record.us_upstream + record.us_gateway == record.us_total


class Silent:
    """Scans, and has nothing against anything."""

    def feed(self, _data: bytes) -> None:
        """Allow."""

    def end(self) -> None:
        """Allow."""


def streaming(*steps: Step, coding: bytes = b"gzip") -> Exchange:
    request = RequestView("POST", "/orders", (), {b"content-encoding": coding}, has_body=True)
    made = Exchange(request, "a" * 32, "b" * 32, 0, 0.0)
    made.request.operation = Operation("shop", "v1", "POST /orders", (), (), 1024, "shop", str, stream_steps=steps)
    return made


@pytest.mark.parametrize("coding", [b"gzip", b"lzma"])
def test_a_coding_that_only_monitored_steps_would_read_refuses_nothing(coding: bytes) -> None:
    monitored = step(says(Silent()), policy="b.two", needs="stream", monitor=True)
    made = streaming(step(says(None), policy="a.one", needs="stream"), monitored, coding=coding)
    assert made.begin_body() is None
    assert not made.scans_body
    enforced = streaming(step(says(Silent()), policy="a.one", needs="stream"), monitored, coding=coding)
    refusal = enforced.begin_body() or enforced.scan_body(b"no gzip", ended=True)
    assert isinstance(refusal, Refuse)


def test_a_step_that_could_not_begin_to_scan_refuses_whatever_the_others_are() -> None:
    monitored = step(says(Silent()), policy="b.two", needs="stream", monitor=True)
    made = streaming(step(fails, policy="a.one", needs="stream"), monitored, coding=b"lzma")
    refusal = made.begin_body()
    assert refusal is not None
    assert refusal.code is INTERNAL
