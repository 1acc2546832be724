from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from rows import rows

from portcullis.engine.facts import Facts
from portcullis.engine.inspection.allowances import Allowances
from portcullis.engine.inspection.inspector import the_inspector
from portcullis.engine.inspection.known import Content, Known
from portcullis.engine.inspection.parts import pointer_of
from portcullis.engine.inspection.pattern import all_patterns
from portcullis.engine.inspection.requests import RequestInspection
from portcullis.engine.inspection.streaming import Found
from portcullis.engine.openapi.operations import SpecOperation
from portcullis.testing import make_request

EVIL = "<script>alert(1)</script>"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def inspection() -> RequestInspection:
    """Of an operation of which nothing is known."""
    known = Known(SpecOperation(method="POST", path="/x/{id}", pointer=""), None, ["x-key"], ["key"])
    return RequestInspection(the_inspector(), known, Allowances([("/query/html", ["xss-101", "xss-107"])]))


def shown(found: Found | None) -> str | None:
    return None if found is None else f"{pointer_of(found.path)} {found.hit.pattern.id}"


def head(inspection: RequestInspection, target: str = "/x", headers: Any = (), **path: str) -> str | None:
    request = make_request("POST", target, headers)
    request.path_values = path
    return shown(inspection.head(request, Facts()))


def body(
    inspection: RequestInspection, content_type: str | None, data: bytes, facts: Facts | None = None
) -> str | None:
    headers = {} if content_type is None else {"content-type": content_type}
    request = make_request("POST", "/x", headers, body=data)
    return shown(inspection.whole(request, facts or Facts()))


def test_an_honest_head_passes(inspection: RequestInspection) -> None:
    headers = {
        "User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)",
        "Accept": "text/html,*/*;q=0.8",
        "Referer": "https://shop.example/list?id=5&sort=name&page=2",
        "Cookie": "sid=abc123; id=5; theme=dark; prefs=%7B%22a%22%3A1%7D",
    }
    assert head(inspection, "/x?q=Tom+%26+Jerry&sort=name&id=5", headers, id="O'Brien & Sons") is None


@rows(
    ("target", "headers", "path", "found"),
    [
        (f"/x?q={quote(EVIL)}", {}, {}, "/query/q xss-101"),
        ("/x?a=1&b=1%27+or+1%3D1--", {}, {}, "/query/b sqli-101"),
        ("/x?user%5B$ne%5D=1", {}, {}, "/query/user[$ne] nosql-101"),
        ("/x?q=%253Cscript%253E", {}, {}, "/query/q xss-101"),
        ("/x", {}, {"id": "1 or 1=1"}, "/path/id sqli-101"),
        ("/x", {"User-Agent": "${jndi:ldap://x/a}"}, {}, "/header/user-agent lookup-101"),
        ("/x", {"Referer": "https://x/?q=%3Cscript%3E"}, {}, "/header/referer xss-101"),
        ("/x", {"X-Anything": "() { :;}; /bin/id"}, {}, "/header/x-anything cmdi-102"),
        ("/x", {"Cookie": "a=b; theme=%3Cscript%3E"}, {}, "/cookie/theme xss-101"),
        ("/x", {"Cookie": "a=b; id; c=d"}, {}, None),
        ("/x", {"Authorization": "Bearer <script>", "X-Key": "<script>"}, {}, None),
        ("/x?key=%3Cscript%3E", {}, {}, None),
        (f"/x?html={quote(EVIL)}", {}, {}, None),
    ],
)
def test_what_is_in_the_head_is_found_where_it_is(
    inspection: RequestInspection, target: str, headers: dict[str, str], path: dict[str, str], found: str | None
) -> None:
    assert head(inspection, target, headers, **path) == found


