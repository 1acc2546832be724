"""Does a text lead to a file that it should not?

A path to a neighbouring file (``../images/x.png``, a relative reference) or one that is talked about in a sentence is
none. What tells an attack is that the *value* is a path, and where it goes: above where it began, or to a file of the
system.
"""

from __future__ import annotations

import re
from typing import Final

_DOT: Final = r"(?:\.|%2e|0x2e|x2e|2e(?=2e|x))"
_SLASH: Final = r"(?:[/\\]|0x2f|0x5c|x2f|x5c|%2f|%5c)"
_STEP: Final = rf"{_DOT}{{2,8}};?\x00?{_SLASH}{{1,6}}(?:\.{{1,3}}{_SLASH}{{1,4}}){{0,2}}"
_BEGIN: Final = r"[\s\"'(]{0,4}"
_step = re.compile(_STEP, re.IGNORECASE).search
_two_steps = re.compile(rf"(?:{_STEP}){{2,4}}|(?:\.\.2f){{2}}|(?:0x2e|x2e){{4}}", re.IGNORECASE).search
_begins_with_steps = re.compile(
    rf"{_BEGIN}(?:"
    # From the root, or after one or more folders: up, and up again.
    rf"(?:file:)?(?:[a-z]:)?(?:{_SLASH}{{1,12}}|\w{{1,400}}{_SLASH})?(?:[\w.{{}}-]{{1,64}}{_SLASH}{{1,4}}){{0,4}}{_STEP}{_DOT}{{2}}"
    # From the root at once: nothing is above it.
    rf"|{_SLASH}{{1,8}}(?:\.{_SLASH}{{1,4}}){{0,8}}(?:0x|%)?{_STEP}"
    # Forms that turn into steps where something is filtered out of them.
    rf"|\.\.\\|\.{{2,3}};{_SLASH}|\.{{3,}}{_SLASH}{{1,4}}\S|{_SLASH}{{1,4}}(?:\.{{4,}}|(?:\.{_SLASH}{{1,4}}){{4,}})|/\w{{60,400}}(?:\.{{4,}}|/\.\.)"
    r")",
    re.IGNORECASE,
).match
_SYSTEM_FILE: Final = (
    r"(?:(?:^|[/\\])etc[/\\]{1,4}(?:passwd|shadow|master\.passwd|gshadow)\b|[/\\]proc[/\\]{1,4}self[/\\]|[\\/]winnt[\\/]"
    r"|[\\/]system32[\\/]|[/\\]?web-inf[/\\]?web\.xml|[/\\]boot\.ini|[/\\]win\.ini|[/\\]\.ssh[/\\]id_[rd]sa)"
)
_system_file = re.compile(_SYSTEM_FILE, re.IGNORECASE).search
_file_below_steps = re.compile(
    r"(?:passwd|shadow|win\.ini|boot\.ini|web-inf|web\.config|authorized_keys|\.htpasswd|wp-config\.php|global\.asa"
    r"|\.env\b)",
    re.IGNORECASE,
).search
_one_path = re.compile(
    r"[\s\"'`(|;<&]{0,4}(?:(?:cat|type|more|less|file:|include)\W{1,4})?[^\s,]{1,400}"
    r"(?: (?:files|and)[^\s,]{0,40}){0,3}[^\s,]{0,200}\s{0,2}"
).fullmatch
# A path that names a file by its ending, a known one, or a log: not merely a folder.
_file_of_system = re.compile(
    r"(?:etc[/\\]|proc[/\\]|root[/\\]{1,4}\.|\.(?:conf|log|ini|cnf|txt|err|asa|xml|dat|bat|config|php|sam|inf|pid|id)\b|_log\b|history"
    r"|\.ht(?:access|passwd)|\.git[/\\]|\.svn[/\\]|\.ssh[/\\]|\.aws[/\\]|\.kube[/\\]|\.docker[/\\]|\.env\b|\.npmrc|\.pgpass|\.netrc"
    r"|winnt|system32|%systemroot%|%windir%|web-inf|[/\\]logs?[/\\]|[/\\]spool[/\\]|[/\\]mail[/\\]|c:[/\\]{1,4}(?:windows|inetpub)"
    r"|[/\\]repair[/\\]|[/\\](?:sam|system|hosts|passwd|shadow)\b)",
    re.IGNORECASE,
).search
_url = re.compile(r"\s{0,4}https?://", re.IGNORECASE).match


def is_climb(text: str) -> bool:
    """``../../x``, where it is what the value consists of; or a step up to a file of the system."""
    if _begins_with_steps(text):
        return True
    if _step(text) is None and _two_steps(text) is None:
        return False
    if _file_below_steps(text) is not None or _system_file(text) is not None:
        return True
    return _two_steps(text) is not None and _one_path(text) is not None and "](" not in text and _url(text) is None


def is_system_file(text: str) -> bool:
    """``/etc/passwd`` anywhere; files that people also talk about only where the value is that path alone."""
    if _system_file(text) is not None:
        return True
    return _one_path(text) is not None and _file_of_system(text) is not None and _url(text) is None
