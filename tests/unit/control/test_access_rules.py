"""What operations ask of their callers, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rows import rows

from portcullis.control.access_rules import AccessRule, AccessRules
from portcullis.control.rule_places import RulePlaces
from portcullis.engine.compile import compile_estate
from portcullis.engine.config.load import load_configuration
from portcullis.engine.inert.estate import Routed
from portcullis.engine.ports import Ports
from portcullis.testing import FakeClock, FakeCounters, FakeFiles, FakeKeys

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
components:
  securitySchemes:
    login: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://id.example/t", scopes: {w: W, r: R}}}}
    key: {type: apiKey, in: header, name: K}
    mesh: {type: mutualTLS}
paths:
  /a:
    get: {responses: {"204": {description: ok}}}
    put:
      security: [{login: [w, r], mesh: []}, {key: []}, {login: [r]}]
      responses: {"204": {description: ok}}
"""
CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {partners: {api_key: {}}, mesh: {api_key: {header: X-M}}}
roles: {clerk: ["a:*"]}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["http://127.0.0.1:9"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners, {all_of: [mesh, partners]}]
    authorize: {claims: {x.y: [1, two]}}
    operations:
      "GET /a": {authorize: SETTINGS}
"""


def made(settings: str) -> tuple[AccessRules, dict[str, Routed]]:
    files = FakeFiles({"shop.yaml": SPEC})
    loaded = load_configuration(CONFIGURATION.replace("SETTINGS", settings), "p.yaml", files)
    estate = compile_estate(loaded, files, Ports(FakeClock(), FakeCounters(), FakeKeys()))
    rules = AccessRules(loaded, RulePlaces(loaded, Path("p.yaml"), files))
    return rules, {routed.operation.name: routed for routed in estate.routed}


def said(settings: str, **options: Any) -> list[AccessRule]:
    rules, routed = made(settings)
    return list(rules.of(routed["GET /a"], **options))


@rows(
    ("settings", "words"),
    [
        ("{}", [("authorize.claims", '{"x.y":[1,"two"]}', 10)]),
        ("{claims: {mode: off}}", []),
        ("{claims: {all_of: {z: true}}}", [("authorize.claims", '{"z":true}', 12)]),
        (
            "{permissions: {all_of: ['a:r'], any_of: ['a:w', 'a:x']}, scopes: [w, r]}",
            [
                ("authorize.claims", '{"x.y":[1,"two"]}', 10),
                ("authorize.permissions", "a:r and one of a:w, a:x", 12),
                ("authorize.scopes", "w, r", 12),
            ],
        ),
        ("{every_caller: true}", [("authorize.every_caller", "nothing more", 12)]),
        ("{scopes: {all_of: [w], mode: off}}", [("authorize.claims", '{"x.y":[1,"two"]}', 10)]),
    ],
)
def test_each_rule_is_told_with_its_line(settings: str, words: list[tuple[str, str, int]]) -> None:
    told = [(rule.policy, rule.says, int(rule.where.rpartition(":")[2])) for rule in said(settings)]
    assert told == words


def test_what_is_monitored_is_marked() -> None:
    assert [rule.monitored for rule in said("{claims: {mode: monitor}, scopes: {all_of: [w], mode: monitor}}")] == [
        True,
        True,
    ]


def test_what_has_decided_already_is_left_out() -> None:
    assert said("{}", skip=("authorize.claims",)) == []
    assert said("{every_caller: true}", skip=("authorize.every_caller",)) == []


def test_what_the_document_asks_for_is_told_of_the_document() -> None:
    rules, routed = made("{}")
    _, rule = rules.of(routed["PUT /a"])
    assert rule.says == "a certificate and a token with r, w or a key or a token with r"
    assert (rule.rule, rule.where) == ("#/paths/~1a/put/security", "shop.yaml:12")
    _, rule = rules.of(routed["PUT /a"], placed=False)
    assert (rule.rule, rule.where) == ("shop.yaml#/paths/~1a/put/security", "")


def test_identities_are_told_with_their_kinds() -> None:
    rules, routed = made("{}")
    settings = rules.settings(routed["GET /a"])
    assert rules.environments(settings) == {None}
    assert rules.environments(settings.model_copy(update={"public": True})) == set()
    assert rules.environments(settings.model_copy(update={"authenticate": None})) == set()
    assert rules.accepted(settings) == [("partners", ["api_key"]), ("mesh+partners", ["api_key", "api_key"])]
