"""A gateway in front of a service of its own, for each module of tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gateway import Gateway, create_key, end, serving, start
from upstream import Upstream

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop}]
paths:
  /items:
    get:
      parameters:
        - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 100}}
      responses: {default: {description: Whatever the test lets the service say.}}
    post:
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [name, qty]
              properties:
                name: {type: string, minLength: 1, maxLength: 200}
                qty: {type: integer, minimum: 1}
      responses: {default: {description: Whatever the test lets the service say.}}
  /items/{item_id}:
    parameters:
      - {name: item_id, in: path, required: true, schema: {type: integer}}
    get: {responses: {default: {description: Whatever the test lets the service say.}}}
    put:
      requestBody:
        required: true
        content: {application/json: {schema: {type: object, properties: {name: {type: string}}}}}
      responses: {default: {description: Whatever the test lets the service say.}}
  /open/{name}:
    parameters:
      - {name: name, in: path, required: true, schema: {type: string}}
    get: {responses: {default: {description: Whatever the test lets the service say.}}}
    delete: {responses: {default: {description: Whatever the test lets the service say.}}}
  /upload:
    post:
      requestBody: {content: {application/octet-stream: {}}}
      responses: {default: {description: Whatever the test lets the service say.}}
"""

CONFIGURATION = """\
listeners:
  public:
    bind: 127.0.0.1:0
    timeouts: {header: 1s, body: 1s, idle: 2s}
    max_connections_per_address: 2000
  admin: {bind: "127.0.0.1:0"}
identities:
  partners: {api_key: {}}
plans:
  free: {rate: {requests: 10, per: hour, burst: 10}}
  gold: {rate: {requests: 100000, per: second}}
apis:
  shop:
    hosts: ["*"]
    upstream:
      targets: ["UPSTREAM"]
      timeouts: {connect: 1s, first_byte: 1s, idle: 1s, whole: 20s}
    versions:
      v1: {spec: shop.yaml}
    authenticate: [partners]
    limit: {plan: {of: consumer}, default_plan: gold}
    operations:
      "GET /open/{name}": {public: true, limit: {plan: gold}}
      "DELETE /open/{name}": {public: true, limit: {plan: gold}}
      "POST /upload": {public: true, limit: {plan: gold}, validate: {request: {mode: "off"}}, max_body: 200MiB}
observe:
  access_log: {path: access.jsonl}
process: {drain: 5s}
"""

Start = Callable[..., Gateway]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A service for one test."""
    service = Upstream()
    yield service
    service.stop()


@pytest.fixture
def directory(tmp_path: Path, upstream: Upstream) -> Path:
    """The files of a gateway in front of ``upstream`` that has not been started."""
    write_files(tmp_path, upstream, lambda text: text)
    return tmp_path


@pytest.fixture
def start_gateway(tmp_path: Path, upstream: Upstream) -> Iterator[Start]:
    """Start a gateway for one test in front of ``upstream``; ``change`` edits the configuration's text first."""
    running: list[Gateway] = []

    def begin(change: Callable[[str], str] = lambda text: text, workers: int = 1) -> Gateway:
        write_files(tmp_path, upstream, change)
        running.append(start(tmp_path, workers))
        return running[-1]

    yield begin
    for gateway in running:
        end(gateway)


@pytest.fixture(scope="module")
def service() -> Iterator[Upstream]:
    """The service behind ``gateway``."""
    running = Upstream()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, service: Upstream
) -> Iterator[Gateway]:
    """One gateway for all tests of a module, with one worker.

    A module may have a ``SPEC``, a ``CONFIGURATION`` and a number of ``WORKERS`` of its own.
    """
    own = vars(request.module)
    spec, configuration = own.get("SPEC", SPEC), own.get("CONFIGURATION", CONFIGURATION)
    directory = tmp_path_factory.mktemp("gateway")
    with serving(directory, spec, configuration, service.url, own.get("WORKERS", 1)) as running:
        yield running


@pytest.fixture(scope="module")
def key(gateway: Gateway) -> str:
    """A key of the consumer ``alice``, who is on the gold plan."""
    return create_key(gateway.directory, "alice", "--plan", "gold")


def write_files(directory: Path, service: Upstream, change: Callable[[str], str]) -> None:
    """The document and the configuration of a gateway in front of ``service``."""
    (directory / "shop.yaml").write_text(SPEC)
    (directory / "portcullis.yaml").write_text(change(CONFIGURATION.replace("UPSTREAM", service.url)))
