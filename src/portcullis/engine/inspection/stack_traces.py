r"""What gives a stack trace, a database's message or a framework's debug page away.

Each expression is found in these and hardly in what people write for users. In JSON text a line break is written
``\n`` and a quote ``\"``, so none of them relies on the one or the other. Hyperscan's syntax, matched in any case.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from portcullis.engine.inspection.database import Database

_QUOTE: Final = r"\\?[\"']"
EXPRESSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Python": (
        r"Traceback \(most recent call last\)",
        rf"File {_QUOTE}[^\"\r\n]{{1,200}}{_QUOTE}, line [0-9]{{1,6}}, in ",
    ),
    "Java": (
        r"\bat [a-z_$][a-z0-9_$.]{2,200}\([a-z0-9_$]{1,80}\.(?:java|kt|scala|groovy):[0-9]{1,6}\)",
        r"\bjava\.lang\.[a-z]{3,60}(?:Exception|Error)\b",
        r"\borg\.(?:springframework|hibernate|apache)\.[a-z.]{3,100}Exception\b",
    ),
    ".NET": (
        r"\bat [a-z_][a-z0-9_.`<>]{2,200}\([^()\r\n]{0,200}\) in [a-z]:\\",
        r"\bSystem\.[a-z.]{3,60}Exception: ",
        r"Server Error in '/[^']{0,80}' Application",
    ),
    "PHP": (
        r"(?:Fatal|Parse) error: [^\r\n]{1,300} in /?[^\r\n ]{1,200}\.php\b",
        r"#[0-9]{1,3} /[^\s(]{1,200}\.php\([0-9]{1,6}\)",
    ),
    "JavaScript": (
        r"\bat [^\r\n\"]{1,160} \(\\?/?(?:/|file:|node:|[a-z]:\\)[^()\r\n]{1,200}:[0-9]{1,6}:[0-9]{1,6}\)",
        r"\bat (?:/|file:///|node:)[^()\r\n ]{1,200}:[0-9]{1,6}:[0-9]{1,6}\b",
    ),
    "Go": (r"\bgoroutine [0-9]{1,9} \[[a-z ]{2,30}\]:", r"\bpanic: runtime error: "),
    "Ruby": (r"\.rb:[0-9]{1,6}:in [`'][^'\r\n]{1,80}'",),
    "Rust": (r"\bthread '[^'\r\n]{1,80}' (?:\([0-9]{1,9}\) )?panicked at ",),
    "SQL": (
        r"\bORA-[0-9]{5}: ",
        r"\bSQLSTATE\[[0-9A-Z]{5}\]",
        r"You have an error in your SQL syntax",
        r"\bpsycopg2?\.[a-z.]{3,60}",
        r"\bPG::[a-z]{3,40}: ",
        r"Unclosed quotation mark after the character string",
        r"\bsqlite3?\.[a-z]{3,40}(?:Error|Exception)\b",
    ),
    "debug page": (
        r"You're seeing this error because you have <code>DEBUG = True",
        r"<title>[^<]{0,100}// Werkzeug Debugger",
        r"Whoops\\{1,2}Exception",
        r"Action Controller: Exception caught",
        r"Whitelabel Error Page",
    ),
}


@cache
def _database() -> Database:
    named = {f"{name} {number}": each for name, texts in EXPRESSIONS.items() for number, each in enumerate(texts)}
    return Database(named)


def prepare() -> None:
    """Compile what is needed: to be done before workers start."""
    _database()


def stack_trace_in(text: bytes) -> str | None:
    """What kind of trace ``text`` holds, if any: ``"Python"``, ``"SQL"`` ..."""
    found = _database().scan(text)
    return next(iter(found)).rpartition(" ")[0] if found else None
