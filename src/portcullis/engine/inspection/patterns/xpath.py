"""Expressions that are put into an XPath query (CWE-643)."""

from __future__ import annotations

from typing import Final

from portcullis.engine.inspection.pattern import AttackClass, Pattern, matching

CLASS: Final = AttackClass(
    key="xpath",
    title="XPath injection",
    summary="conditions and functions over the nodes of a document, after a quote that breaks out",
    cwe=643,
)

PATTERNS: Final = (
    Pattern(
        "xpath-101",
        "a function over nodes in a condition",
        expressions=(
            (
                r"\b(?:count|string-length|substring|name|local-name|position|contains|starts-with|last|text)\s?\(\s?"
                r"(?://|/\*|/@|@|\.{1,2}/|\*|\)|parent::|child::|/?comment\s?\()"
            ),
        ),
        confirm=matching(
            r"(?:'|\"|\)|\]|\b(?:or|and)\b)[\s)\]]{0,8}(?:or|and|\||=)[\s(]{1,8}(?:not\s?\(\s?)?"
            r"(?:(?:count|string-length|substring|name|local-name|position|contains|starts-with|last|text)\s?\(\s?"
            r"(?://?|@|\.{1,2}/|\*|parent::|child::|comment\s?\()|(?:name|position|last|text)\s?\(\s?\)\s?[=<>])"
        ),
        matches=(
            "' and count(/*)=1 and '1'='1",
            "x' or name()='username' or 'x'='y",
            "' or string-length(//user[1]/name)=5 or '",
        ),
        passes=("the count (of all) and name (of one)", "'a' or name (b)", "call text() and name() on it"),
    ),
    Pattern(
        "xpath-102",
        "a path through all nodes of a document",
        expressions=(
            r"\|\s*//|//\*|/\*\[|/(?:node|text|comment)\(\)",
            r"\b(?:ancestor|descendant|following|preceding|parent|child|self)(?:-or-self|-sibling)?::(?:\*|\w)",
        ),
        confirm=matching(
            r"['\"\])][\s)]{0,8}\|\s{0,8}/{1,2}(?:\*|\w|@)|/{1,2}(?:\*|node\(\)|text\(\)|comment\(\))\s?(?:\[|\||and\b|or\b)"
            r"|\b(?:ancestor|descendant|following|preceding|parent|child|self)(?:-or-self|-sibling)?::(?:\*|\w{2})"
        ),
        matches=("x'] | //user/*[contains(*,'", "'] | //password | //foo['", "//*[1]", "/child::node()"),
        passes=("a//b", "https://x/y", "and/or", "see // note"),
    ),
)
