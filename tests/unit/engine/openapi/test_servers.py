"""Where a document says it is served."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.servers import base_path, base_path_20, own_base_path


@rows(
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


@rows(
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


def test_paths_of_other_servers_are_named() -> None:
    problems = Problems()
    assert base_path({"servers": [{"url": "https://a.example/v1"}, {"url": "/v1/"}, {"url": "/v2"}]}, problems) == "/v1"
    (problem,) = problems
    assert (problem.pointer, problem.severity) == ("/servers/2", "warning")
    assert problem.message == "only what is below /v1, the path of the first server, is served: not /v2"


@rows(
    ("operation", "item", "expected"),
    [
        ({}, {}, None),
        ({"servers": []}, {}, None),
        ({"servers": [{"url": "/up"}]}, {}, "/up"),
        ({"servers": [{"url": "https://a.example/up"}, {"url": "https://b.example/up/"}]}, {}, "/up"),
        ({"servers": [{"url": "https://a.example"}]}, {}, ""),
        ({}, {"servers": [{"url": "/path"}]}, "/path"),
        ({"servers": [{"url": "/{v}", "variables": {"v": {"default": "v3"}}}]}, {"servers": [{"url": "/path"}]}, "/v3"),
        ({"servers": "/up"}, {"servers": [{"url": "/path"}]}, "/path"),
        ({"servers": [{}]}, {}, None),
        ({"servers": [{"url": "/up", "variables": []}]}, {}, "/up"),
    ],
)
def test_an_operation_may_have_servers_of_its_own_or_its_path(operation: Any, item: Any, expected: str | None) -> None:
    problems = Problems()
    assert own_base_path(operation, "/paths/~1a/get", item, "/paths/~1a", problems) == expected
    assert list(problems) == []


@rows(
    ("operation", "item", "pointer"),
    [
        ({"servers": [{"url": "/up"}, {"url": "/down"}]}, {}, "/paths/~1a/get/servers/1"),
        ({}, {"servers": [{"url": "/up"}, {"url": "/up/"}, {"url": "/down"}]}, "/paths/~1a/servers/2"),
    ],
)
def test_if_its_servers_do_not_agree_the_first_counts(operation: Any, item: Any, pointer: str) -> None:
    problems = Problems()
    assert own_base_path(operation, "/paths/~1a/get", item, "/paths/~1a", problems) == "/up"
    (problem,) = problems
    assert (problem.pointer, problem.severity) == (pointer, "warning")
    assert problem.message == "only what is below /up, the path of the first server, is served: not /down"


@rows(
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
