"""Where a document says it is served."""

from __future__ import annotations

from typing import Any

import pytest

from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.servers import base_path, base_path_20


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        (None, ""),
        ([], ""),
        ([{"url": "/"}], ""),
        ([{"url": "/shop/v1/"}], "/shop/v1"),
        ([{"url": "shop"}], "/shop"),
        ([{"url": "https://api.example.com:8443/shop"}], "/shop"),
        ([{"url": "https://api.example.com"}], ""),
        ([{"url": "https://{host}/{v}", "variables": {"host": {"default": "a.b"}, "v": {"default": "v2"}}}], "/v2"),
        ([{"url": "{base}", "variables": {"base": {"default": "/x/y"}}}], "/x/y"),
        ([{"url": "https://a.example/v1"}, {"url": "https://b.example/v1/"}], "/v1"),
    ],
)
def test_the_base_path_is_that_of_the_first_server(servers: Any, expected: str) -> None:
    problems = Problems()
    assert base_path({"servers": servers} if servers is not None else {}, problems) == expected
    assert list(problems) == []


@pytest.mark.parametrize(
    ("server", "path", "message"),
    [
        ({"url": "/{v}"}, "/{v}", "the variable v is not declared"),
        ({"url": "/{v}", "variables": {"v": {"default": "1", "enum": ["2"]}}}, "/1", "the default is not in the enum"),
        ({"url": "http://[/x"}, "/{url}", "not a URL"),
    ],
)
def test_servers_that_make_no_sense_are_warned_of_and_have_no_usable_path(server: Any, path: str, message: str) -> None:
    problems = Problems()
    assert base_path({"servers": [server]}, problems) == path
    assert [(problem.message, problem.severity) for problem in problems] == [(message, "warning")]


def test_paths_that_are_served_nowhere_are_named() -> None:
    problems = Problems()
    root = {
        "servers": [{"url": "https://a.example/v1"}, {"url": "/v2"}],
        "paths": {
            "/a": {
                "servers": [{"url": "https://files.example/v1"}],
                "get": {"servers": [{"url": "/up"}]},
                "put": {"servers": [{"url": "/v1/"}]},
            },
            "/b": {"servers": [{"url": "/"}], "post": None},
            "x-c": {"servers": [{"url": "/x"}]},
        },
    }
    assert base_path(root, problems) == "/v1"
    assert {problem.pointer: problem.message.partition("served: ")[2] for problem in problems} == {
        "/servers/1": "not /v2",
        "/paths/~1a/get/servers/0": "not /up",
        "/paths/~1b/servers/0": "not /",
    }
    assert not problems.has_errors


@pytest.mark.parametrize(
    ("root", "expected"),
    [({}, ""), ({"basePath": "/"}, ""), ({"basePath": "/v1/"}, "/v1"), ({"basePath": "/a/b"}, "/a/b")],
)
def test_the_base_path_of_swagger_2_is_said(root: Any, expected: str) -> None:
    problems = Problems()
    assert base_path_20({"host": "a.example", "schemes": ["https"], **root}, problems) == expected
    assert list(problems) == []


def test_a_base_path_without_a_slash_is_warned_of() -> None:
    problems = Problems()
    assert base_path_20({"basePath": "v1"}, problems) == "/v1"
    assert [problem.message for problem in problems] == ["a base path starts with a slash"]
