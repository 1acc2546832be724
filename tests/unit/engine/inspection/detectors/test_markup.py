from __future__ import annotations

from rows import rows

from portcullis.engine.inspection.detectors import markup


@rows("text", ["<script>", "< script src=x", "<svg:script/>", 'x"</script>', "</script><b>"])
def test_an_element_that_is_script(text: str) -> None:
    assert markup.is_script_element(text)


@rows("text", ["<scripted>", "a script", "<script-kit>", "<a>script</a>"])
def test_no_element_that_is_script(text: str) -> None:
    assert not markup.is_script_element(text)


@rows("text", ["<a onclick=x>", "<p/onfoo=1", "\" onblur='x()", "> x onfocus=alert(1)", "onerror=a()"])
def test_an_attribute_of_an_event(text: str) -> None:
    assert markup.is_event_attribute(text)


@rows("text", ["<a>onclick=x</a>", "set onclick = 5", "<a href=x>", "the one=two"])
def test_no_attribute_of_an_event(text: str) -> None:
    assert not markup.is_event_attribute(text)


@rows("text", ["javascript:alert(1)", "=vbscript:x", "url( javascript://x", "x=java\nscript:a.b"])
def test_a_url_that_is_script(text: str) -> None:
    assert markup.is_script_url(text)


@rows("text", ["javascript: a short story about it", "JavaScript:", "about javascript"])
def test_no_url_that_is_script(text: str) -> None:
    assert not markup.is_script_url(text)


def test_an_element_counts_with_attributes_only() -> None:
    assert markup.is_active_element("<iframe src=x>")
    assert not markup.is_active_element("use <iframe> or <object>")


def test_code_counts_right_after_what_ends_a_string_or_an_element() -> None:
    assert markup.is_script_after_break("';alert(1)")
    assert not markup.is_script_after_break("she said alert(1)")
    assert not markup.is_script_after_break("x()\nalert(1)")


def test_an_attribute_with_a_document_counts_inside_of_an_element() -> None:
    assert markup.is_in_element("<a srcdoc=x")
    assert markup.is_in_element('" srcdoc=x')
    assert not markup.is_in_element("srcdoc=x")
