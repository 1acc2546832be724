r"""Does a text read as a piece of SQL that was put into a statement?

Theory. Words of SQL are words of English: only their arrangement tells. So a text is turned into its *shape*, one
letter for each token (``1`` a number, ``n`` a name or any other word, ``&`` a logical operator ...), and expressions
over shapes say what no honest text looks like: ``or 1=1`` is ``&1=1``, while "1=1 is a tautology" is ``1=1~nn``.

Quotes are tokens of their own, and come in two letters by whether they would open or close a string in the text alone.
A text that breaks out of the string it was put into (``x' and 'a'='a``) shows an *opening* quote where an operator
follows, while strings that begin and end in the text (``name = 'x' and age > 5``, a filter) show a closing one.
Apostrophes inside words (``don't``, ``O'Brien``) are no quotes.

Shapes are made in one pass, and the expressions over them are bounded: the time is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

_TOKEN: Final = re.compile(
    r"""
      (?P<word>(?:@@?|[xnb](?='))?[^\W\d]\w*(?:(?<=\w)'(?:s|t|re|ve|ll|d|m)\b(?!'))?|@@?\w+)
    | (?P<number>0x[0-9a-f]+|\d+(?:\.\d+)?(?:e[-+]?\d+)?|\.\d+)
    | (?P<quote>['"])
    | (?P<comment>--|\#|/\*)
    | (?P<logical>&&|\|\|)
    | (?P<compare><=>|<>|!=|>=|<=|:?==?|<|>)
    | (?P<mark>[(),;.*!~+\-/%^|&])
    | (?P<other>[^\s`´])
    """,
    re.IGNORECASE | re.VERBOSE,
)
# Names that begin with a letter and an apostrophe.
_ELISION: Final = re.compile(r"(?i)\b(?:o|d|l|qu|c|j|m|n)'(?=[^\W\d_]{3})")

_WORDS: Final[dict[str, str]] = {
    **dict.fromkeys(("or", "and", "xor"), "&"),
    **dict.fromkeys(("like", "rlike", "ilike", "regexp", "between", "glob", "similar"), "~"),
    "is": "i",
    "in": "I",
    **dict.fromkeys(("not", "div", "mod", "binary"), "!"),
    **dict.fromkeys(("null", "true", "false", "current_user", "user", "sysdate", "current_timestamp"), "t"),
    **dict.fromkeys(("union", "intersect", "except", "minus"), "u"),
    **dict.fromkeys(("all", "distinct", "distinctrow"), "a"),
    **dict.fromkeys(("order", "group"), "o"),
    **dict.fromkeys(("when", "if", "elseif"), "k"),
    **dict.fromkeys(("limit", "offset", "procedure"), "l"),
    "select": "e",
    "by": "b",
    "having": "h",
    "where": "w",
    "from": "m",
    "as": "A",
    "case": "c",
}
_FUNCTIONS: Final = frozenset(
    (
        *("ascii", "bin", "cast", "char", "chr", "coalesce", "concat", "concat_ws", "conv", "convert", "count"),
        *("current_setting", "database", "db_name", "decode", "elt", "exists", "exp", "extractvalue", "floor"),
        *("group_concat", "hex", "host_name", "if", "ifnull", "iif", "instr", "isnull", "json_keys", "left", "length"),
        *("load_file", "lower", "lpad", "ltrim", "make_set", "max", "md5", "mid", "min", "nvl", "ord", "pg_sleep"),
        *("quarter", "rand", "randomblob", "regexp_substring", "repeat", "replace", "reverse", "right", "row", "rpad"),
        *("schema", "sha1", "sleep", "strcmp", "substr", "substring", "sum", "system_user", "unhex", "updatexml"),
        *(
            "upper",
            "user",
            "user_name",
            "uuid",
            "version",
            "xmltype",
            "benchmark",
            "waitfor",
            "crypt_key",
            "sqlite_version",
        ),
    )
)
_MARKS: Final = {"-": "+", "/": "+", "%": "+", "^": "+", "|": "+", "&": "+", "~": "!"}
_QUOTES: Final = {("'", False): "q", ("'", True): "p", ('"', False): "d", ('"', True): "D"}


@lru_cache(maxsize=4)
def shape(text: str) -> str:
    """The shape of ``text``: a letter for each token, see the source."""
    return "".join(_letters(_ELISION.sub("o", text)))


def _letters(text: str) -> Iterable[str]:
    is_open = {"'": False, '"': False}
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        written = match[0]
        if kind == "word":
            yield _of_word(written, text, match.end())
        elif kind == "number":
            yield "1"
        elif kind == "quote":
            yield _QUOTES[written, is_open[written]]
            is_open[written] = not is_open[written]
        elif kind == "comment":
            yield {"--": "-", "#": "#"}.get(written, "/")
        elif kind == "logical":
            yield "|" if written == "||" else "&"
        elif kind == "compare":
            yield "<" if written in ("<", ">") else "="
        elif kind == "mark":
            yield _MARKS.get(written, written)
        else:
            yield "x"


def _of_word(token: str, text: str, end: int) -> str:
    if token[0] == "@":
        return "v"
    word = token.lower()
    if text[end : end + 2].lstrip(" ")[:1] == "(" and word in _FUNCTIONS:
        return "f"
    return _WORDS.get(word, "n")


# Parts of shapes. A string is written as it would be after a quote that broke out, or as in the text alone.
_STRING: Final = r"(?:p[^pqdD]{0,12}q?|D[^pqdD]{0,12}d?|q[^pqdD]{0,12}p?|d[^pqdD]{0,12}D?)"
_LITERAL: Final = rf"[(!+]{{0,8}}(?:1|t|v|f\(|{_STRING})"
_OPERAND: Final = rf"[(!+]{{0,8}}(?:1|t|v|f\(|n\(|n(?:\.n){{0,3}}|\(e|{_STRING})"
_BREAK: Final = r"[qd]\){0,8}"
_AFTER: Final = r"(?:\){0,8}(?:$|[-#/;&|uohlwkA+~=<!]|[pqdD])|\)\*1)"

_condition_of_literals = re.compile(rf"[&|whk]{_LITERAL}\)?(?:[=~]!?{_LITERAL}|!?I\({_LITERAL}){_AFTER}").search
_same_name = re.compile(
    r"(?i)\b(?:or|and|xor|where|having)[\s(]{1,8}([a-z_]\w{0,31})\s?=\s?\1[\s)]{0,8}(?:\Z|--|#|/\*|;)"
).search
_condition_after_break = re.compile(
    rf"{_BREAK}[&|]{_OPERAND}\){{0,8}}(?:[=<]!?{_OPERAND}|!?~!?(?:{_LITERAL}|\(e)|!?I\(|i!?t)"
    rf"|{_BREAK}[&|][(!+]{{0,8}}(?:(?:1|t|f\()[^&|]{{0,12}}[-#/]|(?:pq|Dd)[+x&*]?[pD]?$)"
).search
_comment_after_break = re.compile(rf"{_BREAK};?[-#/](?:n|1|\+)?$").search
_keyword_after_break = re.compile(
    rf"{_BREAK}(?:ob(?:1|n[-#,$])|h{_LITERAL}|l1|[&|+]?\(e|!?I\((?:e|[pD]|1)|~!?(?:\(e|[pD]|1|f\()|[&|]!?(?:f\(|\(e))|^[n1][qd]\|[pD]"
).search
_union = re.compile(r"ua?\(*e(?:$|a?(?:[1tv*pqdD(]|f\(|n\(|n?[,.]|n[-#/m;)]))").search
_subselect = re.compile(r"\(e(?:a?(?:[1*v]|f\(|t|\(|c|n,n)|nmn[w)(l]|n\.|a?[qpdD])").search
_order = re.compile(r"(?:^|[qd)1])ob1(?:,[1nf(),pqdD]{1,40})?\)?[-#/]|[qd)1]ob1$|^ob1$").search
_statement = re.compile(r"^\(?e(?:a?\*|a?n(?:,n){1,20}|a?f\(.{1,40}|v|t)(?:m|[;)-]*$)").search
_comment_after_number = re.compile(r"^[+!]?1\)+;?[-#/]").search


def is_condition_of_literals(text: str) -> bool:
    """``or 1=1``, ``where 'a' like 'a'``, ``having 1=1``: a condition that needs no column."""
    return _condition_of_literals(shape(text)) is not None or _same_name(text) is not None


def is_condition_after_break(text: str) -> bool:
    """``x' or name = 'y``: a string ends, and a condition goes on."""
    return _condition_after_break(shape(text)) is not None


def is_comment_after_break(text: str) -> bool:
    """``admin'--``: a string ends, and the rest of the statement is made a comment."""
    kinds = shape(text)
    return _comment_after_break(kinds) is not None or _comment_after_number(kinds) is not None


def is_clause_after_break(text: str) -> bool:
    """``x' order by 3``, ``x')) limit 1``, ``x'||(select ...``: a string ends, and a clause follows."""
    return _keyword_after_break(shape(text)) is not None


def is_union(text: str) -> bool:
    """``union all select 1, 2``: another query's rows are added."""
    return _union(shape(text)) is not None


def is_subselect(text: str) -> bool:
    """``(select count(*) from ...)``."""
    return _subselect(shape(text)) is not None


def is_order(text: str) -> bool:
    """``1) order by 10--``: how many columns a query has is found out."""
    return _order(shape(text)) is not None


def is_statement(text: str) -> bool:
    """``select * from users``: the text is a query as a whole."""
    return _statement(shape(text)) is not None
