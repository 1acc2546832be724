from __future__ import annotations

from typing import Any

import pytest

from portcullis.engine.host_routes import GATEWAY, HostRoutesBuilder, wildcards

OPERATION: Any = object()
GET = {"GET": OPERATION}


@pytest.fixture
def errors() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def report(errors):
    return lambda path, message, hint: errors.append((".".join(map(str, path)), message))


def test_versions_below_different_prefixes_are_found(report, errors):
    builder = HostRoutesBuilder()
    builder.add(("shop", "v1"), "/shop/v1", {"/a": GET})
    builder.add(("shop", "v2"), "/shop/v2", {"/a": GET, "/{x}": GET})
    routes = builder.build(report)
    assert routes.index.match("/shop/v1/a").template == "/shop/v1/a"
    assert routes.index.match("/shop/v2/b").values == {"x": "b"}
    assert routes.index.match("/shop/v1/b") is None
    assert errors == []


def test_the_same_path_of_two_apis_is_an_error_at_the_later_one(report, errors):
    builder = HostRoutesBuilder()
    builder.add(("one", "v1"), "", {"/a/{x}": GET})
    builder.add(("two", "v3"), "/a", {"/{y}": GET})
    builder.build(report)
    assert errors == [("apis.two.versions.v3", "/a/{y} overlaps /a/{x} of one v1 on the same host")]


def test_the_very_same_template_of_two_apis_names_both_owners(report, errors):
    builder = HostRoutesBuilder()
    builder.add(("one", "v1"), "", {"/a": GET})
    builder.add(("two", "v1"), "", {"/a": GET})
    builder.build(report)
    assert errors == [("apis.two.versions.v1", "/a overlaps /a of one v1 on the same host")]


def test_two_templates_of_one_document_that_match_the_same_requests_are_an_error(report, errors):
    builder = HostRoutesBuilder()
    builder.add(("one", "v1"), "", {"/a/{x}": GET, "/a/{y}": GET})
    builder.build(report)
    assert errors == [("apis.one.versions.v1", "its paths /a/{x} and /a/{y} match the same requests")]


def test_versions_chosen_by_a_header_share_their_prefix_and_keep_others_out_of_it(report, errors):
    builder = HostRoutesBuilder()
    builder.add_by_header("shop", b"api-version", "v1", {"v1": {"/shop": {"/a": GET}}, "v2": {"/shop": {"/{x}": GET}}})
    builder.add(("other", "v1"), "/shop/x", {"/b": GET})
    builder.add(("fine", "v1"), "/shopping", {"/b": GET})
    routes = builder.build(report)
    [chooser] = routes.by_header
    assert chooser.versions.keys() == {"v1", "v2"}
    assert errors == [("apis.shop", "everything below /shop belongs to it, and other has paths there on the same host")]


def test_two_apis_with_header_versions_below_one_prefix_are_an_error(report, errors):
    builder = HostRoutesBuilder()
    builder.add_by_header("one", b"v", None, {"v1": {"": {"/a": GET}}})
    builder.add_by_header("two", b"v", None, {"v1": {"": {"/b": GET}}})
    builder.build(report)
    assert errors == [("apis.two", "everything below / belongs to it, and one has paths there on the same host")]


def test_the_narrowest_prefix_is_asked_first(report, errors):
    builder = HostRoutesBuilder()
    builder.add_by_header("wide", b"v", None, {"v1": {"/a": {"/x": GET}}})
    builder.add_by_header("narrow", b"v", None, {"v1": {"/a/b": {"/x": GET}}})
    assert [chooser.prefix for chooser in builder.build(report).by_header] == ["/a/b", "/a"]


def test_what_the_gateway_itself_serves_is_in_nobodys_way(report, errors):
    builder = HostRoutesBuilder()
    builder.add(("shop", "v1"), "", {"/oauth2/{x}": GET})
    builder.add((GATEWAY, "tokens"), "", {"/oauth2/token": GET, "/oauth2/{y}": GET})
    builder.build(report)
    assert errors == [("tokens", "/oauth2/{y} overlaps /oauth2/{x} of shop v1 on the same host")]


def test_the_wildcards_of_a_host_are_told_narrowest_first():
    assert list(wildcards("id.shop.example")) == ["*.shop.example", "*.example", "*"]
    assert list(wildcards("localhost")) == ["*"]
