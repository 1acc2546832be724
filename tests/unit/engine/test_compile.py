"""From the files of a gateway to what serves, and to every error in them at once."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import Any

import pytest
from rows import rows

from portcullis.engine import compile as compile_module
from portcullis.engine.compile import DEFAULT_MAX_BODY, compile_snapshot
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import load_configuration
from portcullis.engine.decision import Answer
from portcullis.engine.endpoints.endpoint import make_endpoint
from portcullis.engine.operation import Operation
from portcullis.engine.ports import Ports
from portcullis.engine.snapshot import Snapshot
from portcullis.testing import FakeClock, FakeCounters, FakeKeys, make_request

SHOP = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: "https://api.shop.example/shop"}]
paths:
  /orders:
    get: {responses: {"204": {description: ok}}}
    post:
      requestBody: {content: {application/json: {schema: {type: object, properties: {a: {type: string}}}}}}
      responses: {"204": {description: made}}
  /orders/{order_id}:
    parameters: [{name: order_id, in: path, required: true, schema: {type: integer}}]
    get: {responses: {"204": {description: ok}}}
"""

PLANS = "{free: {rate: {requests: 10, per: minute}}}"
HEAD = f"""\
listeners: {{public: {{bind: "127.0.0.1:0"}}}}
identities: {{partners: {{api_key: {{}}}}}}
plans: {PLANS}
apis:
"""

API = """\
hosts: [api.shop.example]
upstream: {targets: ["http://127.0.0.1:9000"]}
versions: {v1: {spec: shop.yaml}}
authenticate: [partners]
"""


class Files:
    """Files in memory; what is not there can't be read."""

    def __init__(self, **files: str) -> None:
        self.files = {name.replace("_", "."): text for name, text in files.items()}
        self.reads: list[str] = []

    def read(self, path: str) -> bytes:
        self.reads.append(path)
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[path].encode()

    def read_referred(self, path: str, document: str) -> bytes:
        del document
        return self.read(path)

    def environment(self, name: str) -> str | None:
        return None


def compile_apis(files: Files | None = None, progress: Any = None, **apis: str) -> Snapshot:
    head = HEAD if any("limit:" in api for api in apis.values()) else HEAD.replace(PLANS, "{}")
    text = head + "".join(f"  {name}:\n{indent(dedent(api), '    ')}" for name, api in apis.items())
    ports = Ports(clock=FakeClock(), counters=FakeCounters(), keys=FakeKeys())
    return compile_snapshot(load_configuration(text, "p.yaml"), files or Files(shop_yaml=SHOP), ports, progress)


def errors(files: Files | None = None, **apis: str) -> list[str]:
    """Each error without its severity: ``place: message (hint)``."""
    with pytest.raises(ConfigurationError) as caught:
        compile_apis(files, **apis)
    return [str(diagnostic).replace(" error:", "") for diagnostic in caught.value.diagnostics]


def found(snapshot: Snapshot, call: str, host: str = "api.shop.example", **headers: str) -> Operation | str:
    """The operation of a call, or the code it is refused with."""
    method, _, target = call.partition(" ")
    request = make_request(method, target, {"host": host, **headers})
    refusal = snapshot.route(request)
    return request.operation if refusal is None else refusal.code.name


def name_of(snapshot: Snapshot, call: str, **headers: str) -> str:
    """``api version operation`` of a call, or the code it is refused with."""
    operation = found(snapshot, call, **headers)
    if isinstance(operation, str):
        return operation
    return f"{operation.api} {operation.version} {operation.name}"


# What is served, and where.


def test_every_operation_is_served_below_the_path_of_the_documents_server() -> None:
    snapshot = compile_apis(shop=API)
    assert [operation.name for operation in snapshot.operations] == [
        "GET /orders",
        "POST /orders",
        "GET /orders/{order_id}",
    ]
    assert name_of(snapshot, "GET /shop/orders") == "shop v1 GET /orders"
    assert name_of(snapshot, "GET /shop/orders/7") == "shop v1 GET /orders/{order_id}"
    assert name_of(snapshot, "GET /orders") == "guard.unknown_path"
    assert name_of(snapshot, "PUT /shop/orders") == "guard.method_not_allowed"


