"""Requests explained offline: who decides what, by which rule, and where that is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rows import rows

from portcullis.control.explain import ExplainedStep, Explainer, Explanation, offline_keys
from portcullis.control.key_orders import NewKey
from portcullis.control.key_sets.kept import KeptKeySets
from portcullis.control.keys import KeyService
from portcullis.engine.api_key_format import digest_of, mint
from portcullis.engine.authentication.jose.key_source import KeySetUpdate, KeySource
from portcullis.engine.config.load import LoadedConfiguration, load_configuration
from portcullis.engine.identity import Consumer
from portcullis.engine.ports import KeyGrant
from portcullis.engine.request import RequestView
from portcullis.stores.database.connection import DatabaseError
from portcullis.testing import FakeClock, FakeFiles, FakeKeys
from portcullis.testing.tokens import Signer, key_set_of

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop}]
paths:
  /orders:
    get:
      parameters: [{name: limit, in: query, schema: {type: integer}}]
      responses: {"200": {description: ok}}
    post:
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              properties:
                qty: {type: integer}
      responses: {"201": {description: made}}
  /status:
    get: {responses: {"200": {description: ok}}}
"""

CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities:
  partners: {api_key: {header: X-API-Key, query: api_key}}
  forwarded: {api_key: {header: null, query: api_key, forward: true}}
plans:
  free: {rate: {requests: 10, per: minute}}
apis:
  shop:
    hosts: [api.shop.example]
    upstream: {targets: ["http://127.0.0.1:9000/"], path: strip}
    versions:
      v1:
        spec: specs/shop.yaml
        operations:
          "POST /orders": {authorize: {scopes: ["orders:write"]}, max_body: 100}
    authenticate: [partners]
    limit: {plan: {of: consumer}}
    operations:
      "GET /status": {public: true, limit: {mode: monitor, plan: free}}
  other:
    hosts: [other.example, "*.other.example"]
    base_path: /other
    upstream: {targets: ["https://other.internal"]}
    versions: {v1: {spec: specs/shop.yaml}}
    authenticate: [forwarded]
    operations:
      "POST /orders": {validate: {request: {mode: monitor}}}