@rows(
    ("content_type", "data", "found"),
    [
        ("application/json", json.dumps({"a": ["fine", {"b": EVIL}]}), "/body/a/1/b xss-101"),
        ("application/json", '{"a": "\\u003cscript\\u003e"}', "/body/a xss-101"),
        ("application/json", '{"$where": "x"}', "/body/$where nosql-101"),
        ("application/json", '{"a": "<script>", "a": "fine"}', "/body/a/0 xss-101"),
        ("application/json", '{"a": "<scr\\u001fipt>"}', "/body/a xss-101"),
        ("application/json", '{"or": "1=1", "and": ["a", "=", "b"], "note": "this or that"}', None),
        ("application/json", "not json but <script>", "/body xss-101"),
        (FORM, "a=1&b=%3Cscript%3E", "/body/b xss-101"),
        (FORM, "a=1&id=5&sort=x&q=Tom+%26+Jerry", None),
        ("text/xml", "<a><b c='1'>x</b><d>&lt;script&gt;</d></a>", "/body/d xss-101"),
        ("text/xml", "<form action='x'><script>var a</script><meta charset='x'/></form>", None),
        ("text/xml", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///x">]><a/>', "/body xxe-102"),
        ("text/plain", "hello <script>", "/body xss-101"),
        ("text/plain", '{"a": "<script>"}', "/body/a xss-101"),
        ("text/plain", "hello, world", None),
        (None, '{"a": "<script>"}', "/body/a xss-101"),
        ("image/png", "<script>", "/body xss-101"),
        ("image/png", "\x89PNG\0<script>", None),
        (
            "multipart/form-data; boundary=X",
            '--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n<script>\r\n--X--',
            "/body/a xss-101",
        ),
        ("multipart/form-data", "<script>", "/body xss-101"),
        ("text/plain", "", None),
    ],
)
def test_what_is_in_a_body_is_found_where_it_is(
    inspection: RequestInspection, content_type: str | None, data: str, found: str | None
) -> None:
    assert body(inspection, content_type, data.encode("latin-1")) == found


def test_a_value_that_was_parsed_already_is_not_parsed_again(inspection: RequestInspection) -> None:
    facts = Facts()
    facts.document = {"a": EVIL}
    assert body(inspection, "application/json", b"{}", facts) == "/body/a xss-101"


@rows(
    ("content_type", "length", "held"),
    [
        ("application/json", "5", True),
        ("application/xml", "5", True),
        (FORM, "5", True),
        ("text/plain", "5", False),
        ("multipart/form-data; boundary=X", "5", False),
        ("image/png", "5", True),
        ("image/png", "500000", False),
        ("image/png", None, False),
    ],
)
def test_what_has_to_be_parsed_is_held_back(
    inspection: RequestInspection, content_type: str, length: str | None, held: bool
) -> None:
    headers = {"content-type": content_type} | ({"content-length": length} if length else {})
    assert inspection.wants(make_request("POST", "/x", headers)) is held


def test_the_same_user_agent_is_looked_at_once(inspection: RequestInspection) -> None:
    headers = {"user-agent": "curl/8.0; id"}
    assert [head(inspection, headers=headers) for _ in range(3)] == [head(inspection, headers=headers)] * 3


class JustRead(Known):
    """Of an operation whose bodies are JSON that has been read and may hold anything."""

    def content(self, field: bytes | None) -> Content:
        return Content("json", is_read=True)


@pytest.fixture
def of_read() -> RequestInspection:
    """Of bodies that have been read."""
    operation = SpecOperation(method="POST", path="/x", pointer="")
    return RequestInspection(the_inspector(), JustRead(operation, None), Allowances([]))


def read_body(inspection: RequestInspection, data: bytes) -> str | None:
    facts = Facts()
    facts.document = json.loads(data)
    return body(inspection, "application/json", data, facts)


@rows("escape", ["", "\\u0020"])
def test_every_attack_is_found_in_a_body_that_was_read(of_read: RequestInspection, escape: str) -> None:
    for pattern in all_patterns():
        for text in pattern.matches if "body" in pattern.places else ():
            data = json.dumps({"before": escape, "x": [text], "after": "y"}, ensure_ascii=False)
            sent = data.replace('"before": "\\\\', '"before": "\\').encode("utf-8", "surrogatepass")
            assert read_body(of_read, sent) is not None, (pattern.id, text)


def test_a_name_that_a_client_chose_is_looked_at_in_a_body_that_was_read(of_read: RequestInspection) -> None:
    assert read_body(of_read, b'{"<script>":1}') == "/body/<script> xss-101"


def test_marks_between_harmless_strings_make_no_attack_however_often_they_come(of_read: RequestInspection) -> None:
    data = b'{"a":"<","script":">","b":"1","or":"1=1"}'
    assert [read_body(of_read, data) for _ in range(100)] == [None] * 100
    assert read_body(of_read, b'{"a":"<script>alert(1)</script>"}') is not None


def test_header_fields_with_cookies_are_not_kept(of_read: RequestInspection) -> None:
    remembered = the_inspector().is_clean_again.cache_info
    before = remembered().currsize
    assert head(of_read, headers={"cookie": "sid=never-seen-before"}) is None
    assert remembered().currsize == before
    for _ in range(2):
        assert head(of_read, headers={"x-none": "never-seen-before"}) is None
    assert remembered().currsize == before + 1