def test_without_a_server_the_paths_are_those_of_the_document() -> None:
    files = Files(shop_yaml=SHOP.replace('servers: [{url: "https://api.shop.example/shop"}]\n', ""))
    assert name_of(compile_apis(files, shop=API), "GET /orders") == "shop v1 GET /orders"


def test_a_base_path_replaces_the_servers() -> None:
    snapshot = compile_apis(shop=API + "base_path: /store\n")
    assert name_of(snapshot, "GET /store/orders") == "shop v1 GET /orders"
    assert name_of(snapshot, "GET /shop/orders") == "guard.unknown_path"


UPLOADS = """\
openapi: 3.1.0
info: {title: Files, version: "1"}
servers: [{url: "https://api.example/v1"}]
paths:
  /files:
    get: {responses: {}}
    post: {servers: [{url: "https://uploads.example/upload/v1"}, {url: "/upload/v1/"}], responses: {}}
  /users:
    servers: [{url: "https://api.example/v1/admin"}]
    get: {responses: {}}
    post: {servers: [{url: "https://other.example/v1"}], responses: {}}
"""


def test_an_operation_with_servers_of_its_own_is_served_below_their_path() -> None:
    snapshot = compile_apis(Files(shop_yaml=UPLOADS), shop=API)
    assert name_of(snapshot, "GET /v1/files") == "shop v1 GET /files"
    assert name_of(snapshot, "POST /v1/files") == "guard.method_not_allowed"
    assert name_of(snapshot, "POST /upload/v1/files") == "shop v1 POST /files"
    assert name_of(snapshot, "GET /upload/v1/files") == "guard.method_not_allowed"
    assert name_of(snapshot, "GET /v1/admin/users") == "shop v1 GET /users"
    assert name_of(snapshot, "GET /v1/users") == "guard.method_not_allowed"
    assert name_of(snapshot, "POST /v1/users") == "shop v1 POST /users"


@rows(
    ("path", "call", "upstream"),
    [
        ("keep", "POST /upload/v1/files", "/upload/v1/files"),
        ("strip", "POST /upload/v1/files", "/files"),
        ("strip", "GET /v1/files", "/files"),
        ("strip", "GET /v1/admin/users", "/users"),
    ],
)
def test_what_is_stripped_is_the_path_before_the_one_in_the_document(path: str, call: str, upstream: str) -> None:
    api = API.replace('9000"]}', f'9000"], path: {path}}}')
    operation = found(compile_apis(Files(shop_yaml=UPLOADS), shop=api), call)
    assert isinstance(operation, Operation)
    assert operation.upstream_path(call.partition(" ")[2]) == upstream


def test_a_base_path_holds_for_operations_with_servers_of_their_own_too() -> None:
    snapshot = compile_apis(Files(shop_yaml=UPLOADS), shop=API + "base_path: /store\n")
    assert name_of(snapshot, "POST /store/files") == "shop v1 POST /files"
    assert name_of(snapshot, "GET /store/users") == "shop v1 GET /users"
    assert name_of(snapshot, "POST /upload/v1/files") == "guard.unknown_path"
    (warning,) = (each for each in snapshot.warnings if "servers" in each.message)
    assert (warning.file, warning.line, warning.severity) == ("shop.yaml", 7, "warning")
    assert warning.message == (
        "its own servers have the path /upload/v1 (and 1 more of this document), "
        "but base_path says that all is served below /store"
    )