"""

KEY = mint(lambda below: below // 3)
GRANT = KeyGrant(KEY.id, Consumer("acme", "free"), frozenset({"orders:write"}))


class Files:
    """The one document, by the name that the configuration gives it."""

    def read(self, path: str) -> bytes:
        if path != "specs/shop.yaml":
            raise FileNotFoundError(2, "No such file or directory", path)
        return SPEC.encode()

    def read_referred(self, path: str, document: str) -> bytes:
        del document
        return self.read(path)

    def environment(self, name: str) -> str | None:
        return None


def loaded(text: str = CONFIGURATION) -> LoadedConfiguration:
    return load_configuration(text, "conf/p.yaml")


def explain(
    call: str, *, body: bytes = b"", grant: KeyGrant | None = GRANT, text: str = CONFIGURATION, **headers: str
) -> Explanation:
    keys = FakeKeys()
    if grant is not None:
        keys.add(KEY.reveal(), grant)
    explainer = Explainer(loaded(text), Path("conf/p.yaml"), Files(), FakeClock(), keys)
    method, _, target = call.partition(" ")
    fields = [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    request = RequestView(method, target, fields, dict(fields), has_body=bool(body))
    request.body = body
    return explainer.explain(request)


def order(body: bytes, **headers: str) -> Explanation:
    return explain("POST /shop/orders", body=body, content_type="application/json", **headers)


def outcomes(explanation: Explanation) -> list[tuple[str, str]]:
    return [(step.policy, step.outcome) for step in explanation.steps]


def step(explanation: Explanation, policy: str) -> ExplainedStep:
    return next(each for each in explanation.steps if each.policy == policy)


def place(explanation: Explanation, policy: str) -> tuple[str, str]:
    found = step(explanation, policy)
    return found.rule, found.where


def test_an_allowed_request_is_walked_to_the_url_it_would_be_sent_to() -> None:
    explanation = order(b'{"qty": 1}', x_api_key=KEY.reveal())
    assert outcomes(explanation) == [
        ("guard", "allow"),
        ("authenticate.api_key", "allow"),
        ("authorize.scopes", "allow"),
        ("limit.rate", "allow"),
        ("validate.request", "allow"),
    ]
    assert (explanation.decision, explanation.status, explanation.code) == ("allow", 0, "")
    assert explanation.upstream == "http://127.0.0.1:9000/orders"
    assert (explanation.api, explanation.version, explanation.operation) == ("shop", "v1", "POST /orders")
    assert explanation.declared == "conf/specs/shop.yaml:9"
    assert (explanation.consumer, explanation.credential) == ("acme", KEY.id)
    assert explanation.answer == {}


def test_every_step_has_the_rule_it_went_by_and_its_line() -> None:
    explanation = order(b'{"qty": 1}', x_api_key=KEY.reveal())
    assert [(each.rule, each.where) for each in explanation.steps] == [
        ("#/paths/~1orders/post", "conf/specs/shop.yaml:9"),
        ("apis.shop.authenticate", "conf/p.yaml:16"),
        ('apis.shop.versions.v1.operations."POST /orders".authorize', "conf/p.yaml:15"),
        ("apis.shop.limit", "conf/p.yaml:17"),
        ("#/paths/~1orders/post", "conf/specs/shop.yaml:9"),
    ]
    public = explain("GET /shop/status")
    assert place(public, "authenticate.public") == ('apis.shop.operations."GET /status".public', "conf/p.yaml:19")
    assert place(public, "limit.rate") == ('apis.shop.operations."GET /status".limit', "conf/p.yaml:19")
    monitored = explain("POST /other/orders", body=b"{}", api_key=KEY.reveal())
    assert step(monitored, "guard").where == "conf/specs/shop.yaml:9"


@rows(
    ("call", "status", "message"),
    [
        ("POST /shop/orders", 16, "The caller could not be authenticated (authenticate.failed)"),
        ("POST /shop/none", 12, "There is nothing at this path (guard.unknown_path)"),
    ],
)
def test_a_client_of_grpc_would_get_its_status(call: str, status: int, message: str) -> None:
    told = explain(call, content_type="application/grpc")
    assert (told.decision, told.status, told.grpc_status, told.answer) == ("refuse", 200, status, {})
    assert (told.fields["grpc-status"], told.fields["grpc-message"]) == (str(status), message)


def test_what_a_client_of_grpc_would_be_told_holds_no_key() -> None:
    told = explain("POST /shop/orders?limit=1", content_type="application/grpc", x_api_key=KEY.reveal() + "x")
    assert told.grpc_status == 16
    assert KEY.reveal() not in str(told.fields)


def test_a_refusal_ends_the_walk_and_says_what_the_client_would_get() -> None:
    explanation = order(b'{"qty": 1}')
    assert outcomes(explanation) == [
        ("guard", "allow"),
        ("authenticate.api_key", "refuse"),
        ("authorize.scopes", "not reached"),
        ("limit.rate", "not reached"),
        ("validate.request", "not reached"),
    ]
    assert (explanation.decision, explanation.status, explanation.code) == ("refuse", 401, "authenticate.missing")
    assert explanation.answer["code"] == "authenticate.failed"
    assert explanation.fields["www-authenticate"].startswith("ApiKey ")
    assert explanation.upstream == ""
    assert place(explanation, "authenticate.api_key") == ("apis.shop.authenticate", "conf/p.yaml:16")


@rows(
    ("grant", "code", "found"),
    [
        (None, "authenticate.unknown_key", "a key that was never issued here"),
        (
            KeyGrant(KEY.id, Consumer("acme"), revoked=True),
            "authenticate.revoked_key",
            f"key {KEY.id} of acme, revoked",
        ),
        (KeyGrant(KEY.id, Consumer("acme"), expires=1.0), "authenticate.expired_key", f"key {KEY.id} of acme, expired"),
    ],
)
def test_the_true_reason_of_a_key_that_is_refused_is_told(grant: KeyGrant | None, code: str, found: str) -> None:
    explanation = explain("GET /shop/orders", grant=grant, x_api_key=KEY.reveal())
    refused = step(explanation, "authenticate.api_key")
    assert (explanation.code, refused.code) == (code, code)
    assert refused.finding is not None
    assert refused.finding.found == found
    assert (refused.rule, refused.where) == ("identities.partners", "conf/p.yaml:3")


def test_a_missing_scope_is_told_with_the_setting_that_asks_for_it() -> None:
    explanation = explain("POST /shop/orders", grant=KeyGrant(KEY.id, Consumer("acme", "free")), x_api_key=KEY.reveal())
    assert explanation.code == "authorize.missing_scope"
    assert place(explanation, "authorize.scopes")[1] == "conf/p.yaml:15"


def test_a_consumer_without_a_plan_is_told_with_the_limit_that_asks_for_one() -> None:
    explanation = explain("GET /shop/orders", grant=KeyGrant(KEY.id, Consumer("acme", "gone")), x_api_key=KEY.reveal())
    assert explanation.code == "limit.no_plan"
    assert place(explanation, "limit.rate") == ("apis.shop.limit", "conf/p.yaml:17")


def test_what_a_document_does_not_allow_is_told_with_its_line() -> None:
    explanation = order(b'{"qty": "x"}', x_api_key=KEY.reveal())
    assert explanation.code == "validate.wrong_type"
    assert step(explanation, "validate.request").where == "conf/specs/shop.yaml:17"


def test_a_monitored_refusal_is_told_and_does_not_end_the_walk() -> None:
    explanation = explain(f"POST /other/orders?api_key={KEY.reveal()}", body=b"{}", text=CONFIGURATION)
    refused = step(explanation, "validate.request")
    assert (explanation.decision, refused.outcome, refused.code) == ("allow", "would_refuse", "validate.media_type")


def test_a_body_over_the_cap_is_refused_as_a_worker_would() -> None:
    explanation = order(b'{"qty": 1' + b" " * 100 + b"}", x_api_key=KEY.reveal())
    assert explanation.code == "guard.body_too_large"
    assert outcomes(explanation)[-3:] == [
        ("limit.rate", "allow"),
        ("guard", "refuse"),
        ("validate.request", "not reached"),
    ]
    refused = explanation.steps[-2]
    assert (refused.rule, refused.where) == (
        'apis.shop.versions.v1.operations."POST /orders".max_body',
        "conf/p.yaml:15",
    )


def test_where_the_documents_own_bounds_cap_a_body_the_document_is_named() -> None:
    text = CONFIGURATION.replace(", max_body: 100}", "}").replace(
        "    limit: {plan", "    max_body: 1MiB\n    limit: {plan", 1
    )
    body = b'{"qty": 1' + b" " * 20_000 + b"}"
    explanation = explain(
        "POST /shop/orders", body=body, content_type="application/json", text=text, x_api_key=KEY.reveal()
    )
    assert explanation.code == "guard.body_too_large"
    refused = explanation.steps[-2]
    assert refused.finding is not None
    assert refused.finding.allowed == "at most 16384 bytes"
    assert (refused.rule, refused.where) == ("#/paths/~1orders/post/requestBody", "conf/specs/shop.yaml:10")


def test_a_cap_that_nobody_has_set_is_nowhere() -> None:
    text = CONFIGURATION.replace(", max_body: 100}", ", validate: {request: {on_undeclared: {body: allow}}}}")
    body = b'{"qty": 1' + b" " * 2**20 + b"}"
    explanation = explain(
        "POST /shop/orders", body=body, content_type="application/json", text=text, x_api_key=KEY.reveal()
    )
    refused = explanation.steps[-2]
    assert (refused.code, refused.rule, refused.where) == ("guard.body_too_large", "", "")


@rows(
    ("call", "code"),
    [
        ("GET /nothing", "guard.unknown_path"),
        ("PUT /shop/orders", "guard.method_not_allowed"),
        ("GET /shop/%2e%2e/orders", "guard.malformed_target"),
        ("GET /shop/\u00e9", "guard.malformed_target"),
    ],
)
def test_a_request_that_leads_nowhere_is_told_why(call: str, code: str) -> None:
    explanation = explain(call)
    assert (explanation.decision, explanation.code, explanation.operation) == ("refuse", code, "")
    assert outcomes(explanation) == [("guard", "refuse")]
    assert explanation.steps[0].where == ""


# Hosts.


@rows(
    ("call", "host", "operation"),
    [
        ("GET /shop/status", "api.shop.example", "GET /status"),
        ("GET /other/orders", "other.example", "GET /orders"),
        ("PUT /other/orders", "other.example", ""),
        ("GET /nothing", "api.shop.example", ""),
    ],
)
def test_a_request_that_names_no_host_is_taken_to_be_for_one_that_serves_it(
    call: str, host: str, operation: str
) -> None:
    explanation = explain(call)
    assert (explanation.host, explanation.operation) == (host, operation)


def test_what_the_service_has_to_be_asked_about_is_named() -> None:
    schema = "{type: object, properties: {owner: {type: string}}}"
    answer = f'{{"200": {{description: ok, content: {{application/json: {{schema: {schema}}}}}}}}}'
    paths = f"""\
