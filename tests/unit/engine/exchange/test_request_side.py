"""The request's side of an exchange: what steps decide, and what becomes of it."""

from __future__ import annotations

import asyncio
import gzip
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from rows import rows

from portcullis.engine.codes import INTERNAL, Code
from portcullis.engine.decision import Modify, Refuse
from portcullis.engine.exchange import Exchange
from portcullis.engine.facts import Facts, allowed
from portcullis.engine.operation import Operation
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


def test_a_monitored_refusal_is_recorded_and_the_exchange_goes_on() -> None:
    made = exchange(step(says(Refuse(NO_ENTRY)), policy="a.one", monitor=True), step(says(None), policy="b.two"))
    assert made.decide_head() is None
    assert made.refusal is None
    assert outcomes(made) == [("a.one", "would_refuse", "authorize.no_entry"), ("b.two", "allow", "")]


@rows("monitor", [False, True])
def test_a_step_that_fails_refuses_unless_it_is_monitored(monitor: bool) -> None:
    made = exchange(step(fails, policy="a.one", monitor=monitor), step(says(None), policy="b.two"))
    refusal = decided(made.decide_head())
    assert (refusal is None) == monitor
    assert outcomes(made)[0] == ("a.one", "error", "guard.internal")
    assert len(outcomes(made)) == (2 if monitor else 1)


@rows("nonsense", [True, 1, "allow", b"", (), Refuse, object()])
async def test_a_decision_that_is_none_refuses(nonsense: object) -> None:
    made = exchange(step(says(nonsense)))
    pending = made.decide_head()
    assert inspect.isawaitable(pending)
    refusal = await pending
    assert refusal is not None
    assert refusal.code is INTERNAL


@rows("nonsense", [True, "allow", Refuse, object()])
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


@rows("monitor", [False, True])
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


class Silent:
    """Scans, and has nothing against anything."""

    held = 0

    def feed(self, _data: bytes) -> None:
        """Allow."""

    def end(self) -> None:
        """Allow."""


def streaming(*steps: Step, coding: bytes = b"gzip") -> Exchange:
    request = RequestView("POST", "/orders", (), {b"content-encoding": coding}, has_body=True)
    made = Exchange(request, "a" * 32, "b" * 32, 0, 0.0)
    made.request.operation = Operation("shop", "v1", "POST /orders", (), (), 1024, "shop", str, stream_steps=steps)
    return made


@rows("coding", [b"gzip", b"lzma"])
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


async def never(_request: RequestView, _facts: Facts) -> None:
    await asyncio.Event().wait()


async def too_long(made: Exchange) -> object:
    """What is decided where the step that is waited for takes too long."""
    waiting = asyncio.ensure_future(made.decide_head())  # type: ignore[arg-type]
    await asyncio.sleep(0)
    waiting.cancel()
    return made.overdue()


async def test_a_step_that_takes_too_long_has_failed_and_refuses() -> None:
    made = exchange(step(never, policy="a.one"), step(says(None), policy="b.two"))
    end = await too_long(made)
    assert isinstance(end, Refuse)
    assert end.code is INTERNAL
    assert outcomes(made) == [("a.one", "error", INTERNAL.name)]


async def test_a_monitored_step_that_takes_too_long_is_recorded_and_the_steps_after_it_run() -> None:
    made = exchange(step(never, policy="a.one", monitor=True), step(says(Refuse(NO_ENTRY)), policy="b.two"))
    end = await too_long(made)
    assert isinstance(end, Refuse)
    assert end.code is NO_ENTRY
    assert outcomes(made) == [("a.one", "error", INTERNAL.name), ("b.two", "refuse", NO_ENTRY.name)]


def test_where_nothing_is_waited_for_nothing_takes_too_long() -> None:
    with pytest.raises(RuntimeError, match="no step"):
        exchange().overdue()


def with_wire(
    wire: Step, *, body: tuple[Step, ...] = (), coding: bytes | None = None, has_body: bool = True
) -> Exchange:
    headers = [] if coding is None else [("content-encoding", coding.decode())]
    request = make_request("POST", "/orders", headers, body=b"x" if has_body else None)
    made = exchange(body=body, request=request)
    made.request.operation = msgspec.structs.replace(made.request.operation, wire_steps=(wire,))
    return made


def test_a_body_is_seen_as_it_was_sent_before_its_coding_is_taken_off() -> None:
    seen: list[tuple[str, bytes | None]] = []

    def note(name: str) -> Callable[[RequestView, Facts], None]:
        return lambda request, _facts: seen.append((name, request.body))

    sent = gzip.compress(b"{}")
    made = with_wire(step(note("wire"), needs="wire"), body=(step(note("body"), needs="body"),), coding=b"gzip")
    assert made.begin_body() is None
    assert made.holds_body
    assert decided(made.decide_body(sent)) is None
    assert seen == [("wire", sent), ("body", b"{}")]
    assert made.body == b"{}"


def test_a_body_that_only_its_wire_form_matters_of_goes_on_as_it_was_sent() -> None:
    made = with_wire(step(says(None), needs="wire"), coding=b"gzip")
    assert made.begin_body() is None
    assert made.holds_body
    assert decided(made.decide_body(b"no gzip at all")) is None
    assert (made.body, made.removed_fields) == (None, frozenset())


def test_a_body_is_not_held_back_for_a_wire_step_that_does_not_want_it() -> None:
    wire = msgspec.structs.replace(step(says(Refuse(NO_ENTRY)), needs="wire"), wants=lambda _request: False)
    made = with_wire(wire)
    assert made.begin_body() is None
    assert not made.holds_body


def test_a_wire_step_also_sees_that_there_is_no_body() -> None:
    made = with_wire(step(says(Refuse(NO_ENTRY)), needs="wire"), has_body=False)
    assert made.begin_body() is None
    assert made.holds_body
    assert decided(made.decide_body(b"")) == Refuse(NO_ENTRY)


def test_what_a_wire_step_refuses_no_body_step_sees() -> None:
    made = with_wire(step(says(Refuse(NO_ENTRY)), needs="wire"), body=(step(fails, needs="body"),))
    assert made.begin_body() is None
    assert decided(made.decide_body(b"x")) == Refuse(NO_ENTRY)
    assert outcomes(made) == [("test.step", "refuse", NO_ENTRY.name)]


def test_a_monitored_wire_step_refuses_nothing() -> None:
    made = with_wire(step(says(Refuse(NO_ENTRY)), needs="wire", monitor=True))
    assert made.begin_body() is None
    assert decided(made.decide_body(b"x")) is None
    assert outcomes(made) == [("test.step", "would_refuse", NO_ENTRY.name)]


@rows("run", [fails, says(Modify(query="a=1")), says("yes")])
def test_a_wire_step_that_fails_or_says_anything_else_refuses(run: Callable[[RequestView, Facts], Any]) -> None:
    made = with_wire(step(run, needs="wire"))
    assert made.begin_body() is None
    refusal = decided(made.decide_body(b"x"))
    assert refusal is not None
    assert refusal.code is INTERNAL