def test_versions_that_a_header_field_chooses_may_be_served_below_several_paths() -> None:
    api = API.replace("v1: {spec: shop.yaml}", "v1: {spec: shop.yaml}, v2: {spec: old.yaml}")
    files = Files(shop_yaml=UPLOADS, old_yaml=UPLOADS.replace("/upload/v1", "/v1"))
    snapshot = compile_apis(files, shop=api + "version: {by: header, name: V}\n")
    assert name_of(snapshot, "POST /upload/v1/files", v="v1") == "shop v1 POST /files"
    assert name_of(snapshot, "POST /upload/v1/files", v="v2") == "guard.unknown_version"
    assert name_of(snapshot, "POST /v1/files", v="v2") == "shop v2 POST /files"
    assert name_of(snapshot, "GET /v1/admin/users", v="v1") == "shop v1 GET /users"


def test_paths_that_are_the_same_by_their_servers_are_served_as_one() -> None:
    more = "/v1/files: {put: {servers: [{url: /}], responses: {}}}\n  /users:"
    snapshot = compile_apis(Files(shop_yaml=UPLOADS.replace("/users:", more)), shop=API)
    assert name_of(snapshot, "PUT /v1/files") == "shop v1 PUT /v1/files"
    assert name_of(snapshot, "GET /v1/files") == "shop v1 GET /files"


@rows(
    ("before", "after", "error"),
    [
        (
            "https://uploads.example/upload/v1",
            "https://uploads.example/{x}",
            (
                "7:5: #/paths/~1files/post: the path of the servers of POST /files, /{x}, holds more than plain"
                " segments of letters, digits and -._~ (give the API a base_path)"
            ),
        ),
        (
            "/users:",
            "/v1/files: {get: {servers: [{url: /}], responses: {}}}\n  /users:",
            (
                "8:15: #/paths/~1v1~1files/get: by its servers this is GET /v1/files, and so is GET /files (leave"
                " one of them out, or correct its servers)"
            ),
        ),
        (
            "/users:",
            "/x/b: {get: {servers: [{url: /v1/y}], responses: {}}}\n  /y/x/b: {get: {responses: {}}}\n  /users:",
            (
                "9:12: #/paths/~1y~1x~1b/get: by its servers this is GET /v1/y/x/b, and so is GET /x/b (leave one"
                " of them out, or correct its servers)"
            ),
        ),
    ],
)
def test_servers_of_operations_that_can_not_be_served(before: str, after: str, error: str) -> None:
    files = Files(shop_yaml=UPLOADS.replace(before, after, 1))
    assert errors(files, shop=API) == [f"shop.yaml:{error}"]


def test_a_version_in_the_path_must_be_in_the_path_of_all_servers() -> None:
    (error,) = errors(Files(shop_yaml=UPLOADS), shop=API + "version: {by: path}\n")
    assert error == (
        "shop.yaml:10:5: #/paths/~1users/get: the path of the servers of GET /users, /v1/admin,"
        " does not end with the version v1 (give the API a base_path)"
    )


def test_a_document_may_consist_of_several_files() -> None:
    order = "type: object\nproperties: {a: {type: integer}}\n"
    files = Files(
        shop_yaml=SHOP.replace("{type: object, properties: {a: {type: string}}}", '{$ref: "types/order.yaml"}')
    )
    files.files["types/order.yaml"] = order
    assert len(compile_apis(files, shop=API).operations) == 3
    assert files.reads == ["shop.yaml", "types/order.yaml"]
    files.files["types/order.yaml"] = order.replace("integer", "intger")
    (error,) = errors(files, shop=API)
    assert error.startswith("types/order.yaml:2:18: #/properties/a/type: not a JSON Schema: must be one of")


def test_swagger_2_is_served_as_well() -> None:
    old = """\
swagger: "2.0"
info: {title: Shop, version: "1"}
basePath: /shop
paths:
  /orders:
    post:
      parameters: [{name: order, in: body, schema: {type: object, properties: {a: {type: string}}}}]
      responses: {"204": {description: made}}
"""
    assert name_of(compile_apis(Files(shop_yaml=old), shop=API), "POST /shop/orders") == "shop v1 POST /orders"