openapi: 3.1.0
info: {{title: Shop, version: "1"}}
paths:
  /orders/{{id}}:
    parameters: [{{name: id, in: path, required: true, schema: {{type: integer}}}}]
    get: {{responses: {answer}}}
    delete: {{responses: {{"204": {{description: gone}}}}}}
"""
    configuration = """\
listeners: {public: {bind: "127.0.0.1:0"}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["http://127.0.0.1:9000/"]}
    versions: {v1: {spec: specs/shop.yaml}}
    public: true
    operations:
      "GET /orders/{id}": {objects: {owner: 'response.owner == "a"'}}
      "DELETE /orders/{id}":
        objects: {owner: {rule: 'response.owner == "a"', before: {read: "GET /orders/{id}"}}}
"""
    files = FakeFiles({"specs/shop.yaml": paths})
    loaded = load_configuration(configuration, "portcullis.yaml", files)
    explainer = Explainer(loaded, Path("portcullis.yaml"), files, FakeClock(), FakeKeys())
    for method, line in (("GET", 9), ("DELETE", 11)):
        request = RequestView(method, "/orders/1", ((b"host", b"a"),), {b"host": b"a"})
        last = explainer.explain(request).steps[-1]
        assert (last.policy, last.outcome) == ("objects.owner", "later")
        assert last.where == f"portcullis.yaml:{line}"


HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def test_a_handshake_is_walked_as_one() -> None:
    text = CONFIGURATION.replace("{public: true, limit:", "{public: true, websocket: {}, limit:")
    call = "GET /shop/status"
    allowed = explain(call, text=text, Host="api.shop.example", **HANDSHAKE)
    assert allowed.decision == "allow"
    assert ("guard.websocket", "allow") in outcomes(allowed)
    foreign = explain(call, text=text, Host="api.shop.example", Origin="https://evil.example", **HANDSHAKE)
    assert (foreign.status, foreign.code) == (403, "guard.websocket_origin")
    plain = explain(call, text=text, Host="api.shop.example")
    assert (plain.status, plain.code) == (426, "guard.websocket_expected")
    elsewhere = explain("GET /shop/status", Host="api.shop.example", **HANDSHAKE)
    assert (elsewhere.status, elsewhere.code) == (400, "guard.upgrade_refused")


def test_a_host_for_a_whole_domain_is_assumed_by_an_example() -> None:
    text = CONFIGURATION.replace('[other.example, "*.other.example"]', '["*.other.example"]')
    assert explain("GET /other/orders", text=text).host == "any.other.example"


def test_the_host_that_is_named_counts() -> None:
    assert explain("GET /shop/status", host="other.example").code == "guard.unknown_path"
    assert explain("GET /shop/status", host="elsewhere").code == "guard.unknown_host"
    named = explain("GET http://api.shop.example/shop/status")
    assert (named.host, named.operation) == ("", "GET /status")
    assert explain("GET /shop/status", host="a b").code == "guard.malformed_request"


# Secrets.


def test_no_key_is_repeated_wherever_it_was_put() -> None:
    key = KEY.reveal()
    for explanation in (
        explain(f"GET /shop/orders?api_key={key}"),
        explain(f"GET /shop/orders?api_key={key}&api_key={key}"),
        explain(f"GET /other/orders?api_key={key}"),
        explain(f"GET /shop/orders?limit={key}", x_api_key=key),
        explain(f"GET /shop/orders?{key}=1", x_api_key=key),
        explain(f"GET /{key}"),
        explain(f"GET /shop/orders/{key}", x_api_key=key + "x"),
        order(b'{"qty": "%s"}' % key.encode(), x_api_key=key),
        order(b'{"%s": 1}' % key.encode(), x_api_key=key),
    ):
        assert key not in repr(explanation)
        assert key[-40:] not in repr(explanation)


def test_a_credential_that_is_forwarded_is_not_shown_in_the_url_upstream() -> None:
    explanation = explain(f"GET /other/orders?limit=3&api_key={KEY.reveal()}")
    assert explanation.decision == "allow"
    assert explanation.upstream == "https://other.internal/other/orders?limit=3&api_key=***"


# Keys from the database.


def configured(folder: Path) -> tuple[Any, Path]:
    (folder / "specs").mkdir()
    (folder / "specs" / "shop.yaml").write_text(SPEC)
    return loaded(CONFIGURATION + "state: {directory: .}\n").configuration, folder / "p.yaml"


def test_without_a_database_there_are_no_keys_and_none_is_made(tmp_path: Path) -> None:
    configuration, file = configured(tmp_path)
    keys = offline_keys(configuration, file)
    assert keys.ready
    assert len(keys) == 0
    assert not (tmp_path / "portcullis.db").exists()


def test_the_keys_of_the_database_are_known(tmp_path: Path, service: KeyService) -> None:
    key = service.create(NewKey("acme")).key
    configuration, file = configured(tmp_path)
    grant = offline_keys(configuration, file).find(digest_of(key.reveal().encode()))
    assert grant is not None
    assert grant.consumer.name == "acme"


def test_a_database_of_something_else_is_an_error_and_stays_as_it_is(tmp_path: Path) -> None:
    configuration, file = configured(tmp_path)
    (tmp_path / "portcullis.db").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(DatabaseError):
        offline_keys(configuration, file)
    assert (tmp_path / "portcullis.db").read_bytes().startswith(b"nothing")


def test_a_token_is_verified_by_the_keys_that_the_gateway_fetched_last(tmp_path: Path) -> None:
    clock, signer = FakeClock(), Signer("ES256", "first")
    issuer = "https://id.example.com"
    text = CONFIGURATION.replace(
        "  partners: {api_key: {header: X-API-Key, query: api_key}}",
        f'  partners: {{jwt: {{issuer: "{issuer}", audience: shop, jwks: auto, plan: free}}}}',
    )
    token = signer.token({"iss": issuer, "aud": "shop", "sub": "alice", "exp": clock.wall_s() + 60, "jti": "t-1"})

    def explained() -> Explanation:
        explainer = Explainer(loaded(text), tmp_path / "p.yaml", Files(), clock, FakeKeys())
        fields = [(b"host", b"api.shop.example"), (b"authorization", f"Bearer {token}".encode())]
        return explainer.explain(RequestView("GET", "/shop/orders", fields, dict(fields), body=b""))

    assert step(explained(), "authenticate.jwt").code == "authenticate.unavailable"
    update = KeySetUpdate(json.dumps(key_set_of(signer)).encode(), clock.wall_s(), clock.wall_s() + 60)
    (tmp_path / ".portcullis").mkdir()
    KeptKeySets(tmp_path / ".portcullis").save(KeySource(issuer), update)
    explanation = explained()
    assert (explanation.decision, explanation.consumer, explanation.credential) == ("allow", "partners:alice", "t-1")
    assert token.rpartition(".")[2] not in repr(explanation)
