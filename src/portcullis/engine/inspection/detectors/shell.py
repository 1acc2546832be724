r"""Does a text hold a command for a shell?

Many commands are words (``cat``, ``find``, ``time``), and people write ``;``, ``&`` and ``|`` between words. So what
stands after a separator must be a command *and* be called as one: alone up to the end or the next separator, if it is
no everyday word, or with something that only arguments look like: an option, a path, an address, a redirection.
"""

from __future__ import annotations

import re
from typing import Final

from portcullis.engine.inspection.detectors.commands import RARE, TOOLS, WORDS

_SHORT: Final = 120
_LINES: Final = 3
_TITLE: Final = 80
_BARE: Final = 24

_DISGUISE: Final = re.compile(
    r"(?<=[\w/;|&])(?:['\"]{2}|\\(?=[a-z])|\^(?=[a-z])|\$[@*]|'(?=\w{1,6}')|(?<=\w)'(?=\w))"
    r"|(?<=[\s;|&(`])['\"](?=\w{1,3}['\"]\w)"
)
_call = re.compile(
    r"(?:(?P<separator>\|\||&&|[;|&`]|\$\(|[<>]\(|\\n|[\r\n])|^)"
    r"[\s\"'(!{+]{0,8}(?:(?:sudo|nohup|env|command|busybox|exec|time|xargs|cmd(?:\.exe)?\s{0,4}/c)\s{1,4}){0,2}"
    r"(?:(?:/|\$\{?path\}?/)?(?:\w{1,16}/){0,4})(?P<name>[a-z_][\w.]{0,19})"
    r"(?=(?P<rest>(?:(?![\w=:.(-])|\.\s)[^\r\n]{0,64}))",
    re.IGNORECASE,
).finditer
# After the name: nothing more, or the next separator.
_alone = re.compile(r"[\s\"'+]{0,4}(?:\\n)?(?:$|[;|`#)\r\n]|&(?!\w+=)|%0a)").match
_argument = re.compile(
    r"""["']?[\s+]{0,8}(?:
        [\s+](?:-{1,2}[a-z]{1,12}[\w=-]{0,12}(?:\s|$|[;|&`"'\\])
          | /(?:[a-z]{1,8}(?:\s|$)|\w{1,16}/|etc|tmp|var|usr|bin|\*)|\.{1,2}/|~/|\*(?:\s|$|[.;|&]))
      | [\s+]["']?(?:c:|%\w{2,24}%|\$\{?\w{1,24}|`|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b|https?://|ftp://)
      | \s{0,4}(?:>{1,2}\s{0,4}[\w/.&]|<{1,3}\s{0,4}[\w/.'"]|2>)
      | [\s+]["']?[\w./*?\[\]-]{0,40}
        (?:passwd|shadow|\.ini|\.conf|\.htaccess|\.php|\.txt|\.exe|\.sh\b|\.log|\.bat|\.ps1|/etc/)
      | [\s+]\d{1,6}\s{0,4}(?:$|[;|&`"')\#])
    )""",
    re.VERBOSE | re.IGNORECASE,
).match
_name_as_argument = re.compile(r"[\s+]{1,4}[\"']?\w{1,24}[\"']?\s{0,4}(?:[;`]|&&|&\s{0,2}$)").match
_before_separator = re.compile(r"\s{0,4}(?:[;|`]|&&)\s{0,4}(?:$|\S)").match
_option_or_path = re.compile(r"\s{1,4}(?:-[A-Za-z]{1,6}(?:\s|$)|/etc/|/\w{1,8}/|c:)").match
_only_a_call = re.compile(r"[\s\"']{0,2}[;|&`]\s{0,2}[\"']?\w{2,16}[\"']?\s{0,2}").fullmatch
# Words of code in a sentence and rows of tables, as Markdown writes them.
_code = re.compile(r"(?<!\$\()(?<![;|&=$\"'])`[^`\n]{1,80}`").sub
_only_code = re.compile(r"[\s\"';|&]{0,4}`[^`]{1,200}`[\s\"';|&]{0,4}").fullmatch
_table = re.compile(r"(?m)^\s{0,3}\|?\s{0,3}:?-{3,}:?\s{0,3}\|").search