def test_paths_that_differ_in_the_names_of_variables_are_served_as_one() -> None:
    more = """\
  /orders/{id}:
    delete:
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses: {"204": {description: gone}}
"""
    snapshot = compile_apis(Files(shop_yaml=SHOP + more), shop=API)
    assert name_of(snapshot, "GET /shop/orders/7") == "shop v1 GET /orders/{order_id}"
    assert name_of(snapshot, "DELETE /shop/orders/7") == "shop v1 DELETE /orders/{id}"
    assert "they are served as one" in snapshot.warnings[0].message


@rows(("setting", "admitted"), [("", False), ("allow_encoded_slash: true\n", True)])
def test_encoded_slashes_are_admitted_where_the_file_says_so(setting: str, admitted: bool) -> None:
    assert {operation.encoded_slash for operation in compile_apis(shop=API + setting).operations} == {admitted}


@rows("base_path", ["/store", "/"])
def test_the_version_is_the_segment_after_the_base_path(base_path: str) -> None:
    versions = "versions: {v1: {spec: shop.yaml}, v2: {spec: shop.yaml}}"
    api = API.replace("versions: {v1: {spec: shop.yaml}}", versions)
    snapshot = compile_apis(shop=api + f"base_path: {base_path}\nversion: {{by: path}}\n")
    below = base_path.rstrip("/")
    assert name_of(snapshot, f"GET {below}/v1/orders") == "shop v1 GET /orders"
    assert name_of(snapshot, f"GET {below}/v2/orders") == "shop v2 GET /orders"
    assert name_of(snapshot, f"GET {below}/v3/orders") == "guard.unknown_path"
    assert name_of(snapshot, f"GET {below}/orders") == "guard.unknown_path"


def test_the_version_may_stand_in_the_path_of_the_documents_server() -> None:
    files = Files(shop_yaml=SHOP.replace("example/shop", "example/shop/v1"))
    snapshot = compile_apis(files, shop=API + "version: {by: path}\n")
    assert name_of(snapshot, "GET /shop/v1/orders") == "shop v1 GET /orders"


def test_a_header_field_chooses_the_version_and_may_be_left_out_where_there_is_a_default() -> None:
    files = Files(one_yaml=SHOP, two_yaml=SHOP.replace("/orders", "/bills"))
    api = API.replace("{v1: {spec: shop.yaml}}", "{v1: {spec: one.yaml}, v2: {spec: two.yaml}}")
    snapshot = compile_apis(files, shop=api + "version: {by: header, name: Shop-Version, default: v2}\n")
    assert name_of(snapshot, "GET /shop/orders", **{"shop-version": "v1"}) == "shop v1 GET /orders"
    assert name_of(snapshot, "GET /shop/bills", **{"shop-version": "v2"}) == "shop v2 GET /bills"
    assert name_of(snapshot, "GET /shop/bills") == "shop v2 GET /bills"
    assert name_of(snapshot, "GET /shop/bills", **{"shop-version": "v1"}) == "guard.unknown_path"
    assert name_of(snapshot, "GET /shop/bills", **{"shop-version": "v3"}) == "guard.unknown_version"


@rows(
    ("declared", "host", "served"),
    [
        ("api.shop.example", "api.shop.example", True),
        ("api.shop.example", "shop.example", False),
        ("*.shop.example", "api.shop.example", True),
        ("*.shop.example", "a.b.shop.example", True),
        ("*.shop.example", "shop.example", False),
        ("*", "anything", True),
    ],
)
def test_hosts_are_served_by_name_by_domain_or_all(declared: str, host: str, served: bool) -> None:
    snapshot = compile_apis(shop=API.replace("[api.shop.example]", f'["{declared}"]'))
    operation = found(snapshot, "GET /shop/orders", host)
    assert isinstance(operation, Operation) if served else operation == "guard.unknown_host"


def test_two_apis_share_a_host_where_their_paths_differ() -> None:
    snapshot = compile_apis(shop=API, store=API + "base_path: /store\n")
    assert name_of(snapshot, "GET /shop/orders") == "shop v1 GET /orders"
    assert name_of(snapshot, "GET /store/orders") == "store v1 GET /orders"


