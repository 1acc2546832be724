from __future__ import annotations

import os

import pytest

from portcullis.engine.inspection.database import Database, ExpressionError


def test_a_scan_says_which_expressions_match_and_where_first() -> None:
    database = Database({"a": "union", "b": r"sel\w+", "c": "^x"})
    assert database.scan(b"the UNION selects, union") == {"a": 9, "b": 14}
    assert database.scan(b"nothing") == {}
    assert database.scan(b"") == {}
    assert database.size > 0


def test_what_one_scan_found_is_not_in_the_next() -> None:
    database = Database({"a": "a", "b": "b"})
    first = database.scan(b"a")
    assert database.scan(b"b") == {"b": 1}
    assert first == {"a": 1}


def test_a_dot_is_any_octet() -> None:
    assert Database({"a": "a.b"}).scan(b"a\nb") == {"a": 3}


def test_an_expression_that_can_not_be_compiled_is_named() -> None:
    with pytest.raises(ExpressionError, match="wrong"):
        Database({"right": "a", "wrong": "(?<=a)b"})


def test_a_process_that_is_forked_has_a_scratch_of_its_own() -> None:
    database = Database({"a": "union"})
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        found = all(database.scan(b"x union y") for _ in range(2_000))
        os.write(write, b"1" if found else b"0")
        os._exit(0)
    for _ in range(2_000):
        assert database.scan(b"x union y") == {"a": 7}
    os.waitpid(child, 0)
    assert os.read(read, 1) == b"1"
    os.close(read)
    os.close(write)
