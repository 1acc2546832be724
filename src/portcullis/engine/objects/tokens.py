"""The words of a rule, each with where it stands.

Names are ASCII; what else a name may hold in JSON or in a claim is written in brackets and quotes
(``identity.claims["https://shop.example/tenant"]``). There are no fractions: whoever owns an object is told by text,
an integer or true and false.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

import msgspec

MAX_LENGTH: Final = 2_000
"""Characters of the longest rule: one that is longer is no sentence that anybody could review."""

Kind: TypeAlias = Literal["name", "text", "integer", "mark", "end"]

KEYWORDS: Final = frozenset(("and", "or", "not", "in", "true", "false"))
_SPACE: Final = re.compile(r"[ \t\r\n]*+")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*+")
_INTEGER: Final = re.compile(r"-?[0-9]++")
_FRACTION: Final = re.compile(r"-?[0-9]++(?:\.[0-9]|[eE])")
_MARK: Final = re.compile(r"==|!=|[()\[\].,]")
_TEXT: Final = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES: Final = {'"': '"', "'": "'", "\\": "\\", "/": "/", "n": "\n", "t": "\t"}
_MEANT: Final = {
    "=": "write == to compare",
    "&": "write and",
    "|": "write or",
    "!": "write not, or != to compare",
    "<": "the order of values can't be asked for, only whether they are the same",
    ">": "the order of values can't be asked for, only whether they are the same",
    "{": "names of variables have no braces: request.path.order_id",
    "$": "paths begin with request, response or identity",
    "/": "paths have dots: response.customer.id",
    "*": "each item of a list is written []",
}


class RuleError(ValueError):
    """A rule can't be read, or does not fit where it stands. Says what is wrong; ``hint``: what would be right.

    ``line`` and ``column`` count from 1, within the rule.
    """

    def __init__(self, message: str, hint: str = "", line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.line = line
        self.column = column


class Span(msgspec.Struct, frozen=True):
    """A part of a rule: the offsets of its first character and of what follows its last."""

    start: int
    end: int


class Token(msgspec.Struct, frozen=True):
    """One word. ``value``: what a text or integer says, otherwise the word itself."""

    kind: Kind
    value: str | int
    span: Span


def error_at(rule: str, offset: int, message: str, hint: str = "") -> RuleError:
    """What is wrong at ``offset`` of ``rule``."""
    before = rule[:offset]
    return RuleError(message, hint, before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def tokens_of(rule: str) -> list[Token]:
    """The words of ``rule``; the last one is its end. Raises :class:`RuleError`."""
    if len(rule) > MAX_LENGTH:
        raise RuleError(f"a rule has at most {MAX_LENGTH:,} characters")
    found: list[Token] = []
    at = _skip(rule, 0)
    while at < len(rule):
        token = _token(rule, at)
        found.append(token)
        at = _skip(rule, token.span.end)
    found.append(Token("end", "", Span(at, at)))
    return found


def _skip(rule: str, at: int) -> int:
    space = _SPACE.match(rule, at)
    return space.end() if space is not None else at


def _token(rule: str, at: int) -> Token:
    if match := _NAME.match(rule, at):
        return Token("name", match[0], Span(*match.span()))
    if match := _MARK.match(rule, at):
        return Token("mark", match[0], Span(*match.span()))
    if _FRACTION.match(rule, at):
        raise error_at(rule, at, "numbers with a fraction or an exponent can't be compared", "an integer, or text")
    if match := _INTEGER.match(rule, at):
        return Token("integer", int(match[0]), Span(*match.span()))
    if match := _TEXT.match(rule, at):
        return Token("text", _unescaped(rule, match), Span(*match.span()))
    if rule[at] in "\"'":
        raise error_at(rule, at, "this text has no end", f"close it with {rule[at]}, on the same line")
    shown = rule[at] if rule[at].isprintable() else f"U+{ord(rule[at]):04X}"
    hint = _MEANT.get(rule[at], 'other names are written in brackets: response["größe"]')
    raise error_at(rule, at, f"{shown} has no meaning here", hint)


def _unescaped(rule: str, text: re.Match[str]) -> str:
    """What the text in quotes says."""

    def meaning(match: re.Match[str]) -> str:
        code = match[1]
        if len(code) == 5 and not 0xD800 <= int(code[1:], 16) <= 0xDFFF:
            return chr(int(code[1:], 16))
        if code not in _ESCAPES:
            at = text.start() + 1 + match.start()
            raise error_at(rule, at, f"\\{code[:1]} is no escape that is known", r"\", \', \\, \/, \n, \t or \u00e9")
        return _ESCAPES[code]

    return _ESCAPE.sub(meaning, text[0][1:-1])
