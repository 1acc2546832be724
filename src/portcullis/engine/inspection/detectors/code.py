"""Does a text hold a program's code where it would be run, rather than talk about it?"""

from __future__ import annotations

import re
from typing import Final

PHP_FUNCTIONS: Final = (
    r"(?:system|exec|passthru|shell_exec|popen|proc_open|pcntl_exec|eval|assert|phpinfo|create_function"
    r"|call_user_func(?:_array)?|preg_replace|base64_decode|gzinflate|str_rot13|file_get_contents|file_put_contents|readfile"
    r"|show_source|highlight_file|move_uploaded_file|fsockopen|array_map|array_filter|ini_set|unserialize|include(?:_once)?"
    r"|require_once)"
)
"""Functions of PHP that run, read or write what they are given."""

_php_call = re.compile(
    rf"(?:^\s{{0,4}}|[;|&={{}}@!(]\s{{0,4}}|['\"`)]\s{{0,2}}[;.|&]\s{{0,4}}|\$\{{\s?|%0a){PHP_FUNCTIONS}"
    rf"\s{{0,4}}(?:/\*[^*]{{0,16}}\*/\s?)?\(\s{{0,4}}(?:['\"$@\[\\`]|(?:\w{{1,24}}\s?\()|\)\s{{0,4}}(?:;|\}}|$|//|[|&]))"
    r"|[\"'(\[]\s?(?:system|exec|passthru|shell_exec|phpinfo|assert|eval)\s{0,4}['\")\]]{1,3}(?:\[0\])?\)?\s{0,4}\("
    r"|\A(?:system|exec|passthru|shell_exec)\s?\(\w{1,24}\)\s?;?\Z",
    re.IGNORECASE,
).search


def is_php_call(text: str) -> bool:
    """``;system('id')``, ``phpinfo()``: as a statement, not in a sentence."""
    return _php_call(text) is not None
