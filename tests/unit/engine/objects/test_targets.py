"""The path by which an object is read."""

from __future__ import annotations

from typing import Any

from rows import rows
from rule_samples import make_given

from portcullis.engine.objects.given import OfExchange
from portcullis.engine.objects.targets import target_of, variables_of


def target(value: Any, *, encoded_slash: bool = False) -> str | None:
    sources = {"id": OfExchange(lambda given: value)}
    return target_of("/shop/orders/{id}/x", sources, lambda path: path[5:], encoded_slash=encoded_slash)(make_given())


@rows(
    ("value", "path"),
    [
        ("17", "/orders/17/x"),
        (17, "/orders/17/x"),
        (2**70, f"/orders/{2**70}/x"),
        ("a b", "/orders/a%20b/x"),
        ("é", "/orders/%C3%A9/x"),
        ("a?b#c", "/orders/a%3Fb%23c/x"),
        ("a.b~c-d_e", "/orders/a.b~c-d_e/x"),
        ("a;b", "/orders/a%3Bb/x"),
        ("%", "/orders/%25/x"),
        ("a+b&c=d", "/orders/a%2Bb%26c%3Dd/x"),
    ],
)
def test_a_value_is_one_segment(value: Any, path: str) -> None:
    assert target(value) == path


@rows(
    "value",
    [
        "",
        ".",
        "..",
        "a/b",
        "../17",
        "a\\b",
        "a\x00b",
        "a\nb",
        "%2e%2e",
        "%2F",
        ". ",
        ";",
        ";x",
        True,
        None,
        1.5,
        [],
        {},
    ],
)
def test_what_could_be_read_as_another_path_leads_nowhere(value: Any) -> None:
    assert target(value) is None


def test_slashes_are_for_services_that_take_them() -> None:
    assert target("a/b", encoded_slash=True) == "/orders/a%2Fb/x"
    assert target("a/../b", encoded_slash=True) is None


def test_variables() -> None:
    assert variables_of("/a/{b}/c-{d}") == ["b", "d"]
    sources = {"b": OfExchange(lambda given: "1"), "d": OfExchange(lambda given: 2)}
    assert target_of("/a/{b}/c-{d}", sources, str, encoded_slash=False)(make_given()) == "/a/1/c-2"
