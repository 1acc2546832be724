from __future__ import annotations

import pytest
from bench.errors import BenchError
from bench.load import HOST, Load, Request, parse_result, script_of


def test_the_script_holds_the_request_and_no_function_that_runs_for_each() -> None:
    script = script_of(Request("POST", "/orders", {"X-API-Key": "k"}, '{"a":"b\\n"}'))

    assert 'wrk.method = "POST"' in script
    assert 'wrk.path = "/orders"' in script
    assert f'wrk.headers["Host"] = "{HOST}"' in script
    assert 'wrk.headers["X-API-Key"] = "k"' in script
    assert r'wrk.body = "{\"a\":\"b\\n\"}"' in script
    assert "request = function" not in script


def test_paths_are_taken_in_turn_from_bytes_that_were_built_before() -> None:
    script = script_of(Request("GET", "/", {}), ["/a", '/b"'])

    assert r'local paths = {"/a", "/b\""}' in script
    assert "wrk.format(nil, path)" in script
    assert "return requests[at]" in script


def test_a_path_is_changed_without_touching_the_request() -> None:
    plain = Request("GET", "/", {"A": "1"})

    assert plain.at("/a") == Request("GET", "/a", {"A": "1"})
    assert plain.path == "/"


def test_a_header_is_added_without_touching_the_request() -> None:
    plain = Request("GET", "/", {"A": "1"})

    assert plain.with_headers({"B": "2"}).headers == {"A": "1", "B": "2"}
    assert plain.headers == {"A": "1"}


def test_the_result_is_read_from_among_what_wrk_prints() -> None:
    line = 'wrk-result {"requests":100,"micros":2000000,"refused":3,"broken":1}'

    assert parse_result(f"Running 2s test\n{line}\nmore\n") == Load(100, 2.0, refused=3, broken=1)


def test_output_without_a_result_is_an_error() -> None:
    with pytest.raises(BenchError, match="unable to connect"):
        parse_result("unable to connect to 127.0.0.1:1 Connection refused")
