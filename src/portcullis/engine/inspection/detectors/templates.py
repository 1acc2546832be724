"""Does a text use a template language to reach what the template's author did not offer?

Texts with templates in them are honest where templates are what is stored: ``{{name}}``, ``{% if user %}``. What tells
an attack is what stands in the brackets: sums of literals, which try whether they are worked out, and the names by
which one gets from a template's objects to the interpreter, to files and to other programs.
"""

from __future__ import annotations

import re
from typing import Final

_OPEN: Final = r"(?:\{\{\{?|\$\{\{?|#\{|\*\{|@\(|<%=?|\{%|\[\[|~\{|\{@)"
_LITERAL: Final = r"(?:\d{1,12}|'\w{0,12}'|\"\w{0,12}\")"
_sum = re.compile(
    rf"{_OPEN}[\s(]{{0,8}}{_LITERAL}\s{{0,4}}[-+*/%^]\s{{0,4}}{_LITERAL}[\s)]{{0,8}}(?:\}}|%>|\)|\]\])", re.IGNORECASE
).search

_in_brackets = re.compile(r"(?:\{\{|\{%|\$\{|#\{|\*\{|<%|<#|\{\$|@\()([^}\x1f]{0,400})").findall
_access = re.compile(
    r"__\w{3,16}__|\\x5f\\x5f|\|\s?attr\s?\(|\.getclass\s?\(|\.class\.forname|\bT\s?\(\s?java|\.mro\s?\("
    r"|\bcycler\.|\blipsum\.|\bjoiner\.",
    re.IGNORECASE,
).search
_chain = re.compile(
    r"__(?:class|mro|bases?|subclasses|globals|builtins|import|init)__\s{0,4}(?:\.__|\(\s?\)\s?[.\[]|\["
    r"|\(\s?['\"](?:os|subprocess|sys)|\.\w{1,16}\.(?:__|os\b|popen))",
    re.IGNORECASE,
).search
_of_java = re.compile(
    r"\bT\s?\(\s?java\.|['\"]{2}\.getclass\s?\(|\.class\.forname\s?\("
    r"|\.getclass\s?\(\s?\)\s?\.(?:forname|getclassloader|getmethod|getruntime)",
    re.IGNORECASE,
).search

_WAYS_OUT: Final = (
    # Objects of engines that hold more than the template needs.
    r"\b_?self\.(?:env|template|module|_)|\bself\.__|\bget_flashed_messages|\burl_for\.|\bdebug\s?\(\s?\)|\bapp\.request",
    r"\bconfig(?:\.items\b|\.iteritems|\.from_\w|\[|\s{0,4}\}|\.__)|\bsettings\.secret|\bdump\s?\(\s?app|\$smarty\b",
    r"\brequest[.\[](?:application|environ|__|\[|server|cookies|args|attributes|getparameter)",
    r"\bsession\.(?:update|clear|setattribute)|\bregisterundefinedfiltercallback|\bgetfilter\s?\(|\battributes\.",
    r"\|\s?(?:filter|map|sort|reduce)\s?\(\s?['\"](?:system|exec|passthru|shell)|\{php\}",
    # Ways to the interpreter and its modules.
    r"\bconstructor\b|\bprocess\.(?:mainmodule|env)|\brequire\s?\(|\bglobal\.|\bruntime\b|\bjava\.(?:lang|util|io)",
    r"\bimport\s?\(?\s?['\"]?(?:os|subprocess)|\bimport\s{1,4}(?:os|subprocess|popen)\b",
    r"\bassign\s{1,4}\w{1,24}\s?=\s?['\"]freemarker|\bos\.(?:system|popen|environ)",
    # What is run or read.
    r"\b(?:system|exec|passthru|shell_exec|popen|eval|phpinfo|file_get_contents|readfile|sleep)\s?\(|\btoUpperCase\s?\(",
    r"\bopen\s?\(\s?['\"]/|\bFile\.(?:open|read)|\bdir\.entries|\bio\.popen|\binclude\s{1,4}['\"]?/|\bsubstring\s?\(",
    r"\bfor\s{1,4}\w{1,16}(?:\s?,\s?\w{1,16})?\s{1,4}in\s{1,4}(?:\(\)|\[\]|config|''|request)|\bm\.\w{1,16}\(",
)
_way_out = re.compile("|".join(_WAYS_OUT), re.IGNORECASE).search


def is_sum(text: str) -> bool:
    """``{{7*7}}``: literals on both sides, as only somebody writes who tries whether it is worked out."""
    return _sum(text) is not None


def is_interpreter_access(text: str) -> bool:
    """``{{x.__class__}}``, or ``__class__.__mro__``: inside of a template's brackets, or as a chain."""
    return _access(_insides(text)) is not None or _chain(text) is not None or _of_java(text) is not None


def is_way_out(text: str) -> bool:
    """An object or a call inside of a template's brackets that leads out of the template."""
    return _way_out(_insides(text)) is not None


def _insides(text: str) -> str:
    """What stands in brackets of template languages, each part up to the first that closes one."""
    return "".join(f"{inside}}}" for inside in _in_brackets(text))
