"""What a verdict went by, and where that stands."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from rows import rows

from portcullis.control.rule_places import RulePlaces
from portcullis.engine.config.load import load_configuration
from portcullis.engine.decision import Finding
from portcullis.engine.facts import Verdict
from portcullis.engine.operation import UNROUTED, Operation
from portcullis.testing import FakeFiles

CONFIGURATION = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {partners: {api_key: {}}}
plans:
  free: {rate: {requests: 10, per: minute}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["http://127.0.0.1:9000"]}
    authenticate:
      - partners
    limit: {plan: free}
    versions:
      v1:
        spec: specs/shop.yaml
        limit: {by: address}
        operations:
          "GET /a~b/{c}": {limit: {mode: monitor}}
    operations:
      "GET /a~b/{c}": {max_body: 10, limit: {plan: free}}
      "GET /d": {public: true}
"""
SPEC = """\
openapi: 3.1.0
paths:
  /a~b/{c}:
    get: {}
  /d:
    get: {}
"""


class Files:
    def __init__(self) -> None:
        self.there = True

    def read(self, path: str) -> bytes:
        if not self.there:
            raise FileNotFoundError(path)
        return SPEC.encode()

    def environment(self, name: str) -> str | None:
        return None


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def places(files: Files) -> RulePlaces:
    return RulePlaces(load_configuration(CONFIGURATION, "conf/p.yaml"), Path("conf/p.yaml"), files)


def operation(name: str) -> Operation:
    return msgspec.structs.replace(UNROUTED, api="shop", version="v1", name=name)


def verdict(policy: str, source: str = "", code: str = "") -> Verdict:
    return Verdict(policy, "refuse" if code else "allow", code, "", Finding(source=source) if source else None)


NARROW = operation("GET /a~b/{c}")
WIDE = operation("GET /d")


@rows(
    ("of", "policy", "rule", "line"),
    [
        (NARROW, "limit.rate", 'apis.shop.versions.v1.operations."GET /a~b/{c}".limit', "conf/p.yaml:17"),
        (WIDE, "limit.rate", "apis.shop.versions.v1.limit", "conf/p.yaml:15"),
        (NARROW, "authenticate.api_key", "apis.shop.authenticate", "conf/p.yaml:9"),
        (WIDE, "authenticate.public", 'apis.shop.operations."GET /d".public', "conf/p.yaml:20"),
        (NARROW, "validate.request", "#/paths/~1a~0b~1{c}/get", "conf/specs/shop.yaml:4"),
        (NARROW, "guard", "#/paths/~1a~0b~1{c}/get", "conf/specs/shop.yaml:4"),
    ],
)
def test_without_a_finding_it_is_the_narrowest_setting_or_else_the_document(
    places: RulePlaces, of: Operation, policy: str, rule: str, line: str
) -> None:
    assert places.rule(verdict(policy), of) == (rule, line)


def test_a_finding_names_a_part_of_the_file(places: RulePlaces) -> None:
    assert places.rule(verdict("limit.rate", "#/plans/free/rate"), WIDE) == ("plans.free.rate", "conf/p.yaml:4")


def test_a_finding_names_a_part_of_a_document(places: RulePlaces) -> None:
    found = places.rule(verdict("validate.request", "specs/shop.yaml#/paths/~1d/get/parameters/0"), WIDE)
    assert found == ("#/paths/~1d/get/parameters/0", "conf/specs/shop.yaml:6")


def test_the_settings_place_is_told_exactly_where_a_finding_names_only_the_operation(places: RulePlaces) -> None:
    source = "#/apis/shop/operations/GET ~1a~0b~1{c}"
    assert places.rule(verdict("limit.rate", source), NARROW)[1] == "conf/p.yaml:17"


def test_what_the_source_of_a_finding_names_has_a_place(places: RulePlaces) -> None:
    assert places.said_at("#/plans/free/rate") == ("plans.free.rate", "conf/p.yaml:4")
    assert places.said_at("specs/shop.yaml#/paths/~1d/get") == ("#/paths/~1d/get", "conf/specs/shop.yaml:6")
    assert places.said_at("") == ("", "")


def test_the_cap_on_the_body_is_told_where_it_is_set(places: RulePlaces) -> None:
    source = "#/apis/shop/operations/GET ~1a~0b~1{c}/max_body"
    too_large = verdict("guard", source, code="guard.body_too_large")
    assert places.rule(too_large, NARROW) == ('apis.shop.operations."GET /a~b/{c}".max_body', "conf/p.yaml:19")
    assert places.rule(verdict("guard", code="guard.body_too_large"), WIDE) == ("", "")


def test_what_was_not_routed_went_by_no_rule(places: RulePlaces) -> None:
    assert places.rule(verdict("guard", code="guard.unknown_path"), UNROUTED) == ("", "")


def test_a_document_that_has_gone_since_is_named_without_a_line(places: RulePlaces, files: Files) -> None:
    files.there = False
    assert places.declared(WIDE) == ("#/paths/~1d/get", "conf/specs/shop.yaml")


def test_a_setting_of_an_included_file_is_found_there(files: Files) -> None:
    main, apis = CONFIGURATION.partition("apis:\n")[::2]
    beside = FakeFiles({"apis/a.yaml": "apis:\n" + apis})
    including = load_configuration(f"{main}include: apis/*.yaml\n", "conf/p.yaml", beside)
    places = RulePlaces(including, Path("conf/p.yaml"), files)
    assert places.rule(verdict("authenticate.api_key"), WIDE)[1].startswith("conf/apis/a.yaml:")
    assert places.rule(verdict("limit.rate", "#/plans/free/rate"), WIDE)[1] == "conf/p.yaml:4"
