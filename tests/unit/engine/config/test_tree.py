"""Paths through a file that was read: finding, placing and writing them."""

from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.config.reader import read
from portcullis.engine.config.tree import Mapping, child, find, is_added, locate, parse_pointer, plain, pointer, written

TEXT = """\
apis:
  shop:
    hosts: [a.example, b.example]
    operations:
      "GET /orders/{id}.json": {limit: {plan: free}}
      GET /x: {}
  shop.old: {authenticate: [partners]}
"""


@pytest.fixture
def root() -> Mapping:
    return read(TEXT, "f.yaml").root


def test_a_tree_means_dictionaries_lists_and_values(root: Mapping) -> None:
    assert plain(root)["apis"]["shop"]["hosts"] == ["a.example", "b.example"]
    assert plain(root)["apis"]["shop.old"] == {"authenticate": ["partners"]}


def test_a_path_is_located_at_its_last_key_or_item(root: Mapping) -> None:
    assert locate(root, ()) == (1, 1)
    assert locate(root, ("apis",)) == (1, 1)
    assert locate(root, ("apis", "shop", "hosts")) == (3, 5)
    assert locate(root, ("apis", "shop", "hosts", 1)) == (3, 24)
    assert locate(root, ("apis", "shop", "operations", "GET /orders/{id}.json", "limit", "plan")) == (5, 41)


def test_a_path_that_is_not_there_is_located_where_it_ends(root: Mapping) -> None:
    assert locate(root, ("apis", "shop", "upstream", "targets")) == (2, 3)
    assert locate(root, ("apis", "shop", "hosts", 7)) == (3, 5)
    assert locate(root, ("nothing",)) == (1, 1)


def test_a_key_that_the_model_added_to_a_list_is_passed_over(root: Mapping) -> None:
    assert locate(root, ("apis", "shop.old", "authenticate", "any_of", 0)) == (7, 29)


def test_a_key_that_the_model_added_to_a_mapping_is_passed_over_as_well(root: Mapping) -> None:
    path = ("apis", "shop", "all_of", "operations", "GET /x")
    assert locate(root, path) == (6, 7)
    assert written(root, path) == ("apis", "shop", "operations", "GET /x")
    shop = find(root, ("apis", "shop"))
    assert is_added(shop, path, 2)
    assert not is_added(shop, ("apis", "shop", "upstream"), 2)
    assert not is_added(shop, ("apis", "shop", "upstream", "targets"), 2)
    assert not is_added(shop, ("apis", "shop", "operations", "GET /x"), 2)
    assert is_added(find(root, ("apis", "shop", "hosts")), ("any_of", 0), 0)
    assert not is_added(find(root, ("apis", "shop", "hosts")), (0,), 0)


def test_nothing_is_found_below_a_value(root: Mapping) -> None:
    assert find(root, ("apis", "shop", "hosts", 0, "x")) is None
    assert child(None, "x") is None
    assert child(root, 0) is None


def test_pointers_quote_what_could_be_misread() -> None:
    assert pointer(("apis", "shop", "hosts", 0)) == "apis.shop.hosts[0]"
    assert pointer(("apis", "shop.old", "operations", "GET /x")) == 'apis."shop.old".operations."GET /x"'
    assert pointer(()) == ""
    assert "\n" not in pointer(("a\nb",))


@rows(
    "path",
    [
        ("apis", "shop", "hosts", 1),
        ("apis", "shop", "operations", "GET /orders/{id}.json", "limit", "plan"),
        ("apis", "shop.old", "authenticate", 0),
    ],
)
def test_a_pointer_is_understood_however_it_was_joined(root: Mapping, path: tuple[str | int, ...]) -> None:
    assert parse_pointer(root, pointer(path)) == path
    assert parse_pointer(root, ".".join(map(str, path))) == path


def test_a_pointer_is_followed_as_far_as_the_file_goes(root: Mapping) -> None:
    assert parse_pointer(root, "apis.shop.upstream.targets[0]") == ("apis", "shop")
    assert parse_pointer(root, "apis.sho") == ("apis",)
    assert parse_pointer(root, "") == ()
