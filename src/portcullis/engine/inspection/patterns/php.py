"""PHP code and serialised objects (CWE-94, CWE-502)."""

from __future__ import annotations

from typing import Final

from portcullis.engine.inspection.detectors import code
from portcullis.engine.inspection.pattern import AttackClass, Pattern

CLASS: Final = AttackClass(
    key="php",
    title="PHP code injection",
    summary="PHP tags, calls of functions that run or read something, serialised objects, superglobals",
    cwe=94,
)

PATTERNS: Final = (
    Pattern(
        "php-101",
        "PHP's opening tag",
        expressions=(
            r"<\?(?:php\b|=|\s+(?:echo|system|eval|exec|passthru|php|print|include|require)\b|echo\b)",
            r"<script\s+language\s?=\s?['\"]?php",
        ),
        matches=("<?php system('id');?>", "<?=`id`?>", "<? echo('x')"),
        passes=("<?xml version='1.0'?>", "is php < ? or >"),
    ),
    Pattern(
        "php-102",
        "a call that runs or reads something",
        expressions=(
            rf"\b{code.PHP_FUNCTIONS}\s*(?:/\*[^*]*\*/\s?)?\(",
            r"[\"'(\[]\s?(?:system|exec|passthru|shell_exec|phpinfo|assert|eval)\s*['\")\]]",
        ),
        confirm=code.is_php_call,
        matches=(
            ";system('/usr/bin/id')",
            "phpinfo();",
            "eval($_GET[1])",
            "${phpinfo()}",
            '("system")("whoami")',
            "base64_decode('x')",
            "(system)('uname')",
            '"system"(ls)',
        ),
        passes=("the operating system (linux)", "call eval(x) with care", "please include (a) and require (b)"),
    ),
    Pattern(
        "php-103",
        "a superglobal",
        expressions=(
            (
                r"\$_?(?:_(?:get|post|request|cookie|server|files|session|env)"
                r"|http_(?:raw_)?(?:get|post|server|cookie|env|session)_(?:vars|data)|globals)\s?[\[{]"
            ),
        ),
        matches=("eval($_POST['x'])", "$_GET[cmd]", "$GLOBALS['a']"),
        passes=("$get", "the $_name", "$_GET is an array"),
    ),
    Pattern(
        "php-104",
        "a serialised PHP object",
        expressions=(r"\b[oc]:\+?\d+:(?:\"|&quot;|\\\")[\w\\]+(?:\"|&quot;|\\\"):\d+:\{",),
        matches=('O:8:"stdClass":0:{}', 'a:1:{i:0;O:4:"Evil":1:{s:1:"a";}}'),
        passes=('s:3:"abc";', "O:8", "ratio:3:4"),
    ),
)
