from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.authentication.lockout import Lockout
from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.authentication.user_messages import (
    TOPIC,
    PasswordAnswer,
    PasswordQuestion,
    UserUpdate,
    decode_question,
    encode,
)
from portcullis.engine.backoff import Backoff
from portcullis.engine.config.model import Configuration, OperationSettings
from portcullis.engine.exchange import Exchange, record_of
from portcullis.engine.facts import Facts
from portcullis.engine.identity import ANONYMOUS
from portcullis.engine.operation import Operation, OperationContext
from portcullis.engine.policies.authenticate import basic, compile_phase
from portcullis.engine.policies.authenticate.basic import (
    CHANGED_USER,
    MAX_CREDENTIAL,
    POLICY,
    BasicConfig,
    compile_basic,
    name_and_password,
)
from portcullis.engine.ports import Ports, Unanswered
from portcullis.engine.request import RequestView
from portcullis.testing import FakeClock, FakeCounters, FakeKeys

CASES = cases_of("authenticate/basic")
PROVEN = PasswordAnswer("proven", 3, True, 0, "gold", ("clerk",), ())


class Control:
    """Answers questions as a test wants it, and tells of users; ``None``: nobody answers."""

    def __init__(self) -> None:
        self.next: PasswordAnswer | None = PROVEN
        self.asked: list[PasswordQuestion] = []
        self.tell: Callable[[bytes], None] = lambda _message: None

    async def ask(self, topic: str, question: bytes) -> bytes:
        assert topic == TOPIC
        self.asked.append(decode_question(question))
        if self.next is None:
            raise Unanswered("users: the control process is away")
        return encode(self.next)

    def subscribe(self, topic: str, apply: Callable[[bytes], None]) -> None:
        assert topic == TOPIC
        self.tell = apply


class Site:
    """One identity of the kind, and calls."""

    def __init__(self, **config: Any) -> None:
        self.control, self.clock, self.counters = Control(), FakeClock(), FakeCounters()
        self.ports = Ports(self.clock, self.counters, FakeKeys(), self.control, self.control)
        self.authenticator = compile_basic("staff", BasicConfig.model_validate(config), self.ports)
        self.control.tell(encode(UserUpdate(3)))

    async def call(self, credential: str = "alice:correct horse", client: str = "192.0.2.7") -> Any:
        """The code of a refusal, or whom it proves."""
        request = RequestView("GET", "/", (), {b"authorization": _field(credential)}, client=client)
        outcome: Any = self.authenticator.prove(request, Facts())
        if isinstance(outcome, Awaitable):
            outcome = await outcome
        return outcome.subject if hasattr(outcome, "subject") else outcome.code.name.partition(".")[2]


def _field(credential: str) -> bytes:
    return b"Basic " + base64.b64encode(credential.encode())


def _answer(said: dict[str, Any] | str) -> PasswordAnswer | None:
    """What the control process answers in a case."""
    return None if isinstance(said, str) else msgspec.convert(list(_members(said)), PasswordAnswer)


def _members(said: dict[str, Any]) -> Iterator[Any]:
    """All members of an answer in their order: messages are arrays."""
    for field in msgspec.structs.fields(PasswordAnswer):
        yield said.get(field.name, field.default)


async def _run(case: dict[str, Any], control: Control) -> Exchange:
    configuration = Configuration.model_validate(
        {
            "listeners": {"public": {"bind": "127.0.0.1:0"}},
            "identities": CASES["identities"],
            "apis": {
                "shop": {
                    "hosts": ["*"],
                    "upstream": {"targets": ["http://127.0.0.1:1"]},
                    "versions": {"v1": {"spec": "s.yaml"}},
                }
            },
        }
    )
    settings: dict[str, Any] = {"authenticate": {"any_of": case["accept"], "mode": case.get("mode", "enforce")}}
    if case.get("public"):
        settings["public"] = True
    nothing: Any = None
    context = OperationContext(
        configuration=configuration,
        api_name="shop",
        api=configuration.apis["shop"],
        version="v1",
        settings=OperationSettings.model_validate(settings),
        document=nothing,
        operation=nothing,
        ports=Ports(FakeClock(), FakeCounters(), FakeKeys(), control, control),
        where=("apis", "shop", "operations", "GET /orders"),
    )
    control.next = _answer(case.get("answer", "nobody"))
    field = _field(case["credential"]) if "credential" in case else case.get("field", "").encode()
    headers = {b"authorization": field} if field else {}
    request = RequestView("GET", "/orders", tuple(headers.items()), headers, client=case.get("client", "192.0.2.1"))
    exchange = Exchange(request, "r-1", "t-1", 0, 0.0)
    request.operation = Operation("shop", "v1", "GET /orders", compile_phase(context), (), 0, "shop", str)
    decision = exchange.decide_head()
    if isinstance(decision, Awaitable):
        await decision
    return exchange


