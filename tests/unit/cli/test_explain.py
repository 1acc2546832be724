"""``portcullis explain``: what is printed, and with which exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from click.testing import Result
from grpc_shop import descriptor_set
from rows import rows
from typer.testing import CliRunner

from portcullis.cli.explain import make_request
from portcullis.cli.main import app
from portcullis.testing.certificates import Authority

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop/v1}]
paths:
  /orders:
    post:
      requestBody:
        required: true
        content:
          application/json:
            schema: {type: object, required: [qty], properties: {qty: {type: integer}}}
      responses: {"201": {description: made}}
  /status:
    get: {responses: {"200": {description: ok}}}
"""

CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {partners: {api_key: {}}}
plans: {free: {rate: {requests: 10, per: minute}}}
apis:
  shop:
    hosts: [api.shop.example]
    upstream: {targets: ["http://127.0.0.1:9000"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    limit: {plan: free}
    operations: {"GET /status": {public: true}}
state: {directory: state}
"""

JSON = ("-H", "Content-Type: application/json")
Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "shop.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "conf" / "p.yaml").write_text(CONFIGURATION, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "conf"


@pytest.fixture
def explain(folder: Path) -> Run:
    def run(*arguments: str, code: int, text: bytes | None = None) -> Result:
        result = CliRunner().invoke(app, ["explain", "-c", "conf/p.yaml", *arguments], input=text)
        assert result.exit_code == code, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


@pytest.fixture
def key(folder: Path) -> str:
    made = CliRunner().invoke(app, ["keys", "create", "acme", "--plan", "free", "-c", "conf/p.yaml"])
    assert made.exit_code == 0, made.output
    return made.stdout.strip()


def test_an_allowed_call_is_told_step_by_step(explain: Run, key: str) -> None:
    result = explain("POST /shop/v1/orders", "-H", f"X-API-Key: {key}", *JSON, "-d", '{"qty": 1}', code=0)
    assert result.stdout == (
        "POST /shop/v1/orders for api.shop.example\n"
        "is POST /orders of shop v1, conf/shop.yaml:6\n"
        f"by acme, key {key[4:12]}\n"
        "\n"
        "  allow        guard                 conf/shop.yaml:6\n"
        "  allow        authenticate.api_key  conf/p.yaml:9\n"
        "  allow        limit.rate            conf/p.yaml:10\n"
        "  allow        validate.request      conf/shop.yaml:6\n"
        "\n"
        "allowed: would be sent to http://127.0.0.1:9000/shop/v1/orders\n"
    )
    assert key not in result.output


def test_what_is_decided_by_the_answer_is_said_to_be_still_to_come(explain: Run, folder: Path, key: str) -> None:
    text = (folder / "p.yaml").read_text(encoding="utf-8")
    rule = '{objects: {owner: "response.owner == identity.subject"}}'
    (folder / "p.yaml").write_text(text.replace("{public: true}", rule), encoding="utf-8")
    spec = (folder / "shop.yaml").read_text(encoding="utf-8")
    answer = "ok, content: {application/json: {schema: {type: object, properties: {owner: {type: string}}}}}"
    (folder / "shop.yaml").write_text(spec.replace("description: ok", f"description: {answer}"), encoding="utf-8")
    result = explain("GET /shop/v1/status", "-H", f"X-API-Key: {key}", code=0)
    assert "  later        objects.owner" in result.stdout
    assert result.stdout.endswith(", and objects.owner would decide by what the service says\n")


def test_a_refused_call_is_told_with_the_reason_the_rule_and_the_answer(explain: Run) -> None:
    result = explain("POST /shop/v1/orders", "-H", "Host: api.shop.example", code=1)
    lines = result.stdout.splitlines()
    assert lines[0] == "POST /shop/v1/orders"
    assert lines[3:10] == [
        "  allow        guard                 conf/shop.yaml:6",
        "  refuse       authenticate.api_key  conf/p.yaml:9",
        "               authenticate.missing",
        '               allowed ApiKey header="X-API-Key"',
        "               by apis.shop.authenticate",
        "  not reached  limit.rate",
        "  not reached  validate.request",
    ]
    assert lines[11] == "refused: 401 authenticate.missing"
    assert lines[12].startswith('the client would get {"type":"urn:portcullis:authenticate.failed",')
    assert lines[13] == '  with www-authenticate: ApiKey header="X-API-Key"'


def test_a_client_of_grpc_is_told_by_a_status(explain: Run, folder: Path) -> None:
    text = (folder / "p.yaml").read_text(encoding="utf-8")
    text = text.replace("shop.yaml", "shop.binpb").replace("hosts:", "base_path: /\n    hosts:")
    text = text.replace('9000"]}', '9000"], protocols: [h2]}').replace(':0"}}', ':0", protocols: [h2]}}')
    text = text.replace('"GET /status": {public: true}', '"POST /shop.Orders/Get": {public: true}')
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    (folder / "shop.binpb").write_bytes(descriptor_set().SerializeToString())
    call = ("-H", "Content-Type: application/grpc", "-H", "TE: trailers", "-H", "Host: api.shop.example")
    lines = explain("POST /shop.Orders/Watch", *call, code=1).stdout.splitlines()
    at = lines.index("refused: grpc-status 16 UNAUTHENTICATED authenticate.missing")
    assert lines[at + 1] == "the client would get HTTP 200 without a body"
    assert "  with grpc-status: 16" in lines
    lines = explain("POST /shop.Orders/Get", *call, "-d", "no message", code=1).stdout.splitlines()
    assert "refused: grpc-status 3 INVALID_ARGUMENT validate.grpc_request" in lines
    assert lines[-1].endswith(" (validate.grpc_request)")


def test_a_line_is_never_wrapped_or_styled_where_it_is_piped(explain: Run) -> None:
    result = explain("GET /shop/v1/status?" + "a" * 300 + "=1", code=1)
    assert "\x1b" not in result.stdout
    assert result.stdout.splitlines()[0].endswith("=1 for api.shop.example")


def test_as_json_it_holds_the_same(explain: Run, key: str) -> None:
    result = explain("POST /shop/v1/orders", "-H", f"X-API-Key: {key}", *JSON, "-d", "{}", "--format", "json", code=1)
    told = json.loads(result.stdout)
    assert (told["decision"], told["status"], told["code"]) == ("refuse", 400, "validate.missing_field")
    assert (told["consumer"], told["credential"]) == ("acme", key[4:12])
    assert told["declared"] == "conf/shop.yaml:6"
    assert told["answer"]["code"] == "validate.missing_field"
    assert told["steps"][-1]["where"] == "conf/shop.yaml:11"
    assert told["steps"][-1]["finding"]["pointer"] == "/body/qty"
    assert key not in result.stdout


def test_a_key_counts_until_it_is_revoked(explain: Run, key: str) -> None:
    call = ("POST /shop/v1/orders", "-H", f"X-API-Key: {key}", *JSON, "-d", '{"qty": 1}')
    explain(*call, code=0)
    assert CliRunner().invoke(app, ["keys", "revoke", key[4:12], "-c", "conf/p.yaml"]).exit_code == 0
    result = explain(*call, code=1)
    assert "authenticate.revoked_key" in result.stdout
    assert f"found key {key[4:12]} of acme, revoked" in result.stdout


def test_a_key_that_was_never_issued_is_told_apart_and_not_repeated(explain: Run) -> None:
    unknown = "pcl_abcdefgh_" + "x" * 49
    result = explain("POST /shop/v1/orders", "-H", f"X-API-Key: {unknown}", code=1)
    assert "authenticate.malformed_key" in result.stdout
    assert unknown[13:] not in result.output


@pytest.mark.slow
def test_the_body_may_come_from_a_file_or_from_standard_input(explain: Run, key: str, folder: Path) -> None:
    call = ("POST /shop/v1/orders", "-H", f"X-API-Key: {key}", *JSON)
    (folder / "body.json").write_bytes(b'{"qty": 3}')
    explain(*call, "-d", "@conf/body.json", code=0)
    explain(*call, "-d", "@-", code=0, text=b'{"qty": 4}')
    explain(*call, "-d", "@-", code=1, text=b'{"qty": "4"}')
    explain(*call, code=1)


@rows(
    ("arguments", "hint"),
    [
        (("/shop/v1/status",), "GET /path?query"),
        (("get /shop/v1/status",), "in capitals"),
        (("GET shop",), "GET /path?query"),
        (("GET /a b",), "GET /path?query"),
        (("GET  /a",), "GET /path?query"),
        (("GET /a\nX: y",), "GET /path?query"),
        (("GET /", "-H", "secret-without-colon"), "Name: value"),
        (("GET /", "-H", "Na me: secret-value"), "Name: value"),
        (("GET /", "-H", ": secret-value"), "Name: value"),
        (("GET /", "-H", "X: secret\r\nY: value"), "Name: value"),
        (("GET /", "-d", "@conf/nothing.json"), "can't be read"),
        (("GET /", "-d", "@conf"), "can't be read"),
        (("GET /", "--client", "everybody"), "IP address"),
    ],
)
def test_what_is_no_request_is_a_usage_error_that_repeats_no_header(
    explain: Run, arguments: tuple[str, ...], hint: str
) -> None:
    result = explain(*arguments, code=2)
    assert hint in " ".join(result.stderr.replace("\u2502", " ").split())
    assert "secret" not in result.output


def test_a_configuration_that_can_not_be_used_is_told_with_its_lines(explain: Run, folder: Path) -> None:
    (folder / "shop.yaml").write_text(SPEC.replace("responses", "respnses", 1), encoding="utf-8")
    result = explain("GET /", code=2)
    assert result.stdout == ""
    assert "conf/shop.yaml:12:7: error: #/paths/~1orders/post/respnses: " in result.stderr
    assert "     12 |       respnses: " in result.stderr


def test_a_database_that_can_not_be_read_is_told(explain: Run, folder: Path) -> None:
    (folder / "state").mkdir()
    (folder / "state" / "portcullis.db").write_bytes(b"no database" * 100)
    result = explain("GET /shop/v1/status", code=2)
    assert "conf/p.yaml:12:1: error: state.records: the keys can't be read: " in result.stderr


# What the options mean.


def test_a_request_is_what_a_worker_would_see() -> None:
    headers = ["X-A:1", "x-a: 2 ", "X-B: caf\u00e9", "Empty:"]
    request = make_request("POST /a?b=c", headers, "hello", "2001:DB8::1")
    assert (request.method, request.target, request.client) == ("POST", "/a?b=c", "2001:db8::1")
    assert request.fields == [(b"x-a", b"1"), (b"x-a", b"2"), (b"x-b", "caf\u00e9".encode()), (b"empty", b"")]
    assert request.headers[b"x-a"] == b"1, 2"
    assert (request.body, request.has_body) == (b"hello", True)


@rows("data", [None, ""])
def test_without_data_there_is_no_body(data: str | None) -> None:
    request = make_request("GET /", [], data, "127.0.0.1")
    assert (request.body, request.has_body) == (b"", False)


@pytest.mark.slow
def test_a_body_without_end_is_not_read_for_ever() -> None:
    with pytest.raises(typer.BadParameter, match="more than 64 MiB"):
        make_request("GET /", [], "@/dev/zero", "127.0.0.1")


MESH = """\
listeners: {public: {bind: "127.0.0.1:0", tls: {certificate: a, key: b, client_ca: c}}}
identities: {mesh: {mtls: {trust_domain: example.internal, ca: mesh.pem}}}
services: {checkout: {subjects: "spiffe://example.internal/checkout", may_call: ["shop:GET /status"]}}
apis:
  shop:
    hosts: [api.shop.example]
    upstream: {targets: ["http://127.0.0.1:9000"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [mesh]
state: {directory: state}
"""


@pytest.mark.slow
def test_a_client_certificate_counts_as_if_a_handshake_had_taken_it(explain: Run, folder: Path) -> None:
    below = Authority("below", root := Authority("root"))
    (folder / "mesh.pem").write_bytes(root.pem)
    (folder / "p.yaml").write_text(MESH)
    for name in ("checkout", "other"):
        issued = below.issue(uris=[f"spiffe://example.internal/{name}"])
        (folder / f"{name}.pem").write_bytes(issued.pem)
    done = explain("GET /shop/v1/status", "--certificate", str(folder / "checkout.pem"), code=0)
    assert "by mesh:spiffe://example.internal/checkout" in done.output
    moved = explain("GET /shop/v1/status", "--certificate", str(folder / "other.pem"), code=1)
    assert "authorize.lateral_movement" in moved.output
    nobody = explain("GET /shop/v1/status", code=1)
    assert "authenticate.missing" in nobody.output


@pytest.mark.parametrize(("name", "why"), [("none.pem", "can't be read"), ("p.yaml", "has no certificate in PEM")])
def test_a_file_without_a_certificate_is_a_usage_error(explain: Run, folder: Path, name: str, why: str) -> None:
    done = explain("GET /shop/v1/status", "--certificate", str(folder / name), code=2)
    assert why in " ".join(done.output.replace("\u2502", " ").split())
