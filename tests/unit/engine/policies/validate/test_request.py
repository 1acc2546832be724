from __future__ import annotations

import gzip
import timeit
import zlib
from typing import Any

import brotli
import orjson
import pytest
import zstandard
from pydantic import ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.facts import UNREAD, Facts, Verdict
from portcullis.engine.policies.validate.request import ALWAYS_READ, POLICY, RequestValidationConfig, largest_body
from portcullis.testing import make_request

CASES = cases_of("validate/request")
OUTCOMES = {"refused": "refuse", "would_refuse": "would_refuse"}
INTEGER = {"type": "integer"}


@pytest.fixture(scope="module")
def shop(phase: Any) -> Any:
    return phase("specs/shop.yaml", CASES["document"])


@rows("case", CASES["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any], shop: Any) -> None:
    validate = {"request": case["validate"]} if "validate" in case else None
    headers, plain, body = body_of(case)
    exchange = shop.call(case["call"], headers, body, validate, piece=case.get("piece", 65536))
    expected = {outcome: case[key] for key, outcome in OUTCOMES.items() if key in case}
    assert {verdict.outcome for verdict in exchange.facts.verdicts if verdict.outcome != "allow"} == expected.keys()
    assert (exchange.refusal is not None) == ("refuse" in expected)
    for outcome, wanted in expected.items():
        [verdict] = [verdict for verdict in exchange.facts.verdicts if verdict.outcome == outcome]
        check(verdict, wanted)
    if exchange.refusal is not None:
        wanted = case["refused"]
        assert exchange.refusal.code.status == wanted.get("status", exchange.refusal.code.status)
        fields = {name.decode(): value.decode() for name, value in exchange.refusal.fields}
        assert fields == wanted.get("fields", fields)
    sent = case.get("sent", {})
    assert exchange.query == sent.get("query")
    taken_out = b"" if b"cookie" in exchange.removed_fields else None
    cookie = (exchange.set_fields or {}).get(b"cookie", taken_out)
    assert (cookie if cookie is None else cookie.decode()) == sent.get("cookie")
    if "encoded" not in case:
        assert (exchange.body.decode() if exchange.body is not None else None) == sent.get("body")
    if not expected and (shop.sent_on or "encoded" in case):
        assert (shop.sent_on or exchange.body) == plain


def body_of(case: dict[str, Any]) -> tuple[dict[str, str], bytes | None, bytes | None]:
    """Header fields of a case, and its body: as it is to be understood, and as it is sent."""
    headers, body = dict(case.get("headers", {})), case.get("body", case.get("text"))
    if "parts" in case:
        headers.setdefault("content-type", "multipart/form-data; boundary=X")
        body = "".join(f"--X\r\n{part}\r\n" for part in map(part_of, case["parts"])) + "--X--\r\n"
    if "form" in case:
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
        body = case["form"]
    if body is not None and not isinstance(body, str):
        headers = headers or {"content-type": "application/json"}
        body = orjson.dumps(body)
    plain = body.encode() if isinstance(body, str) else body
    if "encoded" not in case:
        return headers, plain, plain
    headers["content-encoding"] = case["encoded"]
    return headers, plain, ENCODERS[case["encoded"]](plain)


ENCODERS = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstandard.compress}


def part_of(part: dict[str, str]) -> str:
    disposition = f'form-data; name="{part["name"]}"' + (f'; filename="{part["file"]}"' if "file" in part else "")
    fields = {"Content-Disposition": disposition} | ({"Content-Type": part["type"]} if "type" in part else {})
    lines = [f"{name}: {value}" for name, value in (fields | part.get("fields", {})).items()]
    return "\r\n".join([*lines, "", part.get("content", "")])


def check(verdict: Verdict, wanted: dict[str, Any]) -> None:
    assert (verdict.policy, verdict.code) == (POLICY.name, wanted["code"])
    assert verdict.detail == wanted.get("detail", verdict.detail)
    assert verdict.finding is not None
    for name in ("pointer", "found", "allowed"):
        assert getattr(verdict.finding, name) == wanted.get(name, getattr(verdict.finding, name))
    if "source" in wanted:
        assert verdict.finding.source == f"specs/shop.yaml#{wanted['source']}"


def test_every_code_has_a_case() -> None:
    told = {case[key]["code"] for case in CASES["cases"] for key in OUTCOMES if key in case}
    assert told == {code.name for code in POLICY.codes}


def test_every_probe_expects_a_code_of_the_policy() -> None:
    assert {probe.expects for probe in POLICY.probes} <= set(POLICY.codes)


def test_every_source_is_found_in_the_document(shop: Any) -> None:
    for case in CASES["cases"]:
        if "source" in case.get("refused", {}):
            assert shop.document.locate(case["refused"]["source"]).column > 1


def test_details_do_not_repeat_values(shop: Any) -> None:
    for call, body in (
        ("GET /orders?limit=hunter2", None),
        ("GET /orders?since=hunter2", None),
        ("POST /orders", {"customer_id": "hunter2", "items": []}),
        ("POST /orders", {"customer_id": {"hunter2": 1}}),
        ("POST /orders", '{"customer_id": hunter2}'),
    ):
        exchange = shop.call(call, {"content-type": "application/json"} if body else {}, body)
        assert exchange.refusal is not None
        assert "hunter2" not in exchange.refusal.detail


def operation(**more: Any) -> dict[str, Any]:
    return {"responses": {"default": {"description": "x"}}, **more}


def document(item: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": {"/a": item}, **more}


@pytest.fixture(scope="module")
def unsupported(phase: Any) -> Any:
    parameters = [
        {"name": "c", "in": "query", "schema": {"type": "object", "properties": {"a": {"type": "object"}}}},
        {"name": "f", "in": "header", "schema": {"type": "array", "items": {"type": "array"}}},
    ]
    body = {"content": {"multipart/mixed": {}}}
    return phase("specs/a.yaml", document({"post": operation(parameters=parameters, requestBody=body)}))


def test_what_can_not_be_validated_is_an_error_with_every_place(unsupported: Any) -> None:
    for mode in ("enforce", "monitor"):
        with pytest.raises(ConfigurationError) as caught:
            unsupported.compile("POST /a", {"request": {"mode": mode}})
        assert [diagnostic.pointer for diagnostic in caught.value.diagnostics] == [
            "#/paths/~1a/post/parameters/0",
            "#/paths/~1a/post/parameters/1",
            "#/paths/~1a/post/requestBody/content/multipart~1mixed",
        ]


def test_where_validation_is_off_everything_passes(unsupported: Any) -> None:
    assert unsupported.compile("POST /a", {"request": {"mode": "off"}}).head_steps == ()


def test_credentials_in_the_query_are_not_the_documents_business(phase: Any) -> None:
    scheme = {"securitySchemes": {"k": {"type": "apiKey", "in": "query", "name": "their_key"}}}
    shop = phase("specs/a.yaml", document({"get": operation(security=[{"k": []}])}, components=scheme))
    api = {
        "identities": {"keys": {"api_key": {"header": None, "query": "our_key"}}},
        "authenticate": {"any_of": ["keys"]},
    }
    assert shop.call("GET /a?our_key=x&their_key=y", **api).refusal is None
    assert shop.call("GET /a?our_key=x&other=y", **api).refusal is not None
    assert shop.call("GET /a?our_key=x").refusal is not None
    strip = {"request": {"on_undeclared": "strip"}}
    stripped = shop.call("GET /a?our_key=x&their_key=y&other=z", validate=strip, **api)
    assert stripped.query == "their_key=y"


def test_an_empty_chunked_body_is_no_body(shop: Any) -> None:
    exchange = shop.call("POST /orders", {"content-type": "application/json"}, b"")
    assert exchange.refusal.code.name == "validate.missing_body"
    exchange.refusal = None
    exchange.request.has_body = True
    assert exchange.decide_head() is None
    assert exchange.decide_body(b"").code.name == "validate.missing_body"


def test_a_missing_body_is_reported_once(shop: Any) -> None:
    exchange = shop.call("POST /orders", validate={"request": {"mode": "monitor"}})
    assert [verdict.outcome for verdict in exchange.facts.verdicts] == ["would_refuse"]


def test_a_hostile_body_is_refused_at_once(phase: Any) -> None:
    alternatives = [
        {
            "type": "object",
            "required": ["op"],
            "properties": {"op": {"const": op}, "a": {"$ref": "#/components/schemas/F"}},
        }
        for op in ("and", "or", "not", "xor")
    ]
    shop = phase(
        "specs/a.yaml",
        document(
            {
                "post": operation(
                    requestBody={"content": {"application/json": {"schema": {"$ref": "#/components/schemas/F"}}}}
                )
            },
            components={"schemas": {"F": {"oneOf": alternatives}}},
        ),
    )
    body: Any = {"op": "nothing"}
    for _ in range(60):
        body = {"op": "or", "a": body}
    took = timeit.timeit(lambda: shop.call("POST /a", body=body), number=1)
    assert shop.call("POST /a", body=body).refusal.code.name == "validate.schema"
    assert took < 0.2


def test_later_steps_are_told_the_values_of_parameters(shop: Any) -> None:
    exchange = shop.call("GET /orders?limit=5&ids=1,2", {"x-page": "3"})
    assert sorted(map(str, exchange.facts.arguments.values())) == ["3", "5", "[1, 2]"]
    assert shop.call("GET /orders").facts.arguments == {}
    wrong = shop.call("GET /orders?limit=0", validate={"request": {"mode": "monitor"}})
    assert list(wrong.facts.arguments.values()) == [0]


def test_one_word_says_what_becomes_of_all_that_is_undeclared_but_refuses_no_cookies() -> None:
    def said(value: Any) -> tuple[str, str, str]:
        on = RequestValidationConfig.model_validate({"on_undeclared": value}).on_undeclared
        return on.query, on.body, on.cookies

    assert said("refuse") == ("refuse", "refuse", "strip")
    assert said("strip") == ("strip", "strip", "strip")
    assert said("allow") == ("allow", "allow", "allow")
    assert said({"cookies": "refuse"}) == ("refuse", "refuse", "refuse")
    assert said({"query": "allow"}) == ("allow", "refuse", "strip")
    assert RequestValidationConfig().on_undeclared == RequestValidationConfig(on_undeclared="refuse").on_undeclared


@rows(
    "config",
    [{"mode": "on"}, {"on_undeclared": "drop"}, {"on_undeclared": {"header": "strip"}}, {"strict": True}, "enforce"],
)
def test_what_is_no_configuration_is_an_error(config: Any) -> None:
    with pytest.raises(ValidationError):
        RequestValidationConfig.model_validate(config)


def test_what_a_body_says_is_there_for_later_steps(shop: Any) -> None:
    exchange = shop.call("POST /search", {"content-type": "application/x-www-form-urlencoded"}, "q=a&page=2")
    assert exchange.facts.document == {"q": "a", "page": 2}
    exchange = shop.call("POST /pets", {"content-type": "application/xml"}, '<pet id="7"><name>Rex</name></pet>')
    assert exchange.facts.document == {"id": 7, "name": "Rex"}
    exchange = shop.call("POST /notes", body={"a": 1})
    assert exchange.facts.document == {"a": 1}
    exchange = shop.call("POST /pictures", {"content-type": "image/png"}, b"1234")
    assert exchange.facts.document is UNREAD


def test_a_body_that_streams_is_not_held_back_and_others_are(shop: Any) -> None:
    upload = shop.compile("POST /documents")
    assert [step.needs for step in (*upload.body_steps, *upload.stream_steps)] == ["body", "stream"]
    assert shop.compile("POST /documents", {"request": {"on_undeclared": "strip"}}).stream_steps == ()
    assert shop.compile("POST /orders").stream_steps == ()
    pictures = shop.call("POST /pictures", {"content-type": "image/png"}, b"1234")
    assert (pictures.holds_body, shop.sent_on) == (False, b"1234")
    comments = shop.call("POST /comments", {"content-type": "text/plain"}, "hello")
    assert (comments.holds_body, shop.sent_on) == (True, b"")


def test_a_streamed_body_that_others_want_whole_is_checked_all_the_same(shop: Any) -> None:
    operation = shop.compile("POST /documents")
    request = make_request("POST", "/documents", {"content-type": "multipart/form-data; boundary=X"}, body=b"--X--")
    refusal = operation.body_steps[0].run(request, Facts())
    assert refusal.code.name == "validate.missing_field"


def test_an_empty_body_that_streams_is_missing(shop: Any) -> None:
    exchange = shop.call("POST /pictures", {"content-type": "image/png"}, b"12")
    exchange.refusal = None
    assert exchange.begin_body() is None
    assert exchange.scan_body(b"", ended=True).code.name == "validate.missing_body"


@rows(
    ("validate", "call", "bounded"),
    [
        (None, "POST /comments", False),
        (None, "PUT /count", True),
        ({"mode": "monitor"}, "PUT /count", False),
        ({"mode": "off"}, "PUT /count", False),
        ({"on_undeclared": "strip"}, "PUT /count", False),
        ({"on_undeclared": {"body": "allow"}}, "PUT /count", False),
        ({"on_undeclared": {"query": "allow"}}, "PUT /count", True),
        (None, "GET /orders", False),
        (None, "POST /orders", False),
    ],
)
def test_the_largest_body_follows_from_the_schemas_that_are_enforced(
    validate: Any, call: str, bounded: bool, shop: Any
) -> None:
    context = shop.context(call, None if validate is None else {"request": validate})
    assert largest_body(context) == (ALWAYS_READ if bounded else None)


def test_a_large_bound_is_the_bound(phase: Any) -> None:
    schema = {"type": "string", "format": "binary", "maxLength": 5_000_000}
    body = {"content": {"image/png": {"schema": schema}}}
    shop = phase("specs/a.yaml", document({"post": operation(requestBody=body)}))
    assert largest_body(shop.context("POST /a")) == 5_000_000


@rows("limits", [{"depth": 0}, {"depth": 255}, {"keys": 0}, {"digits": 63}, {"nul": True}, 5])
def test_limits_that_are_none(limits: Any) -> None:
    with pytest.raises(ValidationError):
        RequestValidationConfig.model_validate({"limits": limits})