@rows(("path", "sent"), [("keep", "/shop/orders"), ("strip", "/orders")], ids=["as received", "without the prefix"])
def test_the_path_is_sent_upstream(path: str, sent: str) -> None:
    snapshot = compile_apis(shop=API.replace('"]}', f'"], path: {path}}}'))
    operation = found(snapshot, "GET /shop/orders")
    assert isinstance(operation, Operation)
    assert operation.upstream == "shop"
    assert operation.upstream_path("/shop/orders") == sent


def test_a_path_that_is_nothing_but_the_prefix_is_sent_as_a_slash() -> None:
    files = Files(shop_yaml=SHOP.replace("  /orders:\n", "  /:\n", 1))
    snapshot = compile_apis(files, shop=API.replace('"]}', '"], path: strip}'))
    operation = found(snapshot, "GET /shop/")
    assert isinstance(operation, Operation)
    assert operation.upstream_path("/shop/") == "/"
    assert operation.upstream_path("/shop") == "/"


# Settings of operations.


def test_the_narrower_setting_wins() -> None:
    snapshot = compile_apis(
        shop=API.replace(
            "versions: {v1: {spec: shop.yaml}}",
            dedent(
                """\
                validate: {request: {mode: "off"}}
                version: {by: header}
                max_body: 1000
                operations:
                  "GET /orders": {max_body: 3000}
                  "GET /orders/{order_id}": {max_body: 3001}
                versions:
                  v2: {spec: shop.yaml}
                  v1:
                    spec: shop.yaml
                    max_body: 2000
                    operations: {"GET /orders/{order_id}": {max_body: 4000}}
                """
            ).rstrip(),
        )
    )
    assert {(operation.version, operation.name): operation.max_body for operation in snapshot.operations} == {
        ("v1", "POST /orders"): 2000,
        ("v1", "GET /orders"): 3000,
        ("v1", "GET /orders/{order_id}"): 4000,
        ("v2", "POST /orders"): 1000,
        ("v2", "GET /orders"): 3000,
        ("v2", "GET /orders/{order_id}"): 3001,
    }


@rows(("setting", "bytes_"), [("", DEFAULT_MAX_BODY), ("max_body: 0\n", 0), ("max_body: 2KiB\n", 2048)])
def test_a_body_has_a_cap(setting: str, bytes_: int) -> None:
    assert {operation.max_body for operation in compile_apis(shop=API + setting).operations} == {bytes_}


def test_no_larger_body_is_taken_than_its_schemas_allow() -> None:
    files = Files(shop_yaml=SHOP.replace("{type: string}", "{type: string, maxLength: 10000}"))
    caps = {operation.name: operation.max_body for operation in compile_apis(files, shop=API).operations}
    assert 40_000 < caps["POST /orders"] < 200_000
    assert caps["GET /orders"] == DEFAULT_MAX_BODY
    small = compile_apis(files, shop=API + "max_body: 2KiB\n").operations
    assert {operation.max_body for operation in small} == {2048}
    off = compile_apis(files, shop=API + 'validate: {request: {mode: "off"}}\n').operations
    assert {operation.max_body for operation in off} == {DEFAULT_MAX_BODY}


def steps(operation: Operation | str) -> list[tuple[str, bool]]:
    """Policy and mode of each step that says the policy's last word."""
    assert isinstance(operation, Operation)
    every = (*operation.head_steps, *operation.body_steps)
    return [(step.policy, step.monitor) for step in every if step.allowed is not None]


