"""What of a request's head reaches the service, over sockets: header fields, cookies, parameters in every place."""

from __future__ import annotations

import pytest
from gateway import Gateway
from upstream import Exchange, Upstream

SPEC = """\
openapi: 3.1.0
info: {title: Places, version: "1"}
servers: [{url: /v1}]
paths:
  /places/{zone}/{shelf}:
    get:
      parameters:
        - {name: zone, in: path, required: true, style: matrix, schema: {type: integer}}
        - name: shelf
          in: path
          required: true
          style: label
          explode: true
          schema: {type: array, items: {type: integer}}
        - {name: filter, in: query, style: deepObject, schema: {type: object, properties: {a: {type: integer}}}}
        - {name: ids, in: query, explode: false, schema: {type: array, items: {type: integer}}}
        - {name: X-User-Id, in: header, schema: {type: integer}}
        - {name: old_name, in: header, schema: {type: string}}
        - {name: visits, in: cookie, schema: {type: integer}}
      responses: {default: {description: A place.}}
  /plain:
    get: {responses: {default: {description: Plain.}}}
components:
  securitySchemes:
    keyed: {type: apiKey, in: header, name: api_key}
    browser: {type: apiKey, in: cookie, name: sid}
"""

CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0", timeouts: {idle: 2s}}
apis:
  places:
    hosts: ["*"]
    public: true
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
observe:
  access_log: {path: access.jsonl}
"""


@pytest.fixture
def call(gateway: Gateway, service: Upstream):
    """Send one request, and give its status and what the service saw of it, if anything."""

    def send(target: str, *fields: str) -> tuple[int, Exchange | None]:
        before = len(service.seen)
        lines = [f"GET {target} HTTP/1.1", "Host: places", *fields, "Connection: close", "", ""]
        answer = gateway.exchange("\r\n".join(lines).encode("latin-1"))
        seen = service.seen[before:]
        return int(answer.split(b" ", 2)[1]), seen[0] if seen else None

    return send


PLAIN = "/v1/plain"
PLACE = "/v1/places/;zone=5/.1.2"
DROPPED = [
    "X-HTTP-Method-Override: DELETE",
    "X-Method-Override: DELETE",
    "X-HTTP-Method: DELETE",
    "X-Original-URL: /admin",
    "X-Rewrite-URL: /admin",
    "X-Forwarded-Prefix: /admin",
    "X-Accel-Redirect: /secret",
    "X-Middleware-Subrequest: middleware",
    "X-Envoy-Retry-On: 5xx",
    "Proxy: http://evil",
    "Proxy-Authorization: Basic eDp5",
    "X-Real-IP: 203.0.113.9",
    "X-Remote-User: admin",
    "Remote-User: admin",
    "X-Authenticated-Userid: admin",
    "X-Consumer-Username: admin",
    "X-User: admin",
    "X-User-Roles: admin",
    "Client-Cert: :abc:",
    "X_Forwarded_For: 203.0.113.9",
    "X_User: admin",
    "X-Http_Method-Override: DELETE",
    "_method: DELETE",
    "Any_Thing: any",
]


@pytest.mark.parametrize("field", DROPPED)
def test_what_a_service_would_believe_does_not_reach_it(call, field: str) -> None:
    status, seen = call(PLAIN, field, "X-Ordinary: 1")
    assert status == 200
    assert seen is not None
    assert seen.field("x-ordinary") == "1"
    name, _, value = field.partition(": ")
    assert seen.field(name.lower()) is None
    assert value not in [sent for sent_name, sent in seen.fields if sent_name != "host"]


def test_what_the_document_declares_reaches_the_service(call) -> None:
    status, seen = call(PLACE, "X-User-Id: 7", "old_name: a", "api_key: k", "X-User: eve")
    assert status == 200
    assert (seen.field("x-user-id"), seen.field("old_name"), seen.field("api_key")) == ("7", "a", "k")
    assert seen.field("x-user") is None
    assert call(PLAIN, "X-User-Id: 7")[1].field("x-user-id") is None
    assert call(PLACE, "X-User-Id: me")[0] == 400


def test_parameters_are_read_wherever_they_are_and_sent_on_as_they_were(call) -> None:
    status, seen = call(f"{PLACE}?filter[a]=1&ids=1,2", "Cookie: visits=3; sid=abc")
    assert status == 200
    assert seen.line == f"GET {PLACE}?filter[a]=1&ids=1,2 HTTP/1.1"
    assert seen.field("cookie") == "visits=3; sid=abc"
    assert call(f"{PLACE}?ids=1%2C2")[1].line == f"GET {PLACE}?ids=1,2 HTTP/1.1"


@pytest.mark.parametrize(
    ("target", "field", "status"),
    [
        ("/v1/places/;zone=x/.1", "", 400),
        ("/v1/places/5/.1", "", 404),
        ("/v1/places/;zone=5/1", "", 400),
        ("/v1/places/;zone=5/.1.x", "", 400),
        (f"{PLACE}?filter[a]=x", "", 400),
        (f"{PLACE}?filter[b]=1", "", 400),
        (f"{PLACE}?_method=DELETE", "", 400),
        (PLACE, "Cookie: visits=x", 400),
        (PLACE, 'Cookie: visits="1"', 400),
        (PLACE, "Cookie: visits=1; visits=2", 400),
        (PLACE, "Cookie: visits=1\r\nCookie: a=2", 400),
        ("/v1/plain;x=1", "", 404),
        ("/v1/;x=1/plain", "", 404),
    ],
)
def test_what_does_not_fit_does_not_reach_the_service(call, target: str, field: str, status: int) -> None:
    assert call(target, *([field] if field else [])) == (status, None)


def test_undeclared_cookies_do_not_reach_the_service(call) -> None:
    assert call(PLAIN, "Cookie: _ga=1; theme=dark")[1].field("cookie") is None
    assert call(PLAIN, "Cookie: _ga=1; sid=abc")[1].field("cookie") == "sid=abc"
    assert call(PLACE, "Cookie: _ga=1; visits=3")[1].field("cookie") == "visits=3"
