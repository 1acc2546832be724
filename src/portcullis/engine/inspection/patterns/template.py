"""Expressions that a template engine would run (server-side template injection, CWE-1336)."""

from __future__ import annotations

from typing import Final

from portcullis.engine.inspection.detectors import templates
from portcullis.engine.inspection.pattern import AttackClass, Pattern

CLASS: Final = AttackClass(
    key="ssti",
    title="template injection",
    summary="sums and calls inside the brackets of template languages, and the way from them to the interpreter; a "
    "plain ``{{name}}`` is none",
    cwe=1336,
)

_BRACKETS: Final = r"\{\{|\{%|\$\{|#\{|\*\{|~\{|<%|<#|\{\$|\{@|\[\[[\d'\"(]"

PATTERNS: Final = (
    Pattern(
        "ssti-101",
        "a sum inside of a template's brackets",
        expressions=(_BRACKETS, r"@\([\d'\"]"),
        confirm=templates.is_sum,
        matches=("{{7*7}}", "${7*7}", "#{7*7}", "<%= 7 * 7 %>", "{{7*'7'}}", "@(1+2)", "*{7*7}"),
        passes=("{{name}}", "${amount}", "{{ first-name }}", "#{id}", "(@a+b)", "{{user/name}}", "[[1, 2], [3]]"),
    ),
    Pattern(
        "ssti-102",
        "the way from a template to its interpreter",
        expressions=(
            r"__(?:class|mro|base|bases|subclasses|globals|builtins|import|init|getattribute|getitem|dict|code|reduce|self)__",
            r"\\x5f\\x5f|\|\s?attr\s?\(|\.getclass\s?\(|\.class\.forname|\bT\s?\(\s?java\.|\bcycler\.|\blipsum\.|\bjoiner\.",
        ),
        confirm=templates.is_interpreter_access,
        matches=(
            "{{''.__class__.__mro__[1].__subclasses__()}}",
            "{{config.__class__.__init__.__globals__}}",
            "${T(java.lang.Runtime).getRuntime()}",
            "{{request|attr('x')}}",
        ),
        passes=("__init__.py", "def __init__(self):\n    pass", "the __class__ attribute"),
    ),
    Pattern(
        "ssti-103",
        "an object or a call of a template engine that leads out of it",
        expressions=(_BRACKETS,),
        confirm=templates.is_way_out,
        matches=(
            "{{_self.env.registerUndefinedFilterCallback('exec')}}",
            "{{config.items()}}",
            "{% import os %}",
            "{{constructor.constructor('alert(1)')()}}",
            "<%= system('id') %>",
            "{{request.application}}",
        ),
        passes=(
            "{{request_id}}",
            "{{config_name}}",
            "{% if user %}",
            "${self}",
            "{{ item.name | upper }}",
            "{% for o in orders %}",
        ),
    ),
    Pattern(
        "ssti-104",
        "a directive of a template engine that assigns or runs",
        expressions=(
            (
                r"#(?:set|foreach|include|parse|evaluate)\s?\(\s?[$'\"]|<#assign\s|\?new\s?\(\s?\)|freemarker\.template\.utility"
                r"|\{php\}|\{\$smarty\b|\{(?:literal|include|fetch|eval|math)\s[^}\x1f]*(?:file|php|equation|var)\s?="
                r"|velocity\.tools|\$class\.(?:inspect|type)|<%\s?(?:import|include|require)\s"
                r"|\$\{\s?(?:self\.(?:module|template|context|_)|pageContext|applicationScope|sessionScope|requestScope"
                r"|facesContext|class\.|product\.getclass)|#\{\s?(?:facesContext|request\.|session\.|class\.)"
                r"|\bnew\s+java\.\w|\{\{\s?(?:\[\]|\(\)|''|\"\")\s?[.|\[]|@\(\s?system|%\{\s?#"
                r"|#_?(?:memberaccess|context|parameters|request|session|application)\s?[.\[=]|@java\.|@ognl\.|\(#\w+\s?="
            ),
        ),
        matches=(
            "#set($x=7*7)",
            "<#assign ex='freemarker.template.utility.Execute'?new()>",
            "${self.module.runtime.util.os.system('id')}",
            "{php}echo 1;{/php}",
            "{$smarty.version}",
            "%{#a=1}",
        ),
        passes=("a set of (x)", "#settings", "${name}", "{literal}", "the ?new flag"),
    ),
)