def test_the_steps_of_an_operation_are_those_of_its_settings_in_the_order_of_the_phases() -> None:
    snapshot = compile_apis(
        shop=API
        + dedent(
            """\
            limit: {plan: free}
            operations:
              "GET /orders/{order_id}": {authorize: {scopes: [orders]}}
              "GET /orders": {public: true, limit: {mode: "off"}}
              "POST /orders": {limit: {mode: monitor}, validate: {request: {mode: "off"}}}
            """
        )
    )
    assert steps(found(snapshot, "GET /shop/orders/1")) == [
        ("authenticate.api_key", False),
        ("authorize.scopes", False),
        ("limit.rate", False),
        ("validate.request", False),
    ]
    assert steps(found(snapshot, "POST /shop/orders")) == [
        ("authenticate.api_key", False),
        ("limit.rate", True),
    ]
    assert steps(found(snapshot, "GET /shop/orders"))[-1] == ("validate.request", False)
    assert "authenticate.api_key" not in [policy for policy, _ in steps(found(snapshot, "GET /shop/orders"))]


def test_only_the_last_step_of_a_policy_says_that_it_allowed() -> None:
    snapshot = compile_apis(shop=API)
    operation = found(snapshot, "POST /shop/orders")
    assert isinstance(operation, Operation)
    *head, last_of_head = [step.allowed for step in operation.head_steps if step.policy == "validate.request"]
    assert head == []
    assert last_of_head is None
    (of_body,) = [step.allowed for step in operation.body_steps]
    assert of_body is not None
    assert of_body.outcome == "allow"


# Documents.


def test_a_document_is_read_once_and_told_before_it_is_read() -> None:
    files = Files(shop_yaml=SHOP)
    said: list[tuple[str, int]] = []
    two = API.replace("{v1: {spec: shop.yaml}}", "{v1: {spec: shop.yaml}, v2: {spec: shop.yaml}}")
    compile_apis(
        files,
        lambda name: said.append((name, len(files.reads))),
        shop=two + "base_path: /shop\nversion: {by: path}\n",
        store=API + "base_path: /store\n",
    )
    assert said == [("shop.yaml", 0)]
    assert files.reads == ["shop.yaml"]


# Errors.


def test_a_document_that_is_not_there_is_told_where_the_file_names_it() -> None:
    (error,) = errors(Files(), shop=API)
    assert error == (
        "p.yaml:8:21: apis.shop.versions.v1.spec: shop.yaml can't be read: No such file or directory"
        " (paths are relative to this file)"
    )


def test_a_document_that_is_none_is_told_at_its_own_place() -> None:
    (error,) = errors(Files(shop_yaml="openapi: 3.1.0\npaths: ["), shop=API)
    assert error.startswith("shop.yaml:3:1: not valid YAML")
    (error,) = errors(Files(shop_yaml='swagger: "2.0"\n'), shop=API)
    assert error.startswith("shop.yaml:1:1: ")


def test_what_is_wrong_in_a_document_is_told_with_line_and_pointer() -> None:
    found_errors = errors(Files(shop_yaml=SHOP.replace("responses", "respnses", 1)), shop=API)
    assert found_errors
    assert all(error.startswith("shop.yaml:6:") and "#/paths/~1orders/get" in error for error in found_errors)


def test_an_operation_that_no_document_has_is_told_with_the_one_that_was_meant() -> None:
    api = API.replace("{spec: shop.yaml}", '{spec: shop.yaml, operations: {"GET /orders/{id}": {public: true}}}')
    of_version, *of_api = errors(shop=api + 'operations: {"GET /shop/orders": {public: true}, "PUT /elsewhere": {}}\n')
    assert of_version == (
        'p.yaml:8:51: apis.shop.versions.v1.operations."GET /orders/{id}": no such operation in shop.yaml'
        ' (did you mean "GET /orders/{order_id}"?)'
    )
    message = "none of the API's documents has this operation"
    written = "write it as in the document, without the base path"
    assert of_api == [
        f'p.yaml:10:18: apis.shop.operations."GET /shop/orders": {message} (did you mean "GET /orders"?)',
        f'p.yaml:10:54: apis.shop.operations."PUT /elsewhere": {message} ({written})',
    ]


