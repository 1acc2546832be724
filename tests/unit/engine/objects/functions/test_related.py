from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from rows import rows

from portcullis.engine.config.model import AuthenticateSettings
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Identity
from portcullis.engine.objects.functions.related import FUNCTION, check_call, compile_related
from portcullis.engine.objects.given import Given, QuestionError
from portcullis.engine.objects.parsing import parse
from portcullis.engine.objects.syntax import Call, Holds
from portcullis.engine.objects.tokens import RuleError
from portcullis.engine.relations.checking import MAX_OBJECTS
from portcullis.testing import FakeRelations, make_request

DECLARED = {
    "user": ["staff"],
    "service": ["mesh"],
    "group": {"member": ["user", "group#member"]},
    "order": {"owner": ["user"], "viewer": ["owner", "group#member"], "robot": ["service"]},
}
TUPLES = ["order:17#owner@user:alice", "order:17#viewer@group:g#member", "group:g#member@user:bob"]


def context(*any_of: str, declared: Any = DECLARED) -> Any:
    return SimpleNamespace(
        settings=SimpleNamespace(
            public=False, authenticate=AuthenticateSettings.model_validate({"any_of": list(any_of) or ["staff"]})
        ),
        configuration=SimpleNamespace(
            relations=declared,
            identities={name: SimpleNamespace(api_key=None) for name in ("staff", "mesh", "others")},
        ),
        ports=SimpleNamespace(relations=FakeRelations(TUPLES)),
        shared={},
    )


def calling(identity: Identity | None) -> Facts:
    facts = Facts()
    if identity is not None:
        facts.identify(identity)
    return facts


def given(facts: Facts) -> Given:
    return Given(make_request("GET", "/orders"), facts)


ALICE, BOB = calling(Identity("jwt", "alice", name="staff")), calling(Identity("jwt", "bob", name="staff"))


@rows(
    ("facts", "arguments", "answer"),
    [
        (ALICE, ("order", 17, "owner"), True),
        (ALICE, ("order", "17", "owner"), True),
        (BOB, ("order", 17, "owner"), False),
        (BOB, ("order", 17, "viewer"), True),
        (ALICE, ("order", 18, "viewer"), False),
        (ALICE, ("order", True, "owner"), None),
        (ALICE, ("order", "", "owner"), None),
        (ALICE, ("order", "1 7", "owner"), None),
        (ALICE, ("order", "x" * 300, "owner"), None),
        (calling(None), ("order", 17, "owner"), None),
        (calling(Identity("jwt", "alice", name="others")), ("order", 17, "owner"), None),
        (calling(Identity("jwt", "a b", name="staff")), ("order", 17, "owner"), None),
    ],
)
def test_the_caller_is_looked_for(facts: Facts, arguments: Any, answer: bool | None) -> None:
    assert compile_related(context())(given(facts), arguments) is answer


def test_what_goes_too_far_is_undecided() -> None:
    made = context()
    made.ports.relations = FakeRelations(f"order:17#viewer@group:{n}#member" for n in range(MAX_OBJECTS))
    assert compile_related(made)(given(ALICE), ("order", 17, "viewer")) is None


def test_relations_that_can_not_be_read_are_no_answer() -> None:
    made = context()
    made.ports.relations.broken = True
    with pytest.raises(QuestionError, match="broken"):
        compile_related(made)(given(ALICE), ("order", 17, "owner"))


def test_what_is_asked_together_is_bounded_together() -> None:
    ask, together = compile_related(context()), given(ALICE)
    together.work.left = 2
    assert [ask(together, ("order", number, "owner")) for number in (17, 18)] == [True, False]
    with pytest.raises(QuestionError, match="looked at together"):
        ask(together, ("order", 17, "owner"))


def call_of(text: str) -> tuple[Any, Call]:
    rule = parse(text)
    assert isinstance(rule.condition, Holds)
    assert isinstance(rule.condition.operand, Call)
    return rule, rule.condition.operand


def test_a_relation_that_callers_can_have_is_fine() -> None:
    check_call(*call_of('related("order", response.id, "viewer")'), context())


@rows(
    ("rule", "message", "column"),
    [
        ('related(response.type, response.id, "owner")', "the type is written in the rule", 9),
        ('related("order", response.id, response.relation)', "the relation is written in the rule", 31),
        ('related("ordr", response.id, "owner")', "there is no type ordr", 9),
        ('related(17, response.id, "owner")', "there is no type 17", 9),
        ('related("order", response.id, "ownr")', "order has no relation ownr", 31),
        ('related("user", response.id, "owner")', "user has no relation owner", 30),
        ('related("order", response.id, "robot")', "callers here are of the type user, and no user can be robot", 31),
    ],
)
def test_a_mistake_is_told_where_it_is(rule: str, message: str, column: int) -> None:
    with pytest.raises(RuleError, match=message) as error:
        check_call(*call_of(rule), context())
    assert error.value.column == column


def test_each_identity_that_is_accepted_has_to_have_a_type_and_to_be_able() -> None:
    asked = call_of('related("order", response.id, "owner")')
    with pytest.raises(RuleError, match=r"callers are that others proves is not said; .* user: \[others\]"):
        check_call(*asked, context("staff", "others"))
    with pytest.raises(RuleError, match="no service can be owner"):
        check_call(*asked, context("staff", "mesh"))
    with pytest.raises(RuleError, match="there is no type order") as error:
        check_call(*asked, context(declared={}))
    assert error.value.hint == 'declare it in "relations"'


def test_it_is_found_by_its_name() -> None:
    assert FUNCTION.name == "related"
    assert FUNCTION.example.startswith("related(")
