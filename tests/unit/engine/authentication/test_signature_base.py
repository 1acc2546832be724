from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.authentication.request_signing import MALFORMED_SIGNATURE, SignatureError
from portcullis.engine.authentication.signature_base import (
    COVERED_BY,
    DERIVED,
    MAX_COMPONENTS,
    authority,
    plain_names,
    signature_base,
)
from portcullis.engine.request import RequestView
from portcullis.testing import make_request

FIELDS = [
    ("Host", "WWW.Example.com:443"),
    ("X-Empty", ""),
    ("Cache-Control", "max-age=60"),
    ("Cache-Control", " must-revalidate\t"),
    ("Example-Dict", "a=1, b=2;x=1;y=2, c=(a b c), d"),
]


def request(target: str = "/path?param=value&foo=bar&baz=batman&qux=", **options: Any) -> RequestView:
    return make_request("POST", target, FIELDS, **options)


def base(*components: Any, of: RequestView | None = None) -> list[str]:
    return signature_base(of or request(), components, {"created": 1, "keyid": "a"}).decode("latin-1").split("\n")


@rows(
    ("component", "line"),
    [
        (("@method", {}), '"@method": POST'),
        (("@authority", {}), '"@authority": www.example.com'),
        (("@scheme", {}), '"@scheme": https'),
        (("@target-uri", {}), '"@target-uri": https://www.example.com/path?param=value&foo=bar&baz=batman&qux='),
        (("@request-target", {}), '"@request-target": /path?param=value&foo=bar&baz=batman&qux='),
        (("@path", {}), '"@path": /path'),
        (("@query", {}), '"@query": ?param=value&foo=bar&baz=batman&qux='),
        (("@query-param", {"name": "baz"}), '"@query-param";name="baz": batman'),
        (("@query-param", {"name": "qux"}), '"@query-param";name="qux": '),
        (("x-empty", {}), '"x-empty": '),
        (("cache-control", {}), '"cache-control": max-age=60, must-revalidate'),
        (("cache-control", {"bs": True}), '"cache-control";bs: :bWF4LWFnZT02MA==:, :bXVzdC1yZXZhbGlkYXRl:'),
        (("example-dict", {"key": "a"}), '"example-dict";key="a": 1'),
        (("example-dict", {"key": "b"}), '"example-dict";key="b": 2;x=1;y=2'),
        (("example-dict", {"key": "c"}), '"example-dict";key="c": (a b c)'),
        (("example-dict", {"key": "d"}), '"example-dict";key="d": ?1'),
    ],
)
def test_a_component_and_its_line(component: Any, line: str) -> None:
    first, last = base(component)
    assert first == line
    assert last == f'"@signature-params": ({line.partition(": ")[0]});created=1;keyid="a"'


def test_without_components_there_are_the_parameters() -> None:
    assert base() == ['"@signature-params": ();created=1;keyid="a"']


def test_without_a_query_it_is_a_question_mark() -> None:
    assert base(("@query", {}), of=request("/path"))[0] == '"@query": ?'
    assert base(("@query", {}), of=request("/path?"))[0] == '"@query": ?'
    assert base(("@target-uri", {}), of=request("/path"))[0] == '"@target-uri": https://www.example.com/path'


@rows(
    ("query", "name", "value"),
    [
        ("var=this%20is%20a%20big%0Amultiline%20value", "var", "this%20is%20a%20big%0Amultiline%20value"),
        ("bar=with+plus+whitespace", "bar", "with%20plus%20whitespace"),
        ("fa%C3%A7ade%22%3A%20=something", "fa%C3%A7ade%22%3A%20", "something"),
        ("a=~*-._", "a", "%7E*-._"),
    ],
)
def test_a_query_parameter_is_encoded_anew(query: str, name: str, value: str) -> None:
    assert base(("@query-param", {"name": name}), of=request(f"/path?{query}"))[0].endswith(f'name="{name}": {value}')


@rows(
    "component",
    [
        *(("x-missing", {}), ("Cache-Control", {}), ("", {}), ("é", {}), (7, {}), (b"date", {}), (True, {}), ([], {})),
        *(("@status", {}), ("@method", {"req": True}), ("@path", {"bs": True}), ("@unknown", {}), ("@", {})),
        *(("cache-control", {"sf": True}), ("cache-control", {"tr": True}), ("cache-control", {"req": True})),
        *(("cache-control", {"bs": True, "key": "a"}), ("cache-control", {"bs": 1}), ("cache-control", {"x": "a"})),
        *(
            ("example-dict", {"key": "z"}),
            ("example-dict", {"key": 7}),
            ("x-empty", {"key": "a"}),
            ("host", {"key": "a"}),
        ),
        *(("@query-param", {}), ("@query-param", {"name": 7}), ("@query-param", {"name": "none"})),
        *(("@query-param", {"name": "foo", "x": 1}), "date", None, ("date",)),
    ],
)
def test_a_component_without_a_value_is_refused(component: Any) -> None:
    with pytest.raises(SignatureError) as caught:
        base(component)
    assert caught.value.code is MALFORMED_SIGNATURE


@rows(
    ("of", "components"),
    [
        (request(), [("@method", {}), ("@method", {})]),
        (request(), [("cache-control", {}), ("cache-control", {})]),
        (request(), [("x-empty", {})] * (MAX_COMPONENTS + 1)),
        (request("/path?a=1&a=2"), [("@query-param", {"name": "a"})]),
        (request("/path?a=1&%61=2"), [("@query-param", {"name": "a"})]),
        (request("/path?" + "b&" * 300 + "a=1"), [("@query-param", {"name": "a"})]),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(of: RequestView, components: list[Any]) -> None:
    with pytest.raises(SignatureError):
        base(*components, of=of)


@rows(
    ("scheme", "host", "wanted"),
    [
        ("https", "Example.COM", "example.com"),
        ("https", "example.com:443", "example.com"),
        ("http", "example.com:443", "example.com:443"),
        ("http", "example.com:80", "example.com"),
        ("https", "example.com:8443", "example.com:8443"),
        ("https", "[2001:db8::1]:8443", "[2001:db8::1]:8443"),
    ],
)
def test_the_authority_has_a_port_that_is_not_the_usual_one(scheme: str, host: str, wanted: str) -> None:
    assert authority(make_request("GET", "/", [("host", host)], scheme=scheme)) == wanted


def test_the_authority_is_the_host_that_was_routed_by() -> None:
    made = make_request("GET", "/", [("host", "example.com")])
    made.host = "shop.example"
    assert authority(made) == "shop.example"
    made.host = "example.co"
    assert authority(made) == "example.co"


def test_what_is_covered_as_it_is() -> None:
    assert plain_names([("@path", {}), ("content-type", {"bs": True}), ("date", {})]) == {"@path", "date"}
    assert all(wider <= DERIVED for wider in COVERED_BY.values())