def test_an_operation_that_one_of_several_versions_has_is_no_error() -> None:
    files = Files(one_yaml=SHOP, two_yaml=SHOP.replace("/orders", "/bills"))
    api = API.replace("{v1: {spec: shop.yaml}}", "{v1: {spec: one.yaml}, v2: {spec: two.yaml}}")
    api += 'base_path: /\nversion: {by: path}\noperations: {"POST /bills": {max_body: 7}}\n'
    snapshot = compile_apis(files, shop=api)
    assert [each.name for each in snapshot.operations if each.max_body == 7] == ["POST /bills"]


def test_operations_are_not_called_unknown_while_a_document_is_missing() -> None:
    files = Files(one_yaml=SHOP)
    api = API.replace("{v1: {spec: shop.yaml}}", "{v1: {spec: one.yaml}, v2: {spec: two.yaml}}")
    api += 'base_path: /\nversion: {by: path}\noperations: {"GET /bills": {public: true}}\n'
    (error,) = errors(files, shop=api)
    assert "two.yaml can't be read" in error


def test_operations_of_a_document_whose_paths_can_not_be_served_are_still_known() -> None:
    files = Files(shop_yaml=SHOP.replace("example/shop", "example/%7Bshop%7D"))
    (error,) = errors(files, shop=API + 'operations: {"GET /orders": {public: true}}\n')
    assert error == (
        "p.yaml:8:21: apis.shop.versions.v1.spec: the path of the document's first server, /%7Bshop%7D,"
        " holds more than plain segments of letters, digits and -._~ (give the API a base_path)"
    )


@rows("path", ["/a/../b", "/a//b", "/.", "/a;b", "/a%20b"])
def test_a_servers_path_that_reads_in_two_ways_is_refused_unless_a_base_path_replaces_it(path: str) -> None:
    files = Files(shop_yaml=SHOP.replace("example/shop", f"example{path}"))
    (error,) = errors(files, shop=API)
    assert "give the API a base_path" in error
    assert compile_apis(files, shop=API + "base_path: /shop\n").operations


def test_a_servers_path_without_the_version_is_refused_where_the_path_names_the_version() -> None:
    (error,) = errors(shop=API + "version: {by: path}\n")
    assert error == (
        "p.yaml:8:21: apis.shop.versions.v1.spec: the path of the document's first server, /shop,"
        " does not end with the version v1 (give the API a base_path)"
    )


@rows(
    ("path", "reason"),
    [
        ("/a/./b", "a path template has no dot segments"),
        ("/a//b", "a path template has no empty segment but perhaps the last"),
        ("/a?b=c", "a path template has neither query nor fragment"),
        ("/a%00", "Percent-encoded text holds a NUL."),
        ("/a" * 65, "a path template has at most 64 segments"),
    ],
)
def test_a_path_that_no_request_could_have_is_told_where_the_document_declares_it(path: str, reason: str) -> None:
    (error,) = errors(Files(shop_yaml=SHOP.replace("  /orders:\n", f'  "{path}":\n')), shop=API)
    assert error.startswith("shop.yaml:5:3: #/paths/")
    assert error.endswith(f": {reason}")


def test_prefix_and_path_together_are_bounded_too() -> None:
    files = Files(shop_yaml=SHOP.replace("  /orders:\n", f"  {'/a' * 63}:\n"))
    (error,) = errors(files, shop=API + "base_path: /shop/store\n")
    assert error.endswith("a path template has at most 64 segments")


def test_overlapping_apis_are_told_at_the_later_one() -> None:
    (error,) = errors(shop=API, store=API)
    assert error.startswith(
        "p.yaml:13:16: apis.store.versions.v1: /shop/orders overlaps /shop/orders of shop v1 on the"
    )


def test_an_overlap_on_several_hosts_is_told_once() -> None:
    api = API.replace("[api.shop.example]", "[a.example, b.example]")
    assert len(errors(shop=api, store=api)) == 1


