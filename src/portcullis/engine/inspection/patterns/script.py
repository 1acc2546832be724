"""Script that is put into a page through a value (cross-site scripting, CWE-79)."""

from __future__ import annotations

from typing import Final

from portcullis.engine.inspection.detectors import markup
from portcullis.engine.inspection.pattern import AttackClass, Pattern, matching

CLASS: Final = AttackClass(
    key="xss",
    title="cross-site scripting",
    summary="elements and attributes that run script or load it, URLs with script in them, script that breaks out of a "
    "string; formatting such as ``<b>`` or links are none",
    cwe=79,
)

_ELEMENT: Final = r"<[a-z/?]|<[\s\x00]+/?[\s\x00]*(?:script|iframe|object|embed)"

PATTERNS: Final = (
    Pattern(
        "xss-101",
        "a script element",
        expressions=(_ELEMENT,),
        confirm=markup.is_script_element,
        matches=(
            "<script>alert(1)</script>",
            "<SCRIPT SRC=//x/y.js>",
            "<script/x>",
            "%3Cscript%3E1",
            "&lt;script&gt;",
            "< script >",
        ),
        passes=("a script for a play", "use the <script-name> here", "<scripture>", "if a <scripts the b"),
    ),
    Pattern(
        "xss-102",
        "an attribute that runs script on an event",
        expressions=(r"[\s/\"'`>+\x00]on[a-z]{3,}[\s\x00]*=",),
        confirm=markup.is_event_attribute,
        matches=(
            "<img src=x onerror=alert(1)>",
            "<svg/onload=alert(1)>",
            '" onmouseover="alert(1)',
            "<x%0Aonxxx=1",
            "x' autofocus onfocus=alert(1) '",
            "<body/onhashchange=alert(1)><a+href=#>clickit",
        ),
        passes=(
            "<a href='x'>on one = two</a>",
            "turn onload = 5 kg",
            "the online = yes",
            "if onclick is set, <b>see</b>",
        ),
    ),
    Pattern(
        "xss-103",
        "a URL that is script, where a page would follow it",
        expressions=(r"(?:java|vb|live)script\s*:|mocha:", r"pt[\x00-\x20]*:"),
        confirm=markup.is_script_url,
        matches=(
            "<a href=javascript:alert(1)>",
            "javascript:alert(document.cookie)",
            "<img src=\"jav\tascript:alert('x');\">",
            "background:url(javascript:alert(1))",
            "java%0ascript:alert(1)",
            "<a href=vbscript:msgbox(1)>",
        ),
        passes=("javascript: the good parts", "languages = JavaScript: yes", "url: see JavaScript: a guide"),
    ),
    Pattern(
        "xss-104",
        "a document in a data URL",
        expressions=(r"\bdata\s*:[\w/+;=,.\s-]*(?:<|%3c|PHN|alert)",),
        confirm=matching(
            r"\bdata\s{0,4}:\s{0,4}(?:text/(?:html|xml|javascript|xsl)|application/(?:x?html|xhtml\+xml|javascript|x-javascript|xml)"
            r"|image/svg\+xml)?(?:;[\w=-]{1,24}){0,4}[;,]?[^\x1f]{0,8}[,;]\s{0,8}(?:<|%3c|PHN|alert)"
        ),
        matches=(
            "data:text/html,<script>1</script>",
            "<object data=data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==>",
        ),
        passes=("data:image/png;base64,iVBORw0KGgo=", "the data: text, more", "data:application/pdf;base64,JVBERi0="),
    ),
    Pattern(
        "xss-105",
        "an element that loads another document or runs something",
        expressions=(_ELEMENT,),
        confirm=markup.is_active_element,
        matches=(
            "<iframe src=//x>",
            "<object data=x>",
            "<meta http-equiv=refresh content=0>",
            "<base href=//x>",
            "<form action=//x>",
        ),
        passes=(
            "<a href=x>y</a>",
            "the <object> type",
            "<meta name='description'>",
            "use <frame> and <form>",
            "<img src='a.png'>",
        ),
    ),
    Pattern(
        "xss-106",
        "a style that runs script or loads it",
        expressions=(
            r"\bexpression\s*(?:/\*[^*]*\*/)?\s*\(|behaviou?r\s*:\s*url|-moz-binding|@import\b|binding\s*:\s*url",
        ),
        confirm=matching(
            r"(?:style|<style)[^<>]{0,8}[\s=>\"'`][^\x1f]{0,160}?(?:expression\s{0,4}(?:/\*[^*]{0,40}\*/)?\s{0,4}\("
            r"|behaviou?r\s{0,4}:\s{0,4}url|-moz-binding|@import\b|binding\s{0,4}:\s{0,4}url)"
            r"|:\s?expression\s?\(|-moz-binding\s?:|@import\s{1,4}(?:url\s?\()?['\"]?(?:javascript|https?:)?//"
        ),
        matches=(
            "<div style=width:expression(alert(1))>",
            "<style>@import'//x/y.css';</style>",
            'style="-moz-binding:url(x)"',
        ),
        passes=("in the style of an expression", "import 'x' from 'y'", "style: bold", "an expression (in words)"),
    ),
    Pattern(
        "xss-107",
        "script that breaks out of a string, an attribute or an element",
        expressions=(
            (
                r"\b(?:alert|confirm|prompt|eval|settimeout|setinterval|execscript|atob|function|expression)\s?[(`)\].?]"
                r"|document\.writ|fromcharcode|\$\.get"
            ),
        ),
        confirm=markup.is_script_after_break,
        matches=(
            "';alert(1)//",
            '"-alert(1)-"',
            "</title>alert(1)",
            "'+alert(1)+'",
            "*/alert(1)/*",
            "alert(1)",
            '"><x>eval(name)',
        ),
        passes=(
            "please alert (him)",
            "'x'; print (all) pages",
            "data.then(x => {\n  alert(x)\n})",
            '"prompt (question)"',
        ),
    ),
    Pattern(
        "xss-108",
        "access to what a page knows: its cookies, its location, its parts",
        expressions=(
            (
                r"\b(?:document|window|self|top|parent|this|globalThis|frames|content)(?:\.|\[|\?\.)['\"]?"
                r"(?:cookie|domain|location|write|innerHTML|outerHTML|documentElement|body|forms|createElement|localStorage"
                r"|sessionStorage|execScript|eval|alert|name\b|open|navigate)"
            ),
            r"\.(?:innerHTML|outerHTML|srcdoc)\s?=|fromCharCode|\blocation\s?(?:\.|=)",
            r"\[\s?['\"](?:alert|eval|constructor|cookie|innerHTML)['\"]|constructor\s?\.\s?constructor|\[\]\s?\[|\(!\[\]\+",
        ),
        confirm=matching(
            r"\b(?:document|window|self|top|parent|this|globalThis|frames|content)(?:\.|\[|\?\.)['\"]?"
            r"(?:cookie|domain|location|write|innerHTML|outerHTML|documentElement|body|forms|createElement|localStorage"
            r"|sessionStorage|execScript|eval|alert|name\b|open|navigate)[\s'\"\]]{0,4}"
            r"(?:=[^=]|\(|\[|\.(?:href|replace|assign|hash|search)|\)|;|\+|,|`|//|\Z)"
            r"|\.(?:innerHTML|outerHTML|srcdoc)\s?=|\bfromCharCode\b"
            r"|\blocation\s?(?:\.(?:href|hash|replace|assign)\b|=\s?['\"`\w])[^\x1f]{0,80}(?:javascript|name|cookie|//|\()"
            r"|\[\s?['\"](?:alert|eval|constructor|cookie|innerHTML)['\"]\s?\]\s?(?:\(|\[|=|`)"
            r"|\bconstructor\s?\.\s?constructor\s?\(|\[\]\s?\[\s?['\"+(!\[]|\(!\[\]\+"
        ),
        matches=(
            "document.cookie=true;",
            "window.location='//x'+document.cookie",
            "String.fromCharCode(88,83)",
            "self['alert'](1)",
        ),
        passes=("see the document. Write (soon)", "the window.open method", "this.name is set"),
    ),
    Pattern(
        "xss-109",
        "an attribute that holds a document or the target of a form",
        expressions=(
            r"\b(?:srcdoc|formaction|xlink:href|dynsrc|lowsrc|datasrc|datafld|fscommand|seeksegmenttime)\s*=\s*\S",
        ),
        confirm=markup.is_in_element,
        matches=("<iframe srcdoc='x'>", '" formaction=javascript:x', '<img dynsrc="x">', "<svg><a xlink:href=x>"),
        passes=("set formaction = x", "the srcdoc = attribute"),
    ),
    Pattern(
        "xss-110",
        "markup in UTF-7",
        expressions=(r"\+adw-\s*/?\s*\w",),
        matches=("+ADw-script+AD4-alert(1)", "+ADw-/body+AD4-"),
        passes=("+ADW", "adw-1"),
    ),
)
