from __future__ import annotations

from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.patterns.template import CLASS, PATTERNS

Ids = Callable[..., set[str]]
MINE = {pattern.id for pattern in PATTERNS}


@rows(
    "text",
    [
        "{{7*7}}",
        "${{7*7}}",
        "<%= 7*7 %>",
        "#{7*7}",
        "{{config.items()}}",
        "{{''.__class__.__mro__[1].__subclasses__()}}",
        "{% import os %}{{os.popen('id').read()}}",
        "${T(java.lang.Runtime).getRuntime().exec('id')}",
        '<#assign x="freemarker.template.utility.Execute"?new()>',
        "{{_self.env.setCache('x')}}",
        "{{constructor.constructor('alert(1)')()}}",
        "{php}system('id');{/php}",
    ],
)
def test_an_expression_in_a_template_is_found(text: str, ids: Ids) -> None:
    assert ids(text) & MINE


@rows(
    "text",
    [
        "Dear {{name}},",
        "{{#if user}}{{user.name}}{{/if}}",
        "{% for item in items %}{{ item.name|upper }}{% endfor %}",
        "${amount} EUR",
        "Hello ${user.first_name}",
        "{{ price * quantity }}",
        "<% if admin %>",
        "{{self}}",
        "#{name}",
        "a {b} c",
        '{"a": {"b": {}}}',
    ],
)
def test_templates_that_people_write_passes(text: str, ids: Ids) -> None:
    assert not ids(text) & MINE


def test_the_class_is_known_by_its_number() -> None:
    assert CLASS.cwe == 1336