@rows("case", CASES["cases"], ids=lambda case: case["name"])
async def test_case(case: dict[str, Any]) -> None:
    control = Control()
    exchange = await _run(case, control)
    wanted = case.get("refused") or case.get("would_refuse")
    if wanted is None:
        assert exchange.refusal is None
        assert [verdict.outcome for verdict in exchange.facts.verdicts] in ([], ["allow"])
    else:
        [verdict] = exchange.facts.verdicts
        assert verdict.code == wanted["code"]
        assert verdict.outcome == ("refuse" if "refused" in case else "would_refuse")
        assert verdict.finding is not None
        for name in ("pointer", "found", "allowed"):
            assert getattr(verdict.finding, name) == wanted.get(name, getattr(verdict.finding, name))
        if exchange.refusal is not None:
            assert exchange.refusal.status == wanted.get("status", 401)
            challenges = [value.decode() for name, value in exchange.refusal.fields if name == b"www-authenticate"]
            assert challenges == wanted.get("challenges", challenges)
    identity = exchange.facts.identity
    if "identity" not in case:
        assert identity is ANONYMOUS
    else:
        who = case["identity"]
        assert identity.consumer is not None
        assert (identity.method, identity.subject, identity.credential) == ("basic", who["subject"], "")
        assert identity.consumer.name == who["subject"]
        assert identity.scopes == frozenset(who.get("scopes", identity.scopes))
        assert identity.consumer.plan == who.get("plan", identity.consumer.plan)
        assert identity.consumer.roles == frozenset(who.get("roles", identity.consumer.roles))
    if "asked" in case:
        [question] = control.asked
        assert case["asked"].items() <= msgspec.structs.asdict(question).items()
    if "upstream" in case:
        assert sorted(exchange.removed_fields) == [name.encode() for name in case["upstream"]["removed"]]
    written = repr(record_of(exchange, 0)).encode()
    for secret in (b"correct horse", b"hunter2", _field(case.get("credential", "nothing:at all"))[6:]):
        assert secret not in written


async def test_all_refusals_look_the_same_to_a_caller() -> None:
    cases = [case for case in CASES["cases"] if "refused" in case and case["accept"] == ["staff"]]
    refusals = [(await _run(case, Control())).refusal for case in cases]
    alike = [refusal for refusal in refusals if refusal is not None and refusal.status == 401]
    assert {refusal.code.name for refusal in alike} == {
        code.name
        for code in POLICY.codes
        if code.status == 401 and code is not CHANGED_USER  # of sessions
    }
    assert {(refusal.code.visible, refusal.detail, refusal.fields) for refusal in alike} == {
        (FAILED, "", ((b"www-authenticate", b'Basic realm="staff", charset="UTF-8"'),))
    }


async def test_who_proved_himself_is_not_asked_about_again_for_a_while() -> None:
    site = Site()
    assert [await site.call() for _ in range(3)] == ["alice"] * 3
    assert len(site.control.asked) == 1
    site.clock.advance(299)
    await site.call()
    assert len(site.control.asked) == 1
    site.clock.advance(1)
    await site.call()
    assert len(site.control.asked) == 2


async def test_every_call_is_asked_about_where_that_is_wanted() -> None:
    site = Site(cache="0s")
    assert [await site.call() for _ in range(3)] == ["alice"] * 3
    assert len(site.control.asked) == 3