_program = re.compile(
    r"(?:^[\s\"'`+]{0,6}|[;|&`]\s{0,4}[\"']?|\$\(|[\"']\s{0,2})/(?:usr/(?:local/)?|opt/)?s?bin/"
    r"(?!(?:ba|z|k|da|tc|c)?sh\s{0,4}\Z)[\w.*?\[\]'\\-]{1,32}(?:$|[\s;|&`\"')$<>])"
    r"(?!\s?[a-z]{2,16}\s[a-z]{2,16}\s[a-z]{2,16})"
    r"|system32[\\/]{1,2}[\w.\\/-]{1,64}\.exe|(?:^|[\s;|&=])/?(?:etc|bin|usr)/\w{0,16}\[[^\]\s]{1,8}\]",
    re.IGNORECASE,
).search
_shell_call = re.compile(
    r"(?:(?:ba|da|z|k|c|tc|a)?sh\s{1,4}-[a-z]{0,3}[ci]\b\s{0,4}[\"'\w>`$/]|cmd(?:\.exe)?\s{1,4}/[ckr]\b\s{0,4}\S"
    r"|powershell(?:\.exe)?\s{1,4}-[a-z]{1,16}\s|pwsh\s{1,4}-[a-z]{1,16}\s"
    r"|(?:python|perl|ruby|php|node|lua)[\d.]{0,4}\s{1,4}-(?:c|e|r)\s{0,4}['\"]|nc(?:at)?(?:\.\w{1,12})?\s{1,4}-"
    r"|/dev/(?:tcp|udp)/\w|bash\s{1,4}-i|mkfifo\s{1,4}/|xp_cmdshell|wscript\.shell"
    r"|\binvoke-(?:webrequest|expression|command|restmethod)\s|\biex\s?\(|new-object\s{1,4}net\.webclient|downloadstring\s?\("
    r"|[|;&]\s{0,4}(?:ba|z|k|da)?sh(?:\s{0,4}$|\s{1,4}[-/<>]|[;|&\"']))",
    re.IGNORECASE,
).search
_START: Final = r"(?:^|[;|&`'\"(]\s{0,4})"
_with_arguments = re.compile(
    r"(?:^|[;|&`'\"(>]|\n)[\s\"'+]{0,4}(?:cat|head|tail|more|less|type|nl|tac|strings|od|xxd|grep|vi|vim|nano|cp|mv|rm|chmod"
    r"|chown|ls|find|touch)(?:\.exe)?[\s+]{1,8}(?:-{1,2}[\w=-]{1,24}\s{1,4}){0,4}\S{0,40}"
    r"(?:/etc/|/proc/|/var/|/root|/tmp/|%systemroot%|c:\\|boot\.ini|/bin/)"
    rf"|{_START}(?:wget|lynx|tftp|certutil|bitsadmin)[\s+]{{1,4}}[^\x1f\n]{{0,60}}"
    r"(?:https?:|ftps?:|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d)\S{0,200}\s{0,2}(?:$|[;|&`\"'>-])"
    r"|[;|&]\s{0,4}(?:wget|curl)\s{1,4}(?:-\w\s{1,4}){0,4}[\"']?(?:https?:|ftps?:|\d{1,3}\.\d)"
    rf"|{_START}ping(?:\.exe)?[\s+]{{1,4}}(?:[-/][a-z]\s{{0,4}}\d{{1,5}}\s{{1,4}}){{1,3}}[\w.:%-]{{1,64}}"
    r"|\bnet(?:\.exe)?\s{1,4}(?:user|localgroup|share|view|start|stop|use)\s{1,4}(?:\w{1,24}\s{1,4}){0,2}(?:/|\\\\)"
    r"|[;|&]\s{0,4}net\s{1,4}(?:user|localgroup|view)\b"
    r"|\bnetsh\s{1,4}(?:firewall|advfirewall|interface|wlan)\s{1,4}(?:set|add|show|delete)"
    r"|\breg(?:\.exe)?\s{1,4}(?:add|query|delete|save)\s{1,4}[\"']?hk|\btype\s{1,4}%systemroot%"
    r"|(?:^|[;|&]\s{0,4})uname\s{1,4}-[amnrsv]{1,6}\b|(?:^|[;|&`]\s{0,4})ps\s{1,4}(?:-?aux|-ef|-a)\b"
    r"|(?:^|[;|&`]\s{0,4})ls\s{1,4}-[altrhRFis1]{1,8}(?:\s|$|[;|&`\"'])"
    rf"|{_START}rm\s{{1,4}}-(?:rf|fr|r\s-f)\s{{1,4}}[/~*.]"
    r"|\bfor\s{1,16}(?:/[dfrl]\s{1,4}(?:\"[^\"]{0,60}\"\s{1,4})?\S{0,40}\s{0,4})?%{1,2}\S\s{1,4}in\s{0,4}\([^)]{0,200}\)\s{0,4}do\b",
    re.IGNORECASE,
).search


