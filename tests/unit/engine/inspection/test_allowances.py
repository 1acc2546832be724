from __future__ import annotations

from portcullis.engine.inspection.allowances import Allowances, fits, pointer_for


def test_what_is_allowed_at_a_place_is_the_sum_of_what_the_file_says_of_it() -> None:
    allowances = Allowances([("/body/a", ["xss-101"]), ("/body/a", ["xss-102"]), ("/body/*", ["sqli-101"])])
    assert allowances.at(("body", "a")) == {"xss-101", "xss-102", "sqli-101"}
    assert allowances.at(("body", "b")) == {"sqli-101"}
    assert allowances.at(("body", "a", "b")) == frozenset()
    assert allowances.at(("query", "a")) == frozenset()


def test_where_nothing_is_allowed_nothing_is() -> None:
    assert Allowances(()).at(("body", "a")) == frozenset()


def test_a_star_is_any_one_token() -> None:
    allowances = Allowances([("/body/items/*/title", ["xss-101"])])
    assert allowances.at(("body", "items", 17, "title")) == {"xss-101"}
    assert allowances.at(("body", "items", "title")) == frozenset()
    assert fits(("*", "b"), ("a", "b"))
    assert not fits(("*", "b"), ("a", "c"))


def test_tokens_are_read_as_a_json_pointer_has_them() -> None:
    assert Allowances([("/body/a~1b~0c", ["x-101"])]).at(("body", "a/b~c")) == {"x-101"}


def test_the_pointer_to_write_stands_for_all_elements_of_a_list() -> None:
    assert pointer_for(("body", "items", 3, "a/b")) == "/body/items/*/a~1b"
