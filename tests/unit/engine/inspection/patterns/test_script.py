from __future__ import annotations

from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.patterns.script import CLASS, PATTERNS

Ids = Callable[..., set[str]]
MINE = {pattern.id for pattern in PATTERNS}


@rows(
    "text",
    [
        "<ScRiPt>alert(1)</sCrIpT>",
        "<img/src=x/onerror=alert(1)>",
        "<svg onload=alert`1`>",
        '<a href="jAvAsCrIpT:alert(1)">x</a>',
        '"><script src=//x></script>',
        '<iframe src="data:text/html,<script>1</script>">',
        "' onclick='alert(1)",
        "<body onpageshow=alert(1)>",
        "%3Csvg%2Fonload%3Dalert(1)%3E",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "\\u003cimg src=x onerror=alert(1)\\u003e",
        '<math><a xlink:href="javascript:alert(1)">',
        "<details open ontoggle=alert(1)>",
        "';alert(String.fromCharCode(88));//",
        "<meta http-equiv=refresh content='0;url=javascript:1'>",
        "java\nscript:alert(1)",
    ],
)
def test_script_for_a_page_is_found(text: str, ids: Ids) -> None:
    assert ids(text) & MINE


@rows(
    "text",
    [
        "<b>bold</b> and <i>italic</i>",
        '<p class="x">text</p>',
        '<a href="https://x.example/?a=b">link</a>',
        '<img src="a.png" alt="on top">',
        "5 < 6 and 7 > 6",
        "I <3 you",
        "x <y@z.example>",
        "if (a < b) { c(); }",
        "the onclick handler",
        "an alert (red)",
        "JavaScript: The Good Parts",
        "<https://x.example>",
        "a -> b => c",
        "document the cookie policy",
        "<br/><hr/>",
    ],
)
def test_markup_and_code_that_people_write_passes(text: str, ids: Ids) -> None:
    assert not ids(text) & MINE


def test_the_class_is_known_by_its_number() -> None:
    assert CLASS.cwe == 79
