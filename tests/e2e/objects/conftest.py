"""A gateway in front of a service that checks nothing, and three callers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from gateway import Gateway, create_key, serving
from orders import Orders

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths:
  /orders:
    get:
      parameters: [{name: customer, in: query, schema: {type: string}}]
      responses:
        "200": {description: Some., content: {application/json: {schema: {$ref: "#/components/schemas/Page"}}}}
  /orders/{order_id}:
    parameters: [{name: order_id, in: path, required: true, schema: {type: integer}}]
    get:
      responses:
        "200": {description: It., content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}
        "404": {description: None.}
    put:
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}
      responses: {"204": {description: Done.}}
    delete: {responses: {"204": {description: Gone.}}}
  /transfers:
    post:
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [from]
              properties: {from: {type: string}, items: {type: array, items: {$ref: "#/components/schemas/Order"}}}
      responses: {"204": {description: Done.}}
  /customers/{customer_id}:
    parameters: [{name: customer_id, in: path, required: true, schema: {type: string}}]
    get:
      responses:
        "200": {description: It., content: {application/json: {schema: {$ref: "#/components/schemas/Customer"}}}}
    patch:
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Customer"}}}}
      responses: {"204": {description: Done.}}
components:
  schemas:
    Order:
      type: object
      properties: {id: {type: integer}, customer_id: {type: string}, total: {type: integer}}
    Page:
      type: object
      required: [items, total]
      properties: {items: {type: array, items: {$ref: "#/components/schemas/Order"}}, total: {type: integer}}
    Customer:
      type: object
      required: [email]
      properties:
        id: {type: string}
        email: {type: string, format: email, x-portcullis-see: [support], x-portcullis-else: mask}
        credit: {type: integer}
        score: {type: number}
"""

CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0"}
identities:
  people: {api_key: {}}
roles:
  support: ["customers:read"]
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [people]
    authorize: {every_caller: true}
    operations:
      "GET /orders/{order_id}":
        objects:
          owner:
            rule: response.customer_id == identity.subject
            exempt_roles: [support]
            enumeration: {after: 10, per: 1h}
      "GET /orders":
        objects:
          owner:
            rule: response.customer_id == identity.subject
            totals: [response.total, header.X-Total-Count]
      "PUT /orders/{order_id}":
        objects:
          owner:
            rule: >
              request.body.customer_id == identity.subject and request.body.id == request.path.order_id
              and response.customer_id == identity.subject
            before: {read: "GET /orders/{order_id}"}
      "DELETE /orders/{order_id}":
        objects:
          owner:
            rule: response.customer_id == identity.subject
            before: {read: "GET /orders/{order_id}"}
      "POST /transfers":
        objects:
          owner: request.body.from == identity.subject and request.body.items[].customer_id == identity.subject
      "GET /customers/{customer_id}":
        objects: {owner: {rule: request.path.customer_id == identity.subject, exempt_roles: [support]}}
      "PATCH /customers/{customer_id}":
        objects:
          owner: {rule: request.path.customer_id == identity.subject, exempt_roles: [support]}
          fields: {request: {/credit: {set: [support]}}}
observe: {access_log: {path: access.jsonl}}
"""

Call = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def service() -> Iterator[Orders]:
    orders = Orders()
    yield orders
    orders.stop()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, service: Orders) -> Iterator[Gateway]:
    """A gateway with two workers."""
    directory: Path = tmp_path_factory.mktemp("objects")
    with serving(directory, SPEC, CONFIGURATION, service.url, workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def keys(gateway: Gateway) -> dict[str, str]:
    """Keys of callers by their names; ``sam`` has the role of the support."""
    names = ("alice", "bob", "mallory", "sam")
    return {
        name: create_key(gateway.directory, name, *(("--role", "support") if name == "sam" else ())) for name in names
    }


@pytest.fixture(scope="module")
def call(gateway: Gateway, keys: dict[str, str]) -> Iterator[Call]:
    """Call as somebody: ``call("alice", "GET", "/orders/2")``. Each call is on a connection of its own."""
    with ExitStack() as stack:

        def make(who: str, method: str, target: str, **how: object) -> httpx.Response:
            client = stack.enter_context(httpx.Client(base_url=gateway.url, timeout=10))
            headers = {"X-API-Key": keys[who], **how.pop("headers", {})}  # type: ignore[dict-item]
            return client.request(method, target, headers=headers, **how)  # type: ignore[arg-type]

        yield make