def test_an_operation_without_authentication_is_an_error_at_the_narrowest_place_that_speaks_of_it() -> None:
    api = API.replace("authenticate: [partners]\n", 'operations: {"POST /orders": {max_body: 1}}\n')
    hint = "(list identities (authenticate: [partners]) or say public: true)"
    assert errors(shop=api) == [
        f"p.yaml:8:16: apis.shop.versions.v1: operation has no authentication {hint}",
        f'p.yaml:9:18: apis.shop.operations."POST /orders": operation has no authentication {hint}',
    ]


def test_what_a_policy_has_against_a_setting_has_its_place() -> None:
    (error,) = errors(shop=API + 'limit: {plan: {of: consumer}}\noperations: {"GET /orders": {public: true}}\n')
    assert error.startswith(
        'p.yaml:11:18: apis.shop.operations."GET /orders".limit.plan: callers of a public operation'
    )


def test_what_of_a_document_can_not_be_validated_is_told_in_the_document() -> None:
    files = Files(shop_yaml=SHOP.replace("application/json", "multipart/mixed"))
    (error,) = errors(files, shop=API)
    assert error.startswith("shop.yaml:8:")
    assert compile_apis(
        files, shop=API + 'operations: {"POST /orders": {validate: {request: {mode: "off"}}}}\n'
    ).operations


def test_all_errors_of_all_files_are_told_at_once_sorted_by_place() -> None:
    files = Files(shop_yaml=SHOP.replace("application/json", "multipart/mixed"), bad_yaml="openapi: 3.1.0\npaths: 7\n")
    found_errors = errors(
        files,
        one=API.replace("authenticate: [partners]\n", ""),
        two=API.replace("shop.yaml", "bad.yaml") + "base_path: /two\n",
        three=API.replace("shop.yaml", "gone.yaml") + "base_path: /three\n",
        four=API + 'base_path: /four\noperations: {"GET /nothing": {public: true}}\n',
    )
    places = [error.partition(": ")[0] for error in found_errors]
    assert places == sorted(places, key=lambda place: (place.split(":")[0], int(place.split(":")[1])))
    assert {place.split(":")[0] for place in places} == {"p.yaml", "shop.yaml", "bad.yaml"}
    assert sum("operation has no authentication" in error for error in found_errors) == 1
    assert sum("gone.yaml can't be read" in error for error in found_errors) == 1
    assert sum("GET /nothing" in error for error in found_errors) == 1
    assert sum(error.startswith("shop.yaml:8:") for error in found_errors) == 1


def test_what_the_author_of_a_document_should_know_is_kept_once() -> None:
    content = "{application/json: {schema: {type: object}}, multipart/mixed: {}}"
    files = Files(
        shop_yaml=SHOP.replace("{application/json: {schema: {type: object, properties: {a: {type: string}}}}}", content)
    )
    snapshot = compile_apis(files, shop=API, store=API + "base_path: /store\n")
    (warning,) = snapshot.warnings
    assert str(warning).startswith("shop.yaml:8:")
    assert "multipart/mixed" in warning.message
    assert compile_apis(shop=API).warnings == ()


@pytest.mark.parametrize(
    ("hosts", "host"), [("shop", "id"), ('"*"', "id"), ('"*.example"', "id.example"), ("id", "id")]
)
def test_endpoints_of_the_gateway_are_served_beside_the_apis(
    hosts: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = make_endpoint(host, "POST", "/token", lambda *_: Answer(200), place=("tokens",), policy="tokens")
    monkeypatch.setattr(compile_module, "find_endpoints", lambda _context: iter([endpoint]))
    snapshot = compile_apis(shop=API.replace("api.shop.example", hosts))
    request = make_request("POST", "/token", {"host": host})
    assert snapshot.route(request) is None
    assert request.operation.name == "POST /token"
    of_api = make_request("GET", "/shop/orders", {"host": hosts.strip('"').replace("*", "a")})
    assert snapshot.route(of_api) is None
    assert of_api.operation.name == "GET /orders"
