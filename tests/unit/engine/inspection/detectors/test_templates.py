from __future__ import annotations

from rows import rows

from portcullis.engine.inspection.detectors import templates


@rows("text", ["{{7*7}}", "${ 1 + 1 }", "<%= 2*3 %>", "#{'a'*3}", "{{(1+2)}}"])
def test_a_sum_of_literals(text: str) -> None:
    assert templates.is_sum(text)


@rows("text", ["{{a*b}}", "{{ n + 1 }}", "7*7", "{7*7}", "${a}"])
def test_no_sum_of_literals(text: str) -> None:
    assert not templates.is_sum(text)


def test_a_way_to_the_interpreter_stands_in_brackets_or_is_a_chain() -> None:
    assert templates.is_interpreter_access("{{x.__class__}}")
    assert templates.is_interpreter_access("x.__class__.__mro__")
    assert not templates.is_interpreter_access("the __class__ of x {{y}}")


def test_a_way_out_is_looked_for_inside_of_brackets_only() -> None:
    assert templates.is_way_out("{{ request.application }}")
    assert templates.is_way_out("a {{b}} c {{ config }}")
    assert not templates.is_way_out("request.application {{b}}")
    assert not templates.is_way_out("{{b}} config.items()")
