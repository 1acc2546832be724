"""Operators and code that are put into a query of a document database (CWE-943)."""

from __future__ import annotations

from typing import Final

from portcullis.engine.inspection.pattern import END, START, AttackClass, Pattern

CLASS: Final = AttackClass(
    key="nosql",
    title="NoSQL injection",
    summary="operators such as ``$ne`` as keys, in names of parameters and in text that would be read as an object; "
    "code for ``$where``",
    cwe=943,
)

_OPERATOR: Final = (
    r"\$(?:ne|gte?|lte?|n?in|eq|not|x?or|and|nor|regex|where|exists|type|mod|all|size|elemmatch|expr|function|accumulator"
    r"|jsonschema|text|slice|comment|rand|options|lookup|out|merge|set|unset|inc|push|pull|rename)"
)

PATTERNS: Final = (
    Pattern(
        "nosql-101",
        "an operator as a key or in the name of a parameter",
        expressions=(
            rf"{START}\$(?:ne|gte?|lte?|nin|eq|regex|where|exists|elemmatch|expr|function|accumulator|jsonschema){END}",
            rf"\[\s?['\"]?{_OPERATOR}['\"]?\s?\]",
        ),
        matches=("$ne", "password[$ne]", "user[$regex]", "$where"),
        passes=("$filter", "$top", "$select", "$ref", "cost[$]", "$in", "[$5]"),
    ),
    Pattern(
        "nosql-102",
        "an object with an operator, written as text",
        expressions=(
            rf"[{{,]\s*['\"]?{_OPERATOR}['\"]?\s*:",
            rf"{START}\s*['\"]?\$(?:where|ne|gt|regex)['\"]?\s*:",
            r"['\"]\s*[}\]]+\s?,\s?\$(?:comment|where|or)\s?:",
        ),
        matches=('{"$gt": ""}', "{ $ne: 1 }", "true, $where: '1 == 1'", "$where: '1 == 1'", "', $or: [ {}, { 'a':'a"),
        passes=('{"$ref": "#/a"}', "costs: $5", "{ $name: x }", "pay $in: cash"),
    ),
    Pattern(
        "nosql-103",
        "code for a document database",
        expressions=(
            r"\bthis\.\w+\.(?:match|constructor|length|substring|charAt)\s?[(=<>]",
            rf"(?:['\"]\s?\)?\s?;|{START})\s?(?:return\s?\(?\s?(?:true|1|this)\s*[;)}}]|it=new|var\s+\w+\s?=\s?new\s+date|while\s?\(\s?(?:true|1|!|[+-]|new\s|this|infinity))",
            r"\bdb\.(?:\w+\.)?(?:insert|find|drop|remove|update|getcollectionnames|mapreduce|dropdatabase|eval|aggregate|stores)\w*\s?\(",
            r"\bmapreduce\s?\(\s?function|['\"]\s?(?:\|\||&&)\s?this\.\w|\bsleep\s?\(\s?\d{3,}\s?\)\s?;",
            r"['\"];\s?return\s?\(?\s?(?:true|1)",
        ),
        matches=(
            "' && this.password.match(/.*/)//+%00",
            "';return(true);var xyz='a",
            "db.injection.insert({success:1})",
            "';sleep(5000);'",
            "' || this.x == 1",
        ),
        passes=("this.name is long", "return true if so", "db.sqlite"),
    ),
)
