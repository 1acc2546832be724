from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from rows import rows

from portcullis.engine.cel.errors import InvalidRuleError, Problem
from portcullis.engine.cel.rules import Rule, compile_rule
from portcullis.engine.cel.situation import Situation
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Consumer, Identity
from portcullis.testing.requests import make_request

MICROSECONDS_AT_MOST = 60
"""Twenty times what a rule should take: machines and their load differ."""


def problems(text: str) -> list[Problem]:
    with pytest.raises(InvalidRuleError) as caught:
        compile_rule(text)
    return list(caught.value.problems)


def told(rule: Rule) -> list[tuple[str, str]]:
    return [(clause.stage, clause.text) for clause in rule.clauses]


@rows(
    ("text", "clauses"),
    [
        ("identity.subject == 'a'", [("head", "identity.subject == 'a'")]),
        (
            "response.status == 200 &&\n  identity.subject == 'a' && request.body.a == 1",
            [
                ("response_head", "response.status == 200"),
                ("head", "identity.subject == 'a'"),
                ("body", "request.body.a == 1"),
            ],
        ),
        (
            "identity.subject == 'a' || response.body.a == 1",
            [("response_body", "identity.subject == 'a' || response.body.a == 1")],
        ),
        (
            "response.status < 300 || response.body == null",
            [("response_body", "response.status < 300 || response.body == null")],
        ),
        ("(api.name == 'a') && api.version == 'b'", [("head", "(api.name == 'a')"), ("head", "api.version == 'b'")]),
        ("(api.name == 'a' && api.version == 'b')", [("head", "(api.name == 'a' && api.version == 'b')")] * 2),
        (
            "api.name == '&&' && (api.name == 'a' || api.name == 'b' && api.version == 'c')",
            [("head", "api.name == '&&'"), ("head", "(api.name == 'a' || api.name == 'b' && api.version == 'c')")],
        ),
        (" && ".join(["api.name == 'a'"] * 9), [("head", "api.name == 'a'")] * 9),
    ],
)
def test_a_rule_is_asked_part_by_part_as_early_as_can_be(text: str, clauses: list[tuple[str, str]]) -> None:
    assert told(compile_rule(text)) == clauses


def test_a_part_knows_what_it_speaks_of() -> None:
    [clause] = compile_rule("identity.claims.a == 1 || identity.subject in identity.claims.b").clauses
    assert clause.names == ("identity.claims", "identity.subject")
    rule = compile_rule("identity.subject == 'a' && response.status == 200")
    assert [clause.text for clause in rule.at("response_head")] == ["response.status == 200"]
    assert rule.at("body") == ()


@rows(
    ("text", "offset", "message"),
    [
        ("identity.subject", 0, "gives a value of type string, not true or false"),
        ("identity.claims.admin", 0, "gives anything, not true or false"),
        ("identity.claims", 0, "gives a value of type map<string, dyn>, not true or false"),
        ("true", 0, "this is always true, so it says nothing"),
        ("identity.subject == 'a' && 1 == 1", 29, "this is always true, so it says nothing"),
        ("request.body.a == response.body.a", 15, "the body of the request is gone when there is an answer"),
        ("request.headers['X-A'] == 'a'", 16, "no header field has the name 'X-A' here: names are in lower case"),
        ("identity.roles.exists(identity, identity == 'a')", 21, "identity has a meaning already"),
        ("identity.subject.matches(identity.issuer)", 33, "the pattern must be written in the rule"),
    ],
)
def test_a_rule_that_says_nothing_or_can_not_be_asked_is_an_error(text: str, offset: int, message: str) -> None:
    found = problems(text)
    assert found[0].offset == offset
    assert found[0].message.startswith(message)


def test_a_rule_may_be_false_for_everybody() -> None:
    assert told(compile_rule("false")) == [("head", "false")]


def test_loops_have_room_for_their_variables() -> None:
    assert compile_rule("identity.roles.all(r, identity.scopes.exists(s, s == r))").slots == 2


def test_the_rules_on_the_page_are_sound() -> None:
    page = (Path(__file__).parents[4] / "docs/conditions.md").read_text(encoding="utf-8")
    rules = re.findall(r"^```cel\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(rules) > 8
    for rule in rules:
        assert compile_rule(rule).clauses


RULES = {
    "a scope": "'orders:read' in identity.scopes",
    "claims": "identity.claims.department == 'sales' && request.path_values.region in identity.claims.regions",
    "office hours": (
        "context.time.getHours('Europe/Berlin') >= 8 && context.time.getHours('Europe/Berlin') < 24 && "
        "context.time.getDayOfWeek('Europe/Berlin') in [0, 1, 2, 3, 4, 5, 6]"
    ),
    "a network": "ip_in(context.ip, '192.0.2.0/24')",
    "a pattern": r"identity.claims.email.matches('^[a-z]+@example\\.com$')",
    "a header field": "request.headers['x-region'] == 'eu' || 'admin' in identity.roles",
    "step-up": "identity.claims.acr == 'mfa' && context.time - timestamp(identity.claims.auth_time) < duration('5m')",
    "a loop": "identity.claims.regions.exists(region, region == 'us')",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_a_rule_takes_microseconds(name: str, record_property: Any) -> None:
    rule = compile_rule(RULES[name])
    claims = {
        "department": "sales",
        "regions": ["eu", "us"],
        "email": "alice@example.com",
        "acr": "mfa",
        "auth_time": 1_779_875_940,
    }
    identity = Identity("jwt", "alice", "", frozenset({"orders:read"}), Consumer("alice"), claims=claims)
    request = make_request("GET", "/orders", {"X-Region": "eu"}, client="192.0.2.1")
    request.path_values = {"region": "eu"}
    facts = Facts(identity=identity)

    def ask() -> bool:
        situation = Situation(slots=[None] * rule.slots, request=request, facts=facts, wall_s=lambda: 1_779_876_000.0)
        return all(clause.is_true(situation) for clause in rule.clauses)

    assert ask()
    rounds, times = 2_000, []
    for _ in range(7):
        begun = time.process_time()
        for _ in range(rounds):
            ask()
        times.append((time.process_time() - begun) / rounds * 1e6)
    record_property("microseconds", round(min(times), 2))
    assert min(times) < MICROSECONDS_AT_MOST
