"""Filters that are put into a query of a directory (LDAP injection, CWE-90)."""

from __future__ import annotations

from typing import Final

from portcullis.engine.inspection.pattern import START, AttackClass, Pattern, matching

CLASS: Final = AttackClass(
    key="ldap",
    title="LDAP injection",
    summary="parentheses that close a filter and open another",
    cwe=90,
)

_ATTRIBUTE: Final = (
    r"(?:uid|cn|sn|ou|dc|mail|givenname|member(?:of)?|objectclass|objectcategory|user(?:name|password|principalname)?"
    r"|password|samaccountname|name|zone|attribute|memberuid|title|department|homedirectory)"
)

PATTERNS: Final = (
    Pattern(
        "ldap-101",
        "a filter that is closed, and another that is opened",
        expressions=(r"\)\(",),
        confirm=matching(
            rf"\)\s{{0,4}}\(?\s{{0,4}}[&|!]{{1,4}}\s{{0,4}}\(?\s{{0,4}}{_ATTRIBUTE}\s{{0,4}}[~<>]?="
            rf"|\)\s?\({{1,4}}\s?(?:[&|!](?:\s?\(|\)|\s?{_ATTRIBUTE}\s?=)|{_ATTRIBUTE}\s?=\s?[*)])"
        ),
        matches=("*)(uid=*))(|(uid=*", "admin)(&)", "x)(cn=*", "admin*)((|userPassword=*)", "*)(|(mail=*))"),
        passes=("(a) (b)", "f(x)(y)", "see (1) & (2)", "(name)(value)", "if (a) && (b == c)"),
    ),
    Pattern(
        "ldap-102",
        "a filter that matches everything, or ends early",
        expressions=(
            r"\([|&!]\(|=\*\)|\)\(|\(\*\)\*",
            rf"{START}\*[(|)]|\)(?:%00|\x00|\\x?00)",
        ),
        confirm=matching(
            rf"\(\s?[|&!]\s?\(\s?{_ATTRIBUTE}\s?=|\(\s?{_ATTRIBUTE}\s?=\s?\*\s?\)|\A\*\(?\s?[|&]\s?\(\s?{_ATTRIBUTE}\s?="
            r"|\A\*\s?\(\s?\)\s?\||\A[\w*]{0,40}\){1,8}(?:\(?[&|]\Z|(?:\(cn=\)\))?(?:%00|\x00|\\x?00)\Z)"
            r"|\A\(\*\)\*\)\Z|\A\*[|(]{1,4}&?['\"]?\Z|\A\*\)\(&\Z|\)\(cn=\)\)"
        ),
        matches=("(|(objectclass=*))", "(uid=*)", "*(|(mail=*))", "*()|&'", "*))%00", "(&(uid=a)(password=b))"),
        passes=("(a|b)", "(mail = yes)", "5 * (3 | 4)", "*", "(uid)", "(*) see below"),
    ),
)