async def test_another_password_and_another_address_are_asked_about() -> None:
    site = Site()
    await site.call()
    await site.call(client="192.0.2.8")
    await site.call("alice:wrong horse")
    await site.call("Alice:correct horse")
    assert len(site.control.asked) == 4


async def test_a_user_that_changes_is_asked_about_again_at_once() -> None:
    site = Site()
    await site.call()
    site.control.tell(encode(UserUpdate(4, 3, ("alice",))))
    site.control.next = PasswordAnswer("disabled", 4, True)
    assert await site.call() == "disabled_user"


async def test_nothing_that_is_refused_is_remembered() -> None:
    site = Site()
    site.control.next = PasswordAnswer("wrong", 3, True)
    assert await site.call() == "wrong_password"
    site.control.next = PROVEN
    assert await site.call() == "alice"


async def test_a_locked_address_is_refused_before_anyone_is_asked_but_for_who_is_known_there() -> None:
    site = Site(lockout={"per_address": {"failures": 2}})
    await site.call()
    backoff = Backoff(2, 900_000_000_000, 60_000_000_000, 3600_000_000_000)
    elsewhere = Lockout("staff", "addresses", backoff, site.counters, site.clock)  # as the control process has it
    assert [elsewhere.failed("192.0.2.7") for _ in range(2)] == [0, 60]
    assert await site.call("alice:another horse") == "locked_out"
    assert await site.call("bob:correct horse") == "locked_out"
    assert await site.call() == "alice"
    assert await site.call("bob:correct horse", client="192.0.2.8") == "bob"
    assert len(site.control.asked) == 2
    site.clock.advance(60)
    assert await site.call("bob:correct horse") == "bob"


async def test_where_nothing_can_be_counted_nobody_is_proven() -> None:
    site = Site()
    site.counters.broken = True
    assert await site.call() == "unavailable"
    assert site.control.asked == []


async def test_only_some_callers_wait_for_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basic, "MAX_WAITING", 0)
    site = Site()
    assert await site.call() == "unavailable"
    assert site.control.asked == []


async def test_how_failures_are_counted_is_told_with_the_question() -> None:
    site = Site(lockout={"per_user": {"failures": 9, "within": "1h", "for": "2m", "up_to": "4m"}, "per_address": None})
    await site.call()
    [question] = site.control.asked
    assert question.per_user == Backoff(9, 3600 * 10**9, 120 * 10**9, 240 * 10**9)
    assert question.per_address is None
    site.counters.broken = True
    assert await site.call("bob:correct horse") == "bob"


async def test_a_long_field_is_refused_without_being_digested() -> None:
    site = Site()
    assert await site.call("alice:" + "x" * MAX_CREDENTIAL) == "malformed_basic"
    assert site.control.asked == []


def test_nobody_has_a_name_that_is_longer_than_one_can_be() -> None:
    assert name_and_password(base64.b64encode(b"a" * 128 + b":secret")) == ("a" * 128, "secret")
    assert name_and_password(base64.b64encode(b"a" * 129 + b":secret")) is None


@rows(
    ("text", "pair"),
    [
        ("alice:secret", ("alice", "secret")),
        ("alice::", ("alice", ":")),
        ("a b: c ", ("a b", " c ")),
        ("ä:ö", ("ä", "ö")),
    ],
)
def test_the_first_colon_ends_the_name(text: str, pair: tuple[str, str]) -> None:
    assert name_and_password(base64.b64encode(text.encode())) == pair


@rows(
    "config",
    [
        {"realm": ""},
        {"realm": 'a"b'},
        {"realm": "a\\b"},
        {"realm": "a\nb"},
        {"realm": "ä"},
        {"realm": "x" * 101},
        {"cache": "2h"},
        {"cache": 300},
        {"lockout": None},
        {"lockout": {"per_user": {"failures": 0}}},
        {"lockout": {"per_users": {}}},
        {"header": "X-Auth"},
    ],
)
def test_a_configuration_that_makes_no_sense_is_an_error(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BasicConfig.model_validate(config)