def undisguised(text: str) -> str:
    r"""``text`` without what a shell drops from names: ``c'a't``, ``c\at``, ``ca$@t``."""
    return _DISGUISE.sub("", text)


def is_command_after_separator(text: str) -> bool:
    """``;id``, ``| ls -al``, ``$(whoami)``."""
    text = text.replace("```", " ")
    if "`" in text and not _only_code(text):
        text = _code(" ", text)
    if _only_a_call(text) and text.strip("\"' ;|&`").lower() in RARE | WORDS:
        return True
    return any(_is_call(match) for match in _call(text))


def is_disguised_command(text: str) -> bool:
    """``;c'a't /etc/hosts``."""
    plain = undisguised(text)
    return plain != text and is_command_after_separator(plain)


def _is_call(match: re.Match[str]) -> bool:
    name, rest, separator = _known(match["name"].lower()), match["rest"], match["separator"]
    if not name:
        return False
    text = match.string
    if separator is None:
        # At the beginning only where the text is short: titles begin with words, too.
        is_alone = name in RARE and name not in TOOLS and len(text) < _TITLE
        return is_alone and (_before_separator(rest) is not None or _option_or_path(rest) is not None)
    if separator in ("\r", "\n"):
        is_short = len(text) <= _SHORT and text.count("\n") <= _LINES  # and no paragraphs, or lines of code
        return is_short and name in RARE - TOOLS and _option_or_path(rest) is not None
    if name in RARE and (_alone(rest) or _name_as_argument(rest)):
        return not (separator == "|" and _table(text))
    return _argument(rest) is not None


def _known(name: str) -> str:
    """The command that ``name`` is, also with a version (``python3.10``) or an ending; ``""`` if it is none.

    Where a line end lost its backslash on the way, an ``n`` stands before it.
    """
    for form in (name, name.removesuffix(".exe"), name.rstrip("0123456789."), name[1:] if name[0] == "n" else ""):
        if form in RARE or form in WORDS:
            return form
    return ""


def is_program_path(text: str) -> bool:
    """``/bin/ls`` as what a value consists of, or after a separator: not in a sentence, nor a script's first line."""
    return _program(text) is not None


def is_shell_call(text: str) -> bool:
    """``sh -c '...'``, ``... | sh``."""
    return _shell_call(text) is not None


def is_command_with_arguments(text: str) -> bool:
    """``cat /etc/passwd``, ``ping -c 10 127.0.0.1``: where a command would begin."""
    return _with_arguments(text) is not None
