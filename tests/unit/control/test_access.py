"""Who may call what."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from portcullis.control.access import AccessReview, UnknownName, refusal_of
from portcullis.control.access_answers import Holder, OperationAccess
from portcullis.control.key_orders import KeyRecord
from portcullis.engine.config.load import load_configuration
from portcullis.engine.identity import Consumer, Identity
from portcullis.stores.database.consumers import StoredConsumer
from portcullis.stores.database.users import StoredUser
from portcullis.testing import FakeClock, FakeFiles

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop/v1}]
components:
  securitySchemes:
    login: {type: oauth2, flows: {clientCredentials: {tokenUrl: "https://id.example/t", scopes: {w: W}}}}
paths:
  /orders:
    get: {responses: {"204": {description: ok}}}
    post:
      security: [{login: [w]}]
      responses: {"204": {description: ok}}
  /orders/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    delete: {responses: {"204": {description: ok}}}
  /me: {get: {responses: {"204": {description: ok}}}}
  /staff: {get: {responses: {"204": {description: ok}}}}
  /open: {get: {responses: {"204": {description: ok}}}}
"""
CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities:
  partners: {api_key: {}}
  mesh: {api_key: {header: X-Mesh}}
roles:
  clerk: ["orders:read"]
  manager: {permissions: ["orders:delete"], inherits: [clerk], exclusive_with: [auditor]}
  boss: {inherits: [manager]}
  auditor: ["*:read"]
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["http://127.0.0.1:9"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    authorize: {permissions: ["orders:read"]}
    operations:
      "DELETE /orders/{id}": {authorize: {permissions: ["orders:delete"]}}
      "GET /me": {authorize: {every_caller: true}, authenticate: [{all_of: [partners, mesh]}]}
      "GET /staff": {authorize: {claims: {department: sales}}}
      "GET /open": {public: true}
"""
IDS = iter(f"key{number:05}" for number in range(10_000))


def key(consumer: str, *roles: str, scopes: tuple[str, ...] = ()) -> KeyRecord:
    return KeyRecord(next(IDS), "sha256:" + "0" * 64, consumer, roles=roles, scopes=scopes)


ALICE, BOB, BOBS = key("alice", "clerk", scopes=("w",)), key("bob", "boss"), key("bob", "boss", scopes=("w", "x"))
EVE, DAVE = key("eve", "boss", "auditor", scopes=("w",)), key("dave")


def review(text: str = CONFIGURATION, keys: tuple[KeyRecord, ...] = (ALICE, BOB, BOBS, EVE, DAVE)) -> AccessReview:
    files = FakeFiles({"shop.yaml": SPEC})
    loaded = load_configuration(text, "conf/p.yaml", files)
    return AccessReview(loaded, Path("conf/p.yaml"), files, FakeClock(), keys)


@pytest.fixture(scope="module")
def shop() -> AccessReview:
    return review()


def one(shop: AccessReview, call: str) -> OperationAccess:
    (found,) = shop.who_can(call)
    return found


def test_who_may_call_an_operation_is_told_with_what_it_asks_for(shop: AccessReview) -> None:
    access = one(shop, "DELETE /v1/orders/{order}")
    assert (access.operation, access.api, access.version) == ("DELETE /orders/{id}", "shop", "v1")
    assert (access.path, access.declared) == ("/shop/v1/orders/{id}", "conf/shop.yaml:15")
    assert access.identities == ["partners (api_key)"]
    (rule,) = access.rules
    assert (rule.policy, rule.says, rule.where) == ("authorize.permissions", "orders:delete", "conf/p.yaml:18")
    assert rule.rule == 'apis.shop.operations."DELETE /orders/{id}".authorize.permissions'
    assert access.needs_role
    assert [(role.name, role.by) for role in access.roles] == [("manager", []), ("boss", ["manager"])]
    assert [(each.name, each.roles, each.keys) for each in access.consumers] == [("bob", ["boss"], [BOB.id, BOBS.id])]
    assert [(each.name, each.code) for each in access.refused] == [
        ("alice", "authorize.missing_permission"),
        ("dave", "authorize.missing_permission"),
        ("eve", "authorize.conflicting_roles"),
    ]


def test_scopes_decide_by_key(shop: AccessReview) -> None:
    access = one(shop, "POST /orders")
    assert [(each.name, each.keys) for each in access.consumers] == [("alice", [ALICE.id]), ("bob", [BOBS.id])]
    assert [(rule.policy, rule.says) for rule in access.rules] == [
        ("authorize.permissions", "orders:read"),
        ("authorize.scopes", "a token with w"),
    ]
    assert access.rules[1].where == "conf/shop.yaml:11"


def test_claims_are_proven_by_no_key(shop: AccessReview) -> None:
    access = one(shop, "GET /staff")
    assert access.consumers == []
    assert access.rules[0].says == '{"department":"sales"}'
    assert ("bob", "authorize.missing_claim") in [(each.name, each.code) for each in access.refused]


def test_where_everyone_may_it_is_said_why(shop: AccessReview) -> None:
    access = one(shop, "GET /me")
    assert [rule.policy for rule in access.rules] == ["authorize.every_caller"]
    assert access.identities == ["partners+mesh (api_key + api_key)"]
    assert [each.name for each in access.consumers] == ["alice", "bob", "dave"]
    assert not access.needs_role
    public = one(shop, "GET /open")
    assert (public.anyone, public.rules, public.consumers, public.identities) == (True, [], [], [])


def test_monitored_authentication_lets_anyone_in_where_nothing_else_is_asked() -> None:
    text = CONFIGURATION.replace("authenticate: [partners]\n", "authenticate: {any_of: [partners], mode: monitor}\n")
    assert not one(review(text), "GET /orders").anyone
    asking = 'permissions: ["orders:read"]'
    assert one(
        review(text.replace(asking, 'permissions: {all_of: ["orders:read"], mode: monitor}')), "GET /orders"
    ).anyone


def test_what_is_monitored_only_refuses_nobody() -> None:
    shop = review(
        CONFIGURATION.replace(
            'permissions: ["orders:delete"]}}', 'permissions: {all_of: ["orders:delete"], mode: monitor}}}'
        )
    )
    access = one(shop, "DELETE /orders/{id}")
    assert [each.name for each in access.consumers] == ["alice", "bob", "dave"]
    assert access.rules[0].monitored
    assert not access.needs_role


def holder(shop: AccessReview, name: str) -> Holder:
    (found,) = shop.what_can(name)
    return found


def test_what_a_consumer_may_call_is_told_with_the_keys_that_it_takes(shop: AccessReview) -> None:
    bob = holder(shop, "bob")
    assert (bob.kind, bob.roles, bob.permissions) == (
        "consumer",
        ["boss", "clerk", "manager"],
        ["orders:delete", "orders:read"],
    )
    assert bob.scopes == {BOB.id: [], BOBS.id: ["w", "x"]}
    assert [(reach.operation, reach.keys) for reach in bob.operations] == [
        ("GET /orders", [BOB.id, BOBS.id]),
        ("POST /orders", [BOBS.id]),
        ("DELETE /orders/{id}", [BOB.id, BOBS.id]),
        ("GET /me", [BOB.id, BOBS.id]),
        ("GET /open", []),
    ]
    assert bob.refused == 1
    assert [reach.operation for reach in holder(shop, "eve").operations] == ["GET /open"]


def test_what_a_role_may_call_is_told_with_what_else_is_asked(shop: AccessReview) -> None:
    clerk = holder(shop, "clerk")
    assert (clerk.kind, clerk.permissions) == ("role", ["orders:read"])
    assert [(reach.operation, [rule.says for rule in reach.rules]) for reach in clerk.operations] == [
        ("GET /orders", []),
        ("POST /orders", ["a token with w"]),
        ("GET /me", []),
        ("GET /staff", ['{"department":"sales"}']),
        ("GET /open", []),
    ]


def test_a_consumer_and_a_role_may_have_the_same_name() -> None:
    found = review(keys=(key("clerk", "boss"),)).what_can("clerk")
    assert [(each.kind, len(each.operations)) for each in found] == [("consumer", 4), ("role", 5)]


def test_what_is_not_there_is_told_with_what_is_near(shop: AccessReview) -> None:
    with pytest.raises(UnknownName, match=r"no operation DELETE /order/\{id\}; did you mean DELETE /orders/\{id\}\?"):
        shop.who_can("DELETE /order/{id}")
    with pytest.raises(UnknownName, match="no operation TRACE /"):
        shop.who_can("TRACE /")
    with pytest.raises(UnknownName, match='or service alise; did you mean "alice"'):
        shop.what_can("alise")


def test_the_two_questions_have_the_same_answers(shop: AccessReview) -> None:
    """Who can call it, and what can he call: one is the other turned round."""
    for routed in shop.estate.routed:
        access = one(shop, routed.operation.name)
        for name in shop.keys:
            reached = {reach.operation: reach.keys for reach in holder(shop, name).operations}
            listed = {each.name: each.keys for each in access.consumers}
            assert (access.operation in reached) == (access.anyone or name in listed)
            assert not access.anyone or reached[access.operation] == []
            assert access.anyone or reached.get(access.operation, []) == listed.get(name, [])


def test_a_key_reaches_no_further_than_it_was_made_for() -> None:
    everywhere, here = key("acme", "boss"), msgspec.structs.replace(key("acme", "boss"), operations=("GET /orders",))
    elsewhere = msgspec.structs.replace(key("beta", "boss"), apis=("billing",))
    shop = review(keys=(everywhere, here, elsewhere))
    assert one(shop, "GET /orders").consumers[0].keys == [everywhere.id, here.id]
    access = one(shop, "DELETE /orders/{id}")
    assert [(each.name, each.keys) for each in access.consumers] == [("acme", [everywhere.id])]
    assert [(each.name, each.code) for each in access.refused] == [("beta", "authenticate.key_not_for_operation")]
    assert [reach.operation for reach in holder(shop, "beta").operations] == ["GET /open"]


def test_a_key_of_another_environment_reaches_nothing() -> None:
    live, test = (msgspec.structs.replace(key(name, "boss"), environment=name) for name in ("live", "test"))
    shop = review(
        CONFIGURATION.replace("partners: {api_key: {}}", "partners: {api_key: {environment: live}}"), (live, test)
    )
    access = one(shop, "GET /orders")
    assert [each.name for each in access.consumers] == ["live"]
    assert [(each.name, each.code) for each in access.refused] == [("test", "authenticate.key_wrong_environment")]


def test_the_steps_of_the_operation_decide(shop: AccessReview) -> None:
    routed = next(each for each in shop.estate.routed if each.operation.name == "POST /orders")
    consumer = Consumer("x", roles=frozenset({"clerk"}))
    assert refusal_of(Identity("api_key", "x", scopes=frozenset({"w"}), consumer=consumer), routed) is None
    refusal = refusal_of(Identity("jwt", "x", consumer=consumer), routed)
    assert refusal is not None
    assert refusal.code.name == "authorize.missing_scope"
    assert refusal_of(Identity("jwt", "x", consumer=consumer), routed, {"authorize.permissions"}) is None


USERS = """\
identities:
  people: {basic: {}}
  partners: {api_key: {}}
  mesh: {mtls: {trust_domain: example.internal}}
services:
  checkout: {subjects: "spiffe://example.internal/checkout", may_call: [shop]}
  reports: {subjects: "spiffe://example.internal/reports", may_call: ["shop:GET /orders"]}
"""


def with_users() -> AccessReview:
    text = CONFIGURATION.replace("identities:\n  partners: {api_key: {}}\n  mesh: {api_key: {header: X-Mesh}}\n", USERS)
    text = text.replace('bind: "127.0.0.1:0"', 'bind: "127.0.0.1:0", tls: {certificate: a, key: b, client_ca: c}')
    text = text.replace("authenticate: [partners]", "authenticate: [people, partners, mesh]")
    text = text.replace("[{all_of: [partners, mesh]}]", "[partners]")
    files = FakeFiles({"shop.yaml": SPEC})
    loaded = load_configuration(text, "conf/p.yaml", files)
    users = [
        StoredUser(StoredConsumer(name, "", roles, 1.0), "$argon2id$", scopes, 1.0, 1.0)
        for name, roles, scopes in (("ann", ("boss",), ("w",)), ("alice", ("clerk",), ()), ("zoe", (), ()))
    ]
    return AccessReview(loaded, Path("conf/p.yaml"), files, FakeClock(), (ALICE, DAVE), users)


def test_who_has_a_password_comes_through_by_it() -> None:
    shop = with_users()
    access = one(shop, "GET /orders")
    assert [(each.name, each.keys, each.password) for each in access.consumers] == [
        ("alice", [ALICE.id], True),
        ("ann", [], True),
    ]
    assert [each.name for each in access.refused] == ["dave", "zoe"]
    # A scope that the key has and the password has not; passwords are not taken at all for the other.
    assert [(each.name, each.keys, each.password) for each in one(shop, "POST /orders").consumers] == [
        ("alice", [ALICE.id], False),
        ("ann", [], True),
    ]
    assert [each.name for each in one(shop, "GET /me").consumers] == ["alice", "dave"]
    (ann,) = shop.what_can("ann")
    assert (ann.kind, ann.roles) == ("consumer", ["boss", "clerk", "manager"])
    assert {reach.operation for reach in ann.operations if reach.password} == {
        "DELETE /orders/{id}",
        "GET /orders",
        "POST /orders",
    }


def test_services_of_the_graph_are_told() -> None:
    shop = with_users()
    assert one(shop, "GET /orders").services == ["checkout", "reports"]
    assert one(shop, "POST /orders").services == ["checkout"]
    assert one(shop, "GET /open").services == []
    (reports,) = shop.what_can("reports")
    assert reports.kind == "service"
    assert [reach.operation for reach in reports.operations] == ["GET /orders", "GET /open"]
    assert [rule.policy for rule in reports.operations[0].rules] == ["authorize.permissions"]
    with pytest.raises(UnknownName, match="no consumer with a usable credential, role or service nobody"):
        shop.what_can("nobody")
